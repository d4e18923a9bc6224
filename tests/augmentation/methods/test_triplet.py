import json
import random

import pytest
import torch

from bgswap.augmentation.frame import Scene
from bgswap.augmentation.methods import triplet
from bgswap.augmentation.models import load_fusion
from bgswap.augmentation.ranges import TripletRanges
from bgswap.augmentation.tensors import to_tensor
from bgswap.errors import UsageError
from bgswap.zoo.choice import ModelOptions
from tests.augmentation.test_models import blending_onnx

SCENE = Scene((64, 64), (5.0, 5.0, 60.0, 60.0))


@pytest.fixture
def pictures(photo):
    """The astronaut with a round soft alpha, colors of her own that are not the photo's, and two places."""
    small = to_tensor(photo[::8, ::8])
    y, x = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="ij")
    alpha = ((0.8 - torch.hypot(x, y)) * 4).clamp(0, 1)[None]
    places = {"background": small.flip(1), "busy": to_tensor(photo[1::4, ::4])[:, :64, :64]}
    return {"photo": small, "alpha": alpha, "foreground": small * (alpha > 0) * 0.9, **places}


def test_an_easy_triplet_shows_the_person_on_its_own_old_background_and_the_composite_by_alpha(pictures):
    made = triplet.apply(pictures, {"hard": False})
    assert tuple(made) == triplet.OUTPUTS
    assert torch.equal(made["image"], pictures["photo"])
    alpha, place = pictures["alpha"], pictures["background"]
    assert torch.equal(made["background"], place)
    assert torch.equal(made["alpha"], alpha)
    by_hand = alpha * pictures["foreground"] + (1 - alpha) * place
    assert torch.allclose(made["composite_true"], by_hand, atol=1e-6)


def test_an_easy_composite_is_the_place_to_the_bit_where_nobody_is_and_the_person_where_nothing_else_is(pictures):
    whole = triplet.apply(pictures, {"hard": False})["composite_true"]
    empty, full = (pictures["alpha"] == 0).expand(3, -1, -1), (pictures["alpha"] == 1).expand(3, -1, -1)
    assert empty.any()
    assert full.any()
    assert torch.equal(whole[empty], pictures["background"][empty])
    assert torch.equal(whole[full], pictures["foreground"][full])


def test_a_hard_triplet_has_one_easy_foreground_on_both_places_by_the_run(pictures, tmp_path):
    fuse = load_fusion(blending_onnx(tmp_path / "blend.onnx"), ModelOptions(device="cpu"))
    made = triplet.apply(pictures, {"hard": True}, fuse=fuse)
    easy = pictures["photo"], pictures["alpha"]
    assert torch.equal(made["composite_true"], fuse(*easy, pictures["background"]))
    assert torch.equal(made["image"], fuse(*easy, pictures["busy"]))
    assert torch.equal(made["background"], pictures["background"])
    # C' = FG' + BG' as far as the person is solid and where it is not: that is what makes it a triplet
    again = fuse(made["image"], made["alpha"], made["background"])
    sure = ((made["alpha"] == 0) | (made["alpha"] == 1)).expand(3, -1, -1)
    assert torch.allclose(again[sure], made["composite_true"][sure], atol=1e-6)


def test_an_easy_triplet_never_asks_the_run(pictures):
    def fuse(*_):
        raise AssertionError("asked")

    easy = triplet.apply(pictures, {"hard": False}, fuse=fuse)
    assert torch.equal(easy["image"], pictures["photo"])


def test_a_hard_triplet_without_a_run_or_a_busy_place_says_what_to_do(pictures, tmp_path):
    with pytest.raises(UsageError, match="--run"):
        triplet.apply(pictures, {"hard": True})
    fuse = load_fusion(blending_onnx(tmp_path / "blend.onnx"), ModelOptions(device="cpu"))
    with pytest.raises(UsageError, match="--background"):
        triplet.apply({k: v for k, v in pictures.items() if k != "busy"}, {"hard": True}, fuse=fuse)


def test_the_share_of_hard_ones_is_as_asked_and_draws_are_json():
    for share, least, most in ((0.0, 0, 0), (0.3, 240, 360), (1.0, 1000, 1000)):
        draws = [triplet.draw(random.Random(i), SCENE, TripletRanges(hard=share)) for i in range(1000)]
        assert least <= sum(one["hard"] for one in draws) <= most
    assert json.loads(json.dumps(draws[0])) == draws[0]
    assert triplet.draw(random.Random(3), SCENE, TripletRanges()) == triplet.draw(
        random.Random(3), SCENE, TripletRanges()
    )


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_an_empty_and_a_full_matte_give_the_place_and_the_person(pictures, level):
    alpha = torch.full_like(pictures["alpha"], level)
    whole = triplet.apply(pictures | {"alpha": alpha}, {"hard": False})["composite_true"]
    assert torch.equal(whole, pictures["foreground" if level else "background"])


def test_nothing_is_written_into_the_pictures(pictures, tmp_path):
    before = {role: one.clone() for role, one in pictures.items()}
    fuse = load_fusion(blending_onnx(tmp_path / "blend.onnx"), ModelOptions(device="cpu"))
    for hard in (False, True):
        for made in triplet.apply(pictures, {"hard": hard}, fuse=fuse).values():
            assert made.isfinite().all()
    assert all(torch.equal(before[role], one) for role, one in pictures.items())
