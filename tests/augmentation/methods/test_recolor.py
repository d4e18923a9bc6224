"""Recolor: the person changes as drawn, nothing else does, and every draw can be applied again."""

import json
from dataclasses import fields, replace
from random import Random

import numpy as np
import pytest
import torch
from torch import Tensor

from bgswap.augmentation.colors import lab_from_srgb, moments
from bgswap.augmentation.frame import Scene
from bgswap.augmentation.methods import recolor
from bgswap.augmentation.ranges import RecolorRanges
from bgswap.augmentation.tensors import to_tensor
from bgswap.errors import PictureError, UsageError
from bgswap.matting.colors import cut_out

SCENE = Scene((128, 128), (0, 0, 128, 128))
NONE = RecolorRanges(**dict.fromkeys(recolor.STEPS, 0.0))
ALL = RecolorRanges(**dict.fromkeys(recolor.STEPS, 1.0))
SHARE = {  # which step a range belongs to
    "strength": "transfer",
    "spread": "transfer",
    "reach": "transfer",
    "gain": "balance",
    "stops": "exposure",
    "kelvin": "temperature",
    "bend": "curves",
    "chroma": "saturation",
    "shift": "lut",
}


@pytest.fixture(scope="module")
def pictures(photo) -> dict[str, Tensor]:
    """The astronaut at 128 x 128 under an oval with a soft edge; the other person is her flag and suit."""
    small = photo[::4, ::4]
    y, x = np.mgrid[:128, :128]
    oval = np.clip((1 - np.hypot((x - 60) / 45, (y - 64) / 60)) * 12, 0, 1)
    alpha = np.rint(oval * 255).astype(np.uint8)
    return {
        "photo": to_tensor(small),
        "foreground": to_tensor(cut_out(np.ascontiguousarray(small), alpha)[..., :3]),
        "alpha": to_tensor(alpha),
        "reference": to_tensor(photo[300:420, 20:140]) ** 1.5,
        "reference_alpha": torch.ones(1, 120, 120),
    }


def drawn_from(ranges: RecolorRanges, seed: int = 3) -> dict:
    return recolor.draw(Random(seed), SCENE, ranges)


def composite(pictures: dict[str, Tensor], made: dict[str, Tensor]) -> Tensor:
    return made["photo"] + pictures["alpha"] * (made["foreground"] - made["foreground_true"])


def test_nothing_changes_where_alpha_is_zero_and_the_person_does(pictures):
    made = recolor.apply(pictures, drawn_from(ALL))
    outside = (pictures["alpha"] == 0).expand(3, -1, -1)
    result = composite(pictures, made)
    assert torch.equal(result[outside], made["photo"][outside])
    assert torch.equal(made["foreground"][outside], made["foreground_true"][outside])
    assert (result - made["photo"]).abs()[:, 40:80, 40:80].mean() > 0.02


def test_a_draw_of_nothing_gives_the_photo_bit_for_bit(pictures):
    made = recolor.apply(pictures, drawn_from(NONE))
    assert torch.equal(made["photo"], pictures["photo"])
    assert torch.equal(composite(pictures, made), pictures["photo"])


def test_jitter_alone_changes_the_truth_and_the_composite_alike(pictures):
    drawn = drawn_from(replace(NONE, jitter=1))
    made = recolor.apply(pictures, drawn)
    gains = torch.tensor(drawn["jitter"]).view(3, 1, 1)
    assert torch.allclose(made["photo"], (pictures["photo"] * gains ** (1 / 2.2)).clamp(0, 1), atol=1e-6)
    assert torch.equal(composite(pictures, made), made["photo"])


def test_jitter_gives_the_reference_gains_of_its_own(pictures):
    drawn = drawn_from(replace(NONE, jitter=1, transfer=1))
    assert drawn["jitter"] != drawn["reference_jitter"]
    other = recolor.apply(pictures, drawn | {"reference_jitter": [1.3, 0.75, 1.0]})
    assert not torch.allclose(other["foreground"], recolor.apply(pictures, drawn)["foreground"], atol=1e-3)


def test_after_the_transfer_the_person_has_the_others_mean_and_spread(pictures):
    person = {**pictures, "alpha": (pictures["alpha"] > 0.5).float()}
    person["foreground"] = person["foreground"] * 0.2 + 0.35  # within the gamut and below the knee, before and after
    person["reference"] = person["reference"] * 0.25 + 0.3
    drawn = drawn_from(replace(NONE, transfer=1, strength=(1, 1), spread=(0.1, 10), reach=100))
    made = recolor.apply(person, drawn)
    ours = moments(lab_from_srgb(made["foreground"]), person["alpha"][0])
    own = moments(lab_from_srgb(person["foreground"]), person["alpha"][0])
    wanted = moments(lab_from_srgb(person["reference"]), person["reference_alpha"][0])
    for result, want, before in zip(ours, wanted, own, strict=True):
        assert (result - want).abs().max() < 0.25  # Lab units; of 4,241 and 14,400 pixels every second or fourth counts
        assert (before - want).abs().max() > 0.5


def test_the_transfer_looks_only_at_the_two_people(pictures):
    drawn = drawn_from(replace(NONE, transfer=1))
    half = pictures["reference_alpha"].clone()
    half[:, :, 60:] = 0
    painted = pictures["reference"].clone()
    painted[:, :, 60:] = 0.9
    behind = torch.where(pictures["alpha"] > 0, pictures["foreground"], 0.1)
    one = recolor.apply({**pictures, "reference_alpha": half}, drawn)
    two = recolor.apply({**pictures, "reference_alpha": half, "reference": painted, "foreground": behind}, drawn)
    inside = (pictures["alpha"] > 0).expand(3, -1, -1)
    assert torch.equal(one["foreground"][inside], two["foreground"][inside])


def test_the_truth_of_an_earlier_method_is_kept_and_jittered_alike(pictures):
    lit = pictures["foreground"] * 0.5
    chained = {**pictures, "foreground": lit, "foreground_true": pictures["foreground"]}
    drawn = drawn_from(replace(NONE, jitter=1))
    made, plain = recolor.apply(chained, drawn), recolor.apply(pictures, drawn)
    assert torch.equal(made["foreground_true"], plain["foreground_true"])
    assert torch.allclose(made["foreground"], plain["foreground"] * 0.5, atol=0.13)  # what was clipped differs
    assert torch.allclose(made["foreground"], recolor.apply({**pictures, "foreground": lit}, drawn)["foreground"])


def test_one_mapping_serves_all_frames(pictures):
    drawn = drawn_from(replace(ALL, jitter=0))
    roles = [pictures[role] for role in ("foreground", "alpha", "reference", "reference_alpha")]
    transfer = recolor.mapping(*roles, drawn)
    inside = pictures["alpha"][0] > 0
    whole = recolor.recolored(pictures["foreground"], transfer, drawn)
    assert torch.allclose(whole[:, inside], recolor.changed(*roles, drawn)[:, inside], atol=1e-6)
    moved = recolor.recolored(pictures["foreground"].roll(7, 2), transfer, drawn)
    assert torch.allclose(moved, whole.roll(7, 2), atol=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_a_draw_that_went_through_json_gives_the_same_pictures(pictures, seed):
    drawn = drawn_from(ALL, seed)
    again = json.loads(json.dumps(drawn, allow_nan=False))
    assert again == drawn
    for role, picture in recolor.apply(pictures, drawn).items():
        assert torch.equal(picture, recolor.apply(pictures, again)[role])


def test_a_draw_has_the_same_keys_types_and_lengths_whatever_was_drawn():
    def shape(value):
        return [shape(one) for one in value] if isinstance(value, list) else type(value)

    shapes = [{k: shape(v) for k, v in drawn_from(RecolorRanges(), seed).items()} for seed in range(40)]
    assert all(one == shapes[0] for one in shapes)


def test_a_share_decides_its_own_step_only():
    all_on = drawn_from(ALL)
    without = drawn_from(replace(ALL, lut=0))
    assert any(all_on["lut"])
    assert not any(without["lut"])
    assert all(all_on[key] == without[key] for key in all_on if key != "lut")


@pytest.mark.parametrize("name", [one.name for one in fields(RecolorRanges)])
def test_every_range_and_every_share_changes_the_result(pictures, name):
    step = SHARE.get(name, name)
    ranges = replace(NONE, **{step: 1.0})
    value = getattr(ranges, name)
    other = {"kelvin": (3000, 3100), "spread": (1.0, 1.0), "reach": 2.0}.get(name)
    if other is None and isinstance(value, tuple):
        other = (value[0] + 0.05, value[0] + 0.06)
    elif other is None:
        other = 0.0 if name == step else value * 1.5
    one = recolor.apply(pictures, drawn_from(ranges))
    two = recolor.apply(pictures, drawn_from(replace(ranges, **{name: other})))
    assert (one["foreground"] - two["foreground"]).abs().max() > 1e-3


def test_gains_come_from_the_whole_range_of_seed_003_and_from_wider_ones():
    drawn = [drawn_from(ALL, seed) for seed in range(300)]
    gains = [gain for one in drawn for gain in one["jitter"] + one["balance"] + one["reference_jitter"]]
    assert 0.75 <= min(gains) < 0.76
    assert 1.29 < max(gains) <= 1.3
    wide = [gain for seed in range(50) for gain in drawn_from(replace(ALL, gain=(0.3, 3.0)), seed)["balance"]]
    assert min(wide) < 0.5
    assert max(wide) > 2.5


def test_without_a_transfer_no_other_person_is_needed_and_with_one_the_error_says_what_to_do(pictures):
    alone = {role: picture for role, picture in pictures.items() if not role.startswith("reference")}
    recolor.apply(alone, drawn_from(replace(ALL, transfer=0)))
    with pytest.raises(PictureError, match="--recolor-transfer 0"):
        recolor.apply(alone, drawn_from(ALL))


@pytest.mark.parametrize("pixels", [0, 1, 2])
@pytest.mark.parametrize("role", ["alpha", "reference_alpha"])
def test_people_of_no_pixel_or_of_one_are_safe(pictures, role, pixels):
    alpha = torch.zeros_like(pictures[role])
    alpha.view(-1)[5000 : 5000 + pixels] = 1
    made = recolor.apply({**pictures, role: alpha}, drawn_from(ALL))
    assert all(bool(picture.isfinite().all()) for picture in made.values())
    if role == "alpha" and pixels == 0:
        assert torch.equal(made["foreground"], made["foreground_true"])


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_flat_people_take_the_others_mean_and_stay_flat(pictures, level):
    flat = torch.full_like(pictures["foreground"], level)
    made = recolor.apply({**pictures, "foreground": flat}, drawn_from(ALL))
    inside = made["foreground"][:, pictures["alpha"][0] > 0]
    assert inside.isfinite().all()
    assert float(inside.std(1).max()) < 1e-5


def test_all_results_are_within_0_and_1_and_inputs_stay_as_they_were(pictures):
    before = {role: picture.clone() for role, picture in pictures.items()}
    for seed in range(12):
        made = recolor.apply(pictures, drawn_from(ALL, seed))
        assert all(picture.min() >= 0 and picture.max() <= 1 for picture in made.values())
    assert all(torch.equal(picture, before[role]) for role, picture in pictures.items())


def test_bright_people_keep_their_detail(pictures):
    drawn = drawn_from(replace(NONE, exposure=1, stops=(0.6, 0.6)))
    made = recolor.apply(pictures, drawn)
    burnt = made["foreground"][:, pictures["alpha"][0] > 0] > 0.998
    cut = pictures["foreground"][:, pictures["alpha"][0] > 0] * 2 ** (0.6 / 2.2) > 0.998
    assert cut.float().mean() > 0.05
    assert burnt.float().mean() < cut.float().mean() / 2


def test_the_default_leaves_few_samples_unchanged_and_transfers_in_most():
    drawn = [drawn_from(RecolorRanges(), seed) for seed in range(1000)]
    assert np.mean([not recolor._acts(one) for one in drawn]) == pytest.approx(0.2 * 0.7**6, abs=0.02)
    assert np.mean([one["transfer"] > 0 for one in drawn]) == pytest.approx(0.8, abs=0.05)


@pytest.mark.parametrize("wrong", [{"gain": (0.0, 1.3)}, {"kelvin": (900, 5000)}, {"spread": (2.0, 1.0)}], ids=str)
def test_ranges_that_mean_nothing_are_refused_by_the_options_name(wrong):
    with pytest.raises(UsageError, match=f"--recolor-{next(iter(wrong))}"):
        RecolorRanges(**wrong)
