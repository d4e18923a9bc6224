"""A person in another light: shaded from the side that is lit, bounded, and nothing else touched."""

import json
import math
from dataclasses import fields, replace
from random import Random

import pytest
import torch
from torch import Tensor

from bgswap.augmentation.colors import LUMA, to_linear
from bgswap.augmentation.frame import Scene
from bgswap.augmentation.methods import relight
from bgswap.augmentation.ranges import RelightRanges
from bgswap.augmentation.tensors import resize, to_tensor

SCENE = Scene((128, 128), (0, 0, 128, 128))
EVEN = [[math.sqrt(4 * math.pi)] + [0.0] * 8] * 3


@pytest.fixture(scope="module")
def person(photo) -> dict[str, Tensor]:
    """The astronaut with a hand-made soft matte of head and shoulders, 128 x 128."""
    colors = resize(to_tensor(photo), (128, 128))
    at = torch.arange(128) + 0.5
    head = 1 - ((at[None] - 56) / 18) ** 2 - ((at[:, None] - 31) / 24) ** 2
    body = 1 - ((at[None] - 56) / 52) ** 2 - ((at[:, None] - 125) / 75) ** 2
    alpha = (torch.maximum(head, body) * 6 + 0.5).clamp(0, 1)[None]
    return {"photo": colors, "foreground": colors.clone(), "alpha": alpha}


def gray(pictures: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same person in even gray, so that only the new light is seen."""
    even = torch.full_like(pictures["foreground"], 0.5)
    return {**pictures, "photo": even, "foreground": even.clone()}


def lit_from(azimuth: float, elevation: float = 0.0, **other) -> dict:
    """A drawn light that is one white lobe and a little ambient."""
    lobe = {"azimuth": azimuth, "elevation": elevation, "share": 0.8, "color": [1.0, 1.0, 1.0]}
    light = relight.sphere([lobe], 0.2, [1.0, 1.0, 1.0])
    plain = {"contrast": 1.0, "exposure": 0.0, "ratio": [0.4, 2.5], "relief": 1.0, "unlight": 0.0}
    return {"lobes": [lobe], "light": light, **plain, **other}


def composed(pictures: dict[str, Tensor], drawn: dict) -> Tensor:
    made = relight.apply(pictures, drawn)
    return made["photo"] + pictures["alpha"] * (made["foreground"] - made["foreground_true"])


def sphere_grid(steps: int = 200) -> tuple[Tensor, Tensor]:
    """Directions (3, n) over the whole sphere and the solid angle that each stands for, in float64."""
    z = (torch.arange(steps, dtype=torch.float64) + 0.5) / steps * 2 - 1
    turn = (torch.arange(2 * steps, dtype=torch.float64) + 0.5) / steps * math.pi
    ring = (1 - z**2).sqrt()[:, None]
    grid = torch.stack([ring * turn.cos(), ring * turn.sin(), z[:, None].expand(-1, 2 * steps)])
    return grid.flatten(1), torch.full((2 * steps**2,), 2 * math.pi / steps**2, dtype=torch.float64)


def test_the_harmonics_are_orthonormal_over_the_sphere():
    directions, area = sphere_grid()
    harmonics = torch.stack(relight.basis(*directions))
    assert torch.allclose((harmonics * area) @ harmonics.T, torch.eye(9, dtype=torch.float64), atol=2e-4)


def test_an_even_light_of_coefficient_1_gives_pi_times_its_harmonic_everywhere():
    light = torch.zeros(1, 9)
    light[0, 0] = 1
    normals = torch.nn.functional.normalize(torch.randn(3, 50, generator=torch.Generator().manual_seed(1)), dim=0)
    assert torch.allclose(relight.irradiance(light, normals), torch.tensor(0.886228), atol=2e-6)  # sqrt(pi) / 2


def test_irradiance_equals_the_integral_of_the_light_over_the_half_sphere():
    """A lobe of order 2 has no higher bands, so the nine coefficients hold all of its irradiance."""
    lobe = {"azimuth": 40.0, "elevation": 25.0, "share": 0.9, "color": [1.0, 0.8, 1.1]}
    light = torch.tensor(relight.sphere([lobe], 0.1, [1.0, 1.0, 1.0]), dtype=torch.float64)
    directions, area = sphere_grid()
    toward = torch.tensor([0.582563, 0.422618, 0.694272], dtype=torch.float64)  # cos 25 sin 40, sin 25, cos 25 cos 40
    radiance = 0.1 + 0.9 * (toward @ directions + relight.SOFT) ** 2 / (relight.SOFT**2 + 1 / 3)
    for normal in ([0.0, 0.0, 1.0], [0.6, 0.0, 0.8], [-0.48, 0.6, 0.64], [0.0, -1.0, 0.0]):
        facing = torch.tensor(normal, dtype=torch.float64)
        integral = ((facing @ directions).clamp_min(0) * radiance * area).sum()
        shaded = relight.irradiance(light, facing[:, None])[0, 0]
        assert float(shaded) == pytest.approx(float(integral), rel=1e-3)


def test_drawn_lights_are_nowhere_negative_and_of_mean_1():
    directions, area = sphere_grid(60)
    harmonics = torch.stack(relight.basis(*directions))
    for seed in range(40):
        drawn = relight.draw(Random(seed), SCENE, RelightRanges(ambient=(0.0, 0.0)))
        radiance = torch.tensor(drawn["light"], dtype=torch.float64) @ harmonics
        assert radiance.min() > -1e-5
        mean = (radiance * area).sum(1) / (4 * math.pi)
        assert float(mean @ torch.tensor(LUMA, dtype=torch.float64)) == pytest.approx(1, abs=1e-3)


def test_light_from_the_left_brightens_the_left(person):
    left, right = (composed(gray(person), lit_from(side)) for side in (-80, 80))
    assert left[1, 100, 20] > left[1, 100, 90] + 0.1
    assert right[1, 100, 90] > right[1, 100, 20] + 0.1
    assert left[1, 31, 44] > left[1, 31, 68] + 0.05  # the head as well as the body


def test_light_from_above_brightens_the_shoulders_more_than_the_chest(person):
    lit = relight.apply(gray(person), lit_from(0, 80))["foreground"]
    assert lit[1, 62, 30] > lit[1, 110, 56] + 0.05
    dark = relight.apply(gray(person), lit_from(0, -60))["foreground"]
    assert dark[1, 62, 30] < dark[1, 110, 56] - 0.05


def test_an_even_light_leaves_the_person_as_is(person):
    made = relight.apply(person, {**lit_from(0), "light": EVEN})
    assert (made["foreground"] - person["foreground"]).abs().max() < 1e-4


def test_nothing_but_the_person_changes(person):
    before = {role: picture.clone() for role, picture in person.items()}
    made = relight.apply(person, lit_from(-60))
    outside = (person["alpha"] == 0).expand(3, -1, -1)
    assert torch.equal(composed(person, lit_from(-60))[outside], person["photo"][outside])
    assert torch.equal(made["photo"], person["photo"])
    assert all(torch.equal(person[role], before[role]) for role in before)


def test_the_truth_of_an_earlier_method_is_kept(person):
    assert relight.apply(person, lit_from(0))["foreground_true"] is person["foreground"]
    earlier = {**person, "foreground_true": person["foreground"] * 0.5}
    assert relight.apply(earlier, lit_from(0))["foreground_true"] is earlier["foreground_true"]


def test_mirrored_person_in_mirrored_light_is_the_mirrored_picture(person):
    drawn = lit_from(-70, 20, unlight=0.5)
    mirrored = relight.apply({role: picture.flip(2) for role, picture in person.items()}, lit_from(70, 20, unlight=0.5))
    there = relight.apply(person, drawn)["foreground"]
    assert (mirrored["foreground"].flip(2) - there).abs().max() < 5e-3


def test_no_part_leaves_the_bounds_of_the_ratio(person):
    dim = {**gray(person), "foreground": torch.full_like(person["foreground"], 0.3)}
    drawn = lit_from(90, 40, contrast=4.0, ratio=[0.6, 1.5])
    ratio = to_linear(relight.apply(dim, drawn)["foreground"]) / to_linear(dim["foreground"])
    seen = ratio[:, person["alpha"][0] > 0]
    assert seen.min() > 0.6
    assert seen.min() < 0.7
    assert 1.4 < seen.max() < 1.5


def test_brightened_white_stays_white_nothing_is_cut_and_all_can_darken():
    colors = torch.linspace(0, 1, 101).expand(3, -1)
    brighter = relight.brighten(colors, torch.tensor(2.5))
    assert (brighter.diff(dim=1) > 0).all()
    assert torch.allclose(brighter[:, -1], torch.ones(3), atol=1e-5)
    assert torch.allclose(relight.brighten(colors, torch.tensor(1.0)), colors, atol=1e-5)
    darker = relight.brighten(colors, torch.tensor(0.4))
    assert (darker[:, 1:] < colors[:, 1:]).all()
    assert (darker[:, -1] < 0.85).all()  # white darkens as well


def test_mean_brightness_stays_but_for_the_exposure(person):
    dim = {**gray(person), "foreground": torch.full_like(person["foreground"], 0.3)}
    for stops in (0.0, 0.5):
        lit = to_linear(relight.apply(dim, lit_from(60, exposure=stops))["foreground"])
        stop = torch.log2(lit / to_linear(dim["foreground"]))
        assert float((stop * person["alpha"]).mean() / person["alpha"].mean()) == pytest.approx(stops, abs=0.08)


def test_given_normals_are_used_instead_of_the_estimate(person):
    facing_right = torch.tensor([0.9, 0.5, 0.7]).view(3, 1, 1).expand_as(person["photo"])  # x 0.8, y 0, z 0.4
    given = {**gray(person), "normals": facing_right}
    lit = relight.apply(given, lit_from(-80))["foreground"]
    assert lit[:, person["alpha"][0] > 0].std() < 1e-4  # one direction, one shade
    half = facing_right.clone()
    half[0, :, :64] = 0.1
    lit = relight.apply({**given, "normals": half}, lit_from(-80))["foreground"]
    assert lit[1, 100, 30] > lit[1, 100, 90] + 0.2


def test_the_photos_own_side_light_is_found_and_taken_away(person):
    once = {**gray(person), "foreground": relight.apply(gray(person), lit_from(-80))["foreground"]}
    even = {**lit_from(0), "light": EVEN}
    gaps = []
    for unlight in (0.0, 1.0):
        lit = relight.apply(once, {**even, "unlight": unlight})["foreground"]
        gaps.append(float(lit[1, 100, 20] - lit[1, 100, 90]))
    assert gaps[1] < 0.5 * gaps[0]


def test_the_same_line_of_json_makes_the_same_picture(person):
    drawn = relight.draw(Random(5), SCENE, RelightRanges())
    again = json.loads(json.dumps(drawn, allow_nan=False))
    assert again == drawn
    assert torch.equal(relight.apply(person, drawn)["foreground"], relight.apply(person, again)["foreground"])


def test_every_draw_has_the_same_keys_and_types():
    def shape(value):
        if isinstance(value, dict):
            return {key: shape(inner) for key, inner in value.items()}
        return [shape(inner) for inner in value] if isinstance(value, list) else type(value)

    shapes = [shape(relight.draw(Random(seed), SCENE, RelightRanges())) for seed in range(20)]
    assert all(other == shapes[0] for other in shapes)


OTHERS = {
    "lights": (3, 3),
    "azimuth": (60, 90),
    "elevation": (70, 80),
    "ambient": (0.9, 0.9),
    "warmth": (0.5, 0.5),
    "contrast": (3.0, 3.0),
    "exposure": (0.5, 0.5),
    "ratio": (0.8, 1.2),
    "relief": (0.0, 0.0),
    "unlight": (1.0, 1.0),
}


@pytest.mark.parametrize("name", [field.name for field in fields(RelightRanges)])
def test_every_range_changes_the_picture(person, name):
    usual = replace(RelightRanges(), lights=(1, 1), azimuth=(-60, -60), relief=(1, 1))
    pictures = [
        relight.apply(person, relight.draw(Random(3), SCENE, ranges))["foreground"]
        for ranges in (usual, replace(usual, **{name: OTHERS[name]}))
    ]
    assert (pictures[0] - pictures[1]).abs().max() > 0.01


@pytest.mark.parametrize("case", ["empty", "one pixel", "full", "faint", "black", "white"])
def test_odd_people_stay_finite_and_in_range(person, case):
    alpha = torch.zeros_like(person["alpha"])
    if case == "one pixel":
        alpha[0, 7, 9] = 1
    elif case != "empty":
        alpha += 0.002 if case == "faint" else 1
    colors = person["photo"] if case not in ("black", "white") else torch.full_like(person["photo"], case == "white")
    drawn = relight.draw(Random(1), SCENE, RelightRanges())
    lit = relight.apply({"photo": colors, "foreground": colors, "alpha": alpha}, drawn)["foreground"]
    assert lit.isfinite().all()
    assert lit.min() >= 0
    assert lit.max() <= 1
