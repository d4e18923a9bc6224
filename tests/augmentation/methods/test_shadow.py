"""Cast shadows: where geometry says they fall, joined to the feet, and nothing else changed."""

import json
import math
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from bgswap.augmentation.frame import Scene
from bgswap.augmentation.methods import shadow
from bgswap.augmentation.ranges import ShadowRanges
from bgswap.augmentation.tensors import to_tensor
from bgswap.compositing.outline import trace

SIZE = 240, 400
TALL, FOOT = 100, 180  # the pole's height and the row below its lowest pixel


def drawn(box: tuple[float, float, float, float] = (80.0, 197.0, 180.0, 203.0), **numbers: Any) -> dict[str, Any]:
    """A light of 45 degrees from the right, hardly any width, no contact shadow; the horizon at the pole's top."""
    usual: dict[str, Any] = {"azimuth": 90.0, "elevation": 45.0, "size": 0.01, "density": 0.5, "contact": 0.0}
    usual |= {"tint": [1.0, 1.0, 1.0], "camera": 1.0, "distance": 3.0, "standing": True, "box": list(box)}
    return usual | numbers


def pole(left: int = 197, right: int = 203, foot: int = FOOT, top: int = 80) -> Tensor:
    alpha = torch.zeros(1, *SIZE)
    alpha[:, top:foot, left:right] = 1
    return alpha


def extent(lost: Tensor) -> tuple[int, int, int, int]:
    """Top, left, bottom, right of what is darkened by half of the most."""
    marks = (lost[0] > 0.25).numpy()
    rows, columns = np.flatnonzero(marks.any(1)), np.flatnonzero(marks.any(0))
    return rows[0], columns[0], rows[-1] + 1, columns[-1] + 1


@pytest.mark.parametrize("elevation", [35, 45, 60])
@pytest.mark.parametrize(("azimuth", "side"), [(90.0, -1), (270.0, 1)])
def test_light_from_a_side_lays_a_pole_s_shadow_level_to_the_other_side_as_long_as_its_elevation_says(
    elevation: float, azimuth: float, side: int
) -> None:
    top, left, bottom, right = extent(shadow.shadow(pole(), drawn(azimuth=azimuth, elevation=elevation)))
    length = TALL / math.tan(math.radians(elevation))
    assert (200 - left if side < 0 else right - 200) == pytest.approx(length, abs=5)
    assert (right if side < 0 else 400 - left) <= 204 if side < 0 else left >= 196
    assert (top + bottom) / 2 == pytest.approx(FOOT, abs=2)
    assert bottom - top < 8


@pytest.mark.parametrize(("azimuth", "depth"), [(0.0, 4.0), (180.0, 2.0)])
def test_light_from_before_or_behind_ends_the_shadow_at_the_row_of_that_depth(azimuth: float, depth: float) -> None:
    # f c / z below the horizon: 300 / 4 or 300 / 2 pixels below row 80 for a ground point at depth 3 + 1 or 3 - 1
    top, left, bottom, right = extent(shadow.shadow(pole(), drawn(azimuth=azimuth, camera=1.0)))
    end = 80 + 300 / depth
    assert (top if azimuth == 0 else bottom) == pytest.approx(end, abs=4)
    assert (bottom if azimuth == 0 else top) == pytest.approx(FOOT, abs=4)
    assert (left + right) / 2 == pytest.approx(200, abs=2)


@pytest.mark.parametrize("azimuth", range(0, 360, 30))
def test_the_shadow_touches_both_feet_of_one_who_walks(azimuth: float) -> None:
    alpha = torch.maximum(pole(170, 178, 180), pole(222, 230, 190))
    alpha[:, 80:130, 170:230] = 1
    lost = shadow.shadow(alpha, drawn((80.0, 170.0, 190.0, 230.0), azimuth=float(azimuth)))
    for column, row in ((174, 180), (226, 190)):
        assert lost[0, row - 3 : row + 3, column - 4 : column + 4].max() > 0.3


def test_a_head_that_the_window_cuts_off_still_casts() -> None:
    # 200 pixels tall, of which 180 are seen: to the right of column 200 by 200 / tan 60, not by 180 / tan 60 = 104
    seen = drawn((-20.0, 197.0, 180.0, 203.0), azimuth=270.0, camera=0.9, elevation=60.0)
    *_, right = extent(shadow.shadow(pole(top=0), seen))
    assert right - 200 == pytest.approx(115, abs=3)


def test_no_shadow_falls_at_or_above_the_horizon() -> None:
    for azimuth in range(0, 360, 45):
        lost = shadow.shadow(pole(), drawn(azimuth=float(azimuth), elevation=5.0, camera=0.6, size=7.0))
        assert not lost[0, :121].any()
        assert lost.any()


def test_the_edge_grows_softer_away_from_the_feet() -> None:
    lost = shadow.shadow(pole(190, 210), drawn((80.0, 190.0, 180.0, 210.0), azimuth=225.0, size=6.0, elevation=40.0))
    steep = [lost[0, row].diff().abs().max() for row in (182, 192)]
    assert steep[1] < 0.6 * steep[0]


def test_full_shadow_loses_the_drawn_share_of_light_and_no_more() -> None:
    for density in (0.3, 0.6):
        lost = shadow.shadow(pole(180, 220), drawn((80.0, 180.0, 180.0, 220.0), density=density))
        assert lost.max() == pytest.approx(density, abs=0.01)


def test_soles_darken_the_ground_under_them_though_the_light_casts_nothing() -> None:
    lost = shadow.shadow(pole(), drawn(contact=0.7, density=0.0))[0]
    assert lost[FOOT + 1, 200] > 0.25
    assert not lost[: FOOT - 40].any()
    assert not lost[:, :120].any()


def test_light_is_taken_in_linear_light_by_the_power_of_each_channel() -> None:
    plate = torch.full((3, 2, 2), 0.5)
    lost = torch.tensor([[[0.36, 0.36], [0.0, 0.36]]])
    made = shadow.shade(plate, lost, [1.0, 2.0, 0.5])
    # 0.5 is 0.2140411 of light; times 0.64, 0.4096 and 0.8, and back by IEC 61966-2-1
    assert made[:, 0, 0].tolist() == pytest.approx([0.40582, 0.32763, 0.45072], abs=5e-5)
    assert torch.equal(made[:, 1, 0], plate[:, 1, 0])


@pytest.fixture(scope="module")
def standing(test_data: Path) -> dict[str, Tensor]:
    """A real person who stands, small, over the photo itself upside down as a plate."""
    size = (170, 256)
    photo, mask = (
        Image.open(test_data / "people" / folder / name).resize(size)
        for folder, name in (("photos", "0172.jpg"), ("masks", "0172.png"))
    )
    pixels: NDArray[np.uint8] = np.asarray(photo.convert("RGB"))
    alpha = to_tensor(np.asarray(mask.convert("L")))
    return {"foreground": to_tensor(pixels), "alpha": alpha, "plate": to_tensor(np.ascontiguousarray(pixels[::-1]))}


def scene_of(alpha: Tensor) -> Scene:
    outline = trace((alpha[0] * 255).round().byte().numpy())
    assert outline is not None
    top, left, bottom, right = outline.box
    return Scene(outline.size, (top, left, bottom, right), outline.cut)


@pytest.mark.parametrize("seed", range(8))
def test_a_real_person_s_sample_changes_the_plate_under_its_shadow_and_nowhere_else(
    standing: dict[str, Tensor], seed: int
) -> None:
    numbers = shadow.draw(Random(seed), scene_of(standing["alpha"]), ShadowRanges())
    made = shadow.apply(standing, numbers)
    assert tuple(made) == shadow.OUTPUTS
    assert numbers["standing"]
    lost, person = made["shadow_true"][0], standing["alpha"][0]
    assert 0 <= lost.min() <= lost.max() < 1
    assert lost[person == 0].max() > 0.2
    free = (lost == 0) & (person == 0)
    assert free.sum() > 1000
    assert torch.equal(made["composite_true"][:, free], standing["plate"][:, free])
    dark = (lost > 0.05) & (person == 0)
    assert (made["composite_true"][:, dark] <= standing["plate"][:, dark]).all()
    assert torch.equal(made["composite_true"][:, person == 1], standing["foreground"][:, person == 1])
    assert torch.equal(made["foreground"], torch.cat([standing["foreground"], standing["alpha"]]))


def test_the_same_numbers_read_from_json_give_the_same_pictures(standing: dict[str, Tensor]) -> None:
    numbers = shadow.draw(Random(5), scene_of(standing["alpha"]), ShadowRanges())
    copied = {role: picture.clone() for role, picture in standing.items()}
    first = shadow.apply(standing, numbers)
    second = shadow.apply(copied, json.loads(json.dumps(numbers, allow_nan=False)))
    assert all(torch.equal(first[role], second[role]) for role in shadow.OUTPUTS)
    assert all(torch.equal(standing[role], copied[role]) for role in standing), "inputs are not written into"


CHANGES: dict[str, Any] = {
    "azimuth": (70.0, 80.0),
    "elevation": (20.0, 25.0),
    "softness": (9.0, 10.0),
    "density": (0.8, 0.9),
    "contact": (0.1, 0.2),
    "tint": (0.3, 0.4),
    "camera": (0.5, 0.6),
    "distance": (8.0, 9.0),
}


def test_every_range_has_its_test() -> None:
    assert set(CHANGES) == {field.name for field in fields(ShadowRanges)}


@pytest.mark.parametrize("name", CHANGES)
def test_every_range_changes_the_picture(standing: dict[str, Tensor], name: str) -> None:
    scene = scene_of(standing["alpha"])
    usual, other = (
        shadow.draw(Random(2), scene, ranges)
        for ranges in (ShadowRanges(), replace(ShadowRanges(), **{name: CHANGES[name]}))
    )
    assert set(usual) == set(other)
    pictures = [shadow.apply(standing, numbers)["composite_true"] for numbers in (usual, other)]
    assert (pictures[0] - pictures[1]).abs().max() > 0.01


@pytest.mark.parametrize(
    "scene",
    [
        Scene(SIZE, (80.0, 190.0, 240.0, 210.0), frozenset({"bottom"})),
        Scene(SIZE, (80.0, 190.0, 260.0, 210.0)),
    ],
)
def test_one_whose_feet_are_not_seen_casts_nothing_and_the_sample_is_made_all_the_same(scene: Scene) -> None:
    numbers = shadow.draw(Random(0), scene, ShadowRanges())
    plate = torch.rand(3, *SIZE, generator=torch.Generator().manual_seed(0))
    made = shadow.apply({"foreground": plate.flip(2), "alpha": pole(foot=240), "plate": plate}, numbers)
    assert numbers["standing"] is False
    assert not made["shadow_true"].any()
    assert torch.equal(made["composite_true"][..., :190], plate[..., :190])


def point(alpha: Tensor) -> Tensor:
    one = torch.zeros_like(alpha)
    one[0, -3, 5] = 1
    return one


@pytest.mark.parametrize("fill", [torch.zeros_like, torch.ones_like, point])
@pytest.mark.parametrize("size", [(1, 1), (7, 5), (64, 48)])
def test_nobody_everybody_and_one_pixel_give_finite_pictures(
    fill: Callable[[Tensor], Tensor], size: tuple[int, int]
) -> None:
    if fill is point and min(size) < 6:
        pytest.skip("the pixel is not in this frame")
    alpha = fill(torch.zeros(1, *size))
    rows = alpha[0].amax(1).nonzero()[:, 0].tolist() or [0]
    columns = alpha[0].amax(0).nonzero()[:, 0].tolist() or [0]
    scene = Scene(size, (rows[0], columns[0], rows[-1] + 1.0, columns[-1] + 1.0))
    plate = torch.full((3, *size), 0.5)
    for seed in range(4):
        made = shadow.apply(
            {"foreground": plate, "alpha": alpha, "plate": plate}, shadow.draw(Random(seed), scene, ShadowRanges())
        )
        assert all(torch.isfinite(picture).all() for picture in made.values())


@pytest.mark.parametrize("aspect", [1.0, 0.66, 1.5])
def test_a_window_lies_in_the_photo_and_shows_the_feet(aspect: float) -> None:
    for seed in range(30):
        top, left, height, width = shadow.draw_window(
            Random(seed), (640, 425), (60.0, 120.0, 610.0, 300.0), aspect, ShadowRanges()
        )
        assert width / height == pytest.approx(aspect)
        assert top >= 0
        assert left >= 0
        assert top + height <= 640 + 1e-6
        assert left + width <= 425 + 1e-6
        assert top + height > 615
        assert left <= 120
        assert left + width >= 300
