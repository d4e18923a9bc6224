"""Placement: the moved layer, the way back to the truth, and windows that tell nothing of the place."""

import json
import random
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from bgswap.augmentation.frame import Scene
from bgswap.augmentation.methods import placement
from bgswap.augmentation.ranges import PlacementRanges
from bgswap.augmentation.samples import Tools
from bgswap.augmentation.tensors import to_pixels, to_tensor
from bgswap.compositing.decisions import Place
from bgswap.compositing.geometry import bounds, inverse, placement_matrix
from bgswap.compositing.outline import Outline, trace
from bgswap.compositing.resample import PlacedCutout
from bgswap.errors import PictureError
from bgswap.folders import picture
from bgswap.inpainting.fill import Filler, InpaintSettings
from bgswap.matting.colors import cut_out

MILD = PlacementRanges(height=(0.6, 0.8), rotation=(-15.0, 15.0))  # so that little detail is lost


@pytest.fixture(scope="module")
def walker(test_data) -> dict[str, Any]:
    """A real photo of a whole person, 640 pixels high, its cut-out, a plain plate, and its outline."""
    photo = picture.read(test_data / "people" / "photos" / "0003.jpg").rgb
    matte = picture.read_mask(test_data / "people" / "masks" / "0003.png").pixels
    cut = cut_out(photo, matte)
    plate = np.broadcast_to(photo[matte == 0].mean(0).astype(np.uint8), photo.shape)
    pictures = {
        "photo": to_tensor(photo),
        "foreground": to_tensor(cut[..., :3]),
        "alpha": to_tensor(matte),
        "plate": to_tensor(np.ascontiguousarray(plate)),
    }
    return {"pictures": pictures, "scene": scene_of(matte), "matte": matte}


def scene_of(matte: NDArray[np.uint8]) -> Scene:
    outline = trace(matte)
    assert outline is not None
    return Scene(matte.shape, tuple(map(float, outline.box)), outline.cut)


def layer_of(made: dict[str, Tensor]) -> tuple[NDArray[np.uint8], Outline]:
    cut = to_pixels(made["foreground"])
    outline = trace(cut)
    assert outline is not None
    return cut, outline


@pytest.mark.parametrize("seed", range(4))
def test_composited_by_box_true_the_layer_gives_the_true_photo_back(walker, seed):
    pictures = walker["pictures"]
    drawn = placement.draw(random.Random(seed), walker["scene"], PlacementRanges(height=(0.88, 0.9), inside=1.0))
    made = placement.apply(pictures, drawn)
    cut, outline = layer_of(made)
    frame = cut.shape[:2]
    matrix = placement_matrix(Place(*placement.facts(made, drawn)["box_true"]), outline, frame)
    colors, alpha = PlacedCutout(cut, matrix, outline, frame).piece(0, 0, *frame, np.uint8)
    cover = alpha[..., None] / 255
    result = cover * colors + (1 - cover) * to_pixels(made["plate"])
    inside = walker["matte"] == 255
    error = (result - to_pixels(made["composite_true"]).astype(float))[inside]
    assert 10 * np.log10(255**2 / (error**2).mean()) > 27  # moved by 2 pixels: 19 to 22


@pytest.mark.parametrize("seed", range(20))
def test_box_true_is_the_inverse_of_the_drawn_affine(walker, seed):
    drawn = placement.draw(random.Random(seed), walker["scene"], PlacementRanges())
    made = placement.apply(walker["pictures"], drawn)
    cut, outline = layer_of(made)
    told = placement_matrix(Place(*placement.facts(made, drawn)["box_true"]), outline, cut.shape[:2])
    assert np.abs(told - inverse(np.array(drawn["affine"]))).max() < 1e-6


@pytest.mark.parametrize("more", [-1.5, -0.4, 0.4, 1.5])
def test_box_true_leads_back_where_the_compositor_takes_a_scale_for_one(walker, more):
    """Scales that move the box's far end by under three quarters of a pixel, or just over."""
    share = 1 + more / (walker["scene"].box[2] - walker["scene"].box[0])
    share *= (walker["scene"].box[2] - walker["scene"].box[0]) / walker["scene"].size[0]
    drawn = placement.draw(random.Random(3), walker["scene"], PlacementRanges(height=(share, share)))
    made = placement.apply(walker["pictures"], drawn)
    cut, outline = layer_of(made)
    told = placement_matrix(Place(*placement.facts(made, drawn)["box_true"]), outline, cut.shape[:2])
    assert np.abs(told - inverse(np.array(drawn["affine"]))).max() < 1e-6


@pytest.mark.parametrize("turn", [0.0, 90.0, -180.0])
def test_box_true_leads_back_to_the_pixel_where_scale_is_one_and_turns_are_right_angles(walker, turn):
    height, width = walker["scene"].size
    box = walker["scene"].box
    share = 1 / min(height / (box[2] - box[0]), width / (box[3] - box[1]))
    ranges = PlacementRanges(height=(share, share), rotation=(turn, turn), inside=0.6)
    drawn = placement.draw(random.Random(5), walker["scene"], ranges)
    made = placement.apply(walker["pictures"], drawn)
    cut, outline = layer_of(made)
    told = placement_matrix(Place(*placement.facts(made, drawn)["box_true"]), outline, cut.shape[:2])
    assert np.abs(told - inverse(np.array(drawn["affine"]))).max() < 1e-6
    assert np.abs(np.array(drawn["affine"]) - np.rint(drawn["affine"])).max() == 0


def test_plate_and_true_photo_stay_as_they_are_and_the_mask_is_the_layers_alpha(walker):
    drawn = placement.draw(random.Random(1), walker["scene"], MILD)
    before = {role: tensor.clone() for role, tensor in walker["pictures"].items()}
    made = placement.apply(walker["pictures"], drawn)
    assert tuple(made) == placement.OUTPUTS
    assert torch.equal(made["plate"], before["plate"])
    assert torch.equal(made["composite_true"], before["photo"])
    assert torch.equal(made["mask"], made["foreground"][3:])
    assert all(torch.equal(walker["pictures"][role], before[role]) for role in before)
    assert made["foreground"].shape == (4, *walker["scene"].size)


def test_the_layer_keeps_its_colors_up_to_the_edge(walker):
    """A person of one color has that color in every pixel that shows any of it."""
    pictures = dict(walker["pictures"])
    pictures["foreground"] = torch.tensor([0.8, 0.4, 0.2])[:, None, None].expand_as(pictures["foreground"])
    made = placement.apply(pictures, placement.draw(random.Random(2), walker["scene"], MILD))
    shown = made["mask"][0] > 0.01
    assert (made["foreground"][:3, shown] - torch.tensor([0.8, 0.4, 0.2])[:, None]).abs().max() < 0.5 / 255
    assert (made["foreground"][:3, made["mask"][0] == 0] == 0).all()
    assert made["mask"].max() == 1
    assert not ((made["mask"] > 0) & (made["mask"] < 0.5 / 255)).any()


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    top=st.floats(-300, 200),
    left=st.floats(-300, 200),
    high=st.floats(1, 700),
    wide=st.floats(1, 700),
)
def test_most_of_what_the_frame_shows_stays_on_the_canvas(seed, top, left, high, wide):
    box = min(top, 255), min(left, 255), max(top + high, 1), max(left + wide, 1)
    drawn = placement.draw(random.Random(seed), Scene((256, 256), box), PlacementRanges())
    assert json.loads(json.dumps(drawn, allow_nan=False)) == drawn
    seen = [share * 256 for share in drawn["true_box"]]
    y0, x0, y1, x1 = bounds(np.array(drawn["affine"]), (seen[0], seen[1], seen[2], seen[3]))
    inside = (min(y1, 256) - max(y0, 0)) / (y1 - y0), (min(x1, 256) - max(x0, 0)) / (x1 - x0)
    assert min(inside) > min(0.8, 128 / max(y1 - y0, x1 - x0)) - 0.01


def test_size_and_place_on_the_canvas_tell_nothing_of_the_true_ones():
    rng = np.random.default_rng(1)
    true, moved = [], []
    for seed in range(2000):
        height, (x, y) = rng.uniform(40, 250), rng.uniform(60, 196, 2)
        box = y - height / 2, x - height / 6, y + height / 2, x + height / 6
        drawn = placement.draw(random.Random(seed), Scene((256, 256), box), PlacementRanges())
        seen = np.array(drawn["true_box"]) * 256
        center = np.array(drawn["affine"]) @ [(seen[1] + seen[3]) / 2, (seen[0] + seen[2]) / 2, 1]
        scale = abs(np.linalg.det(np.array(drawn["affine"])[:, :2])) ** 0.5
        true.append([seen[2] - seen[0], (seen[1] + seen[3]) / 2, (seen[0] + seen[2]) / 2])
        moved.append([scale * max(seen[2] - seen[0], seen[3] - seen[1]), *center])
    related = np.corrcoef(np.array(true).T, np.array(moved).T)[:3, 3:]
    assert np.abs(related).max() < 0.08  # 3.5 standard deviations of chance


def even(values: NDArray[np.float64]) -> bool:
    """Whether values look uniform in 0..1: Kolmogorov-Smirnov at 0.1 %."""
    return bool(np.abs(np.sort(values) - np.linspace(0, 1, len(values))).max() < 1.95 / len(values) ** 0.5)


@pytest.mark.parametrize("aspect", [1.0, 430 / 640, 1.5])
def test_the_persons_center_lies_evenly_in_the_window(aspect):
    box, chosen, found = (60.0, 130.0, 590.0, 280.0), random.Random(0), []
    for _ in range(2000):
        top, left, height, width = placement.draw_window(chosen, (640, 430), box, aspect, PlacementRanges())
        assert min(top, left, 640 - top - height, 430 - left - width) >= -1e-9
        assert width == pytest.approx(aspect * height)
        found.append(((325 - top) / height, (205 - left) / width))
    down, across = np.array(found).T
    assert even(down)
    assert even(across)
    assert abs(np.corrcoef(down, across)[0, 1]) < 0.08


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10**6), x=st.floats(0, 1), y=st.floats(0, 1), aspect=st.floats(0.3, 3))
def test_a_window_lies_in_the_photo_and_shows_the_center_of_whoever_stands_at_its_border(seed, x, y, aspect):
    box = (y * 300 - 20, x * 400 - 10, y * 300 + 20, x * 400 + 10)
    top, left, height, width = placement.draw_window(random.Random(seed), (300, 400), box, aspect, PlacementRanges())
    assert min(top, left, 300 - top - height, 400 - left - width) >= -1e-6
    assert top - 1e-6 <= y * 300 <= top + height + 1e-6
    assert left - 1e-6 <= x * 400 <= left + width + 1e-6
    assert height >= 0.75 * 0.25 * min(300, 400 / aspect) - 1e-6


def test_a_share_of_windows_shows_whole_people_where_that_is_asked():
    box = (40.0, 100.0, 260.0, 180.0)
    windows = [
        placement.draw_window(random.Random(i), (300, 400), box, 1.0, PlacementRanges(whole=0.4)) for i in range(400)
    ]
    whole = [w for w in windows if w[2] == 300]
    assert 0.33 < len(whole) / 400 < 0.47
    assert all(left <= 100 and left + width >= 180 for _, left, _, width in whole)
    assert np.std([left for _, left, _, _ in whole]) > 15


def test_a_frame_that_shows_nothing_of_the_person_is_refused(walker):
    drawn = placement.draw(random.Random(1), walker["scene"], MILD)
    empty = {**walker["pictures"], "alpha": torch.zeros_like(walker["pictures"]["alpha"])}
    with pytest.raises(PictureError, match="nothing of the person"):
        placement.facts(placement.apply(empty, drawn), drawn)


def test_decoys_come_into_the_plate_before_it_is_cut_and_without_shapes_it_stays(walker):
    tools = Tools(fill=Filler(InpaintSettings(model="telea", side=64)))
    pictures = walker["pictures"]
    read = {"photo": to_pixels(pictures["photo"]), "alpha": walker["matte"], "plate": to_pixels(pictures["plate"])}
    read["plate"][::7] = 0
    drawn = {"decoys": [[0.1, 0.5, 0.5, False]], "turn": 0}
    assert placement.prepare(read, drawn, tools)["plate"] is read["plate"]
    prepared = placement.prepare({**read, "decoy_0": walker["matte"]}, drawn, tools)["plate"]
    assert (prepared != read["plate"])[270:370, 30:60].any()
    assert (prepared == read["plate"])[:, -20:].all()
    assert placement.prepare({**read, "decoy_0": walker["matte"]}, drawn, tools)["plate"] is prepared  # of all copies
    other = {**read, "plate": 255 - read["plate"], "decoy_0": walker["matte"]}
    assert not np.array_equal(placement.prepare(other, drawn, tools)["plate"], prepared)
