"""The fusion network's recipe: what it learns, and that each setting changes something."""

from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import nn

from bgswap.augmentation.ranges import TripletRanges
from bgswap.errors import UsageError
from bgswap.networks.multi_stream import MultiStreamConfig, MultiStreamNet
from bgswap.training.recipes import multi_stream
from bgswap.training.recipes.multi_stream import RECIPE, MultiStreamSettings, neighbors, samples
from bgswap.training.settings import changed
from bgswap.training.steps import Stepper
from bgswap.training.tools import Tools
from tests.training.recipes.harness import build, eight, fit, where, without_gradient

THIN = {"widths": (8, 16, 24), "perceptual": "none", "warmup": 0}
EASY = {**THIN, "noise": 0.0}
HARD = {**EASY, "stage": "hard", "teacher": "easy-run"}
CHAIN = {**EASY, "end_to_end": True, "segment": "segment-run", "refine": "refine-run"}


class Shelf(Tools):
    """Trained networks without files: a fusion network, and matting networks of one convolution."""

    def network(self, name, use, wanted=""):
        torch.manual_seed(1)
        planes = {"segment-run": 3, "refine-run": 4, "photo-run": 3}
        made = (
            nn.Conv2d(planes[name], 1, 3, padding=1) if name in planes else MultiStreamNet(MultiStreamConfig((8, 8, 8)))
        )
        return made.eval().requires_grad_(False)


@cache
def step_of(**settings):
    """The losses of a method's first step."""
    method, chosen = build(RECIPE, Shelf(), **settings)
    return fit(method, chosen, eight("triplet"), 1)[0]


def test_at_full_width_the_defaults_are_the_paper_s():
    chosen = RECIPE.settings
    assert (chosen.size, chosen.batch, chosen.steps, chosen.lr) == (((384, 384),), (8,), 200_000, 2e-3)
    method, _ = build(RECIPE, perceptual="none")
    assert method.phases[0].weights == {"perceptual": 0.8}
    assert method.phases[0].optimizer.kind == "adam"
    assert sum(p.numel() for p in method.networks["network"].parameters()) == 9_048_244


@pytest.mark.slow
def test_eight_samples_are_learned_beyond_plain_compositing_of_the_photo_s_colors():
    method, settings = build(RECIPE, **EASY | {"lr": 5e-3, "schedule": "cosine", "warmup": 10})
    batch = eight("triplet")
    told = fit(method, settings, batch, 80)
    assert told[-1]["l1"] < 0.7 * told[0]["l1"]
    with torch.no_grad():
        found = method.evaluate(method.networks["network"].eval(), batch, where())
    assert found["psnr"].mean() > found["psnr_over"].mean() + 2.5
    assert (found["psnr"] > found["psnr_over"]).all()


@pytest.mark.parametrize("settings", [{**EASY, "streams": 1}, {**EASY, "dense": False}, {**THIN, "noise": 1.0}, CHAIN])
def test_gradients_reach_every_parameter(settings):
    method, chosen = build(RECIPE, Shelf(), **settings)
    assert without_gradient(method, chosen, eight("triplet")) == []


def test_perceptual_loss_counts_by_its_weight():
    method, settings = build(RECIPE, **{**EASY, "perceptual": "self"}, perceptual_weight=0.25)
    found = fit(method, settings, eight("triplet"), 1)[0]
    assert found["perceptual"] > 0
    assert method.phases[0].weights == {"perceptual": 0.25}
    assert "perceptual" in method.frozen


@pytest.mark.parametrize(
    "other",
    [
        {"noise": 1.0},
        {"streams": 1},
        {"dense": False},
        {"widths": (8, 16, 32)},
        {"stage": "hard", "teacher": "easy-run"},
    ],
)
def test_a_setting_changes_the_first_loss(other):
    assert step_of(**{**EASY, **other})["l1"] != step_of(**EASY)["l1"]


@cache
def last(**more):
    """The third step's loss."""
    method, chosen = build(RECIPE, **EASY | more)
    return fit(method, chosen, eight("triplet"), 3)[-1]["l1"]


@pytest.mark.parametrize("other", [{"lr": 1e-4}, {"schedule": "cosine"}, {"warmup": 4}])
def test_a_setting_of_the_optimizer_changes_later_losses(other):
    assert last(**other) != last()


@pytest.mark.slow
def test_eight_spoiled_mattes_are_mended():
    method, settings = build(RECIPE, **THIN | {"noise": 1.0, "lr": 4e-3, "schedule": "cosine", "warmup": 20})
    fit(method, settings, eight("triplet"), 150)
    with torch.no_grad():
        found = method.evaluate(method.networks["network"].eval(), eight("triplet"), where())
    assert found["psnr_spoiled"].mean() > found["psnr_spoiled_over"].mean() + 1


def test_mattes_that_are_spoiled_make_the_task_harder():
    assert step_of(**{**THIN, "noise": 1.0})["l1"] > 1.5 * step_of(**EASY)["l1"]


def test_the_share_of_noise_is_the_share_of_spoiled_mattes():
    batch = eight("triplet")
    spoiled = []
    for share in (0.0, 0.5, 1.0):
        method, _ = build(RECIPE, **{**THIN, "noise": share})
        off = [(method._noisy(batch["alpha"], replace(where(), index=i)) - batch["alpha"]) for i in range(8)]
        spoiled.append(sum(int((one.abs().amax((1, 2, 3)) > 0).sum()) for one in off))
    assert spoiled[0] == 0
    assert 20 < spoiled[1] < 44
    assert spoiled[2] == 64


def test_hard_triplets_have_the_teacher_s_answer_and_a_photo_before_the_neighbor_s_place():
    method, _ = build(RECIPE, Shelf(), **{**HARD, "hard": 1.0})
    batch = eight("triplet")
    made = method._harder(batch, where())
    teacher = method.frozen["teacher"]
    with torch.no_grad():
        answer = teacher(torch.cat([batch["image"], batch["alpha"], batch["background"]], 1))
    torch.testing.assert_close(made["composite_true"], answer, atol=1e-6, rtol=0)
    place = batch["background"][[1, 0, 3, 2, 5, 4, 7, 6]]
    empty = (batch["alpha"] == 0).expand_as(place)
    far = empty & ((made["image"] - place).abs() > 0.1)
    assert far.sum() < 0.02 * empty.sum()  # an untrained teacher is near plain compositing
    assert torch.equal(made["alpha"], batch["alpha"])
    assert torch.equal(made["background"], batch["background"])


def test_the_share_of_hard_triplets_is_the_share_of_changed_photos():
    batch = eight("triplet")
    method, _ = build(RECIPE, Shelf(), **HARD)
    made = [method._harder(batch, replace(where(), index=index)) for index in range(8)]
    changed_rows = sum(int((one["image"] != batch["image"]).flatten(1).any(1).sum()) for one in made)
    assert 20 < changed_rows < 44


def test_without_hard_triplets_the_hard_stage_is_the_easy_one_and_needs_no_teacher():
    assert step_of(**EASY, stage="hard", hard=0.0) == step_of(**EASY)


def test_the_teacher_is_not_trained():
    method, settings = build(RECIPE, Shelf(), **HARD)
    before = {name: value.clone() for name, value in method.frozen["teacher"].state_dict().items()}
    fit(method, settings, eight("triplet"), 2)
    assert all(torch.equal(value, before[name]) for name, value in method.frozen["teacher"].state_dict().items())


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_nobody_is_its_own_neighbor_and_pairs_do_not_depend_on_how_a_batch_is_shared_out(count):
    pictures = torch.rand(count, 3, 8, 8)
    made = neighbors(pictures)
    assert not (made == pictures).flatten(1).all(1).any()
    if count == 8:
        assert torch.equal(made, torch.cat([neighbors(part) for part in pictures.chunk(2)]))


def test_two_parts_of_a_batch_train_as_one():
    whole = eight("triplet")
    parts = [{role: value[:4] for role, value in whole.items()}, {role: value[4:] for role, value in whole.items()}]
    told = []
    for given in ([whole], parts):
        method, settings = build(RECIPE, Shelf(), **{**HARD, "noise": 0.5})
        stepper = Stepper(method, settings)
        told.append([float(stepper.step(given, index, 4)["l1"]) for index in range(3)])
    assert told[0] == pytest.approx(told[1], rel=1e-4)


def test_end_to_end_the_composite_s_loss_moves_the_matting_networks_at_their_own_rate():
    def moved(share):
        method, settings = build(RECIPE, Shelf(), **CHAIN, matte_lr=share)
        before = {name: method.networks[name].weight.detach().clone() for name in ("segment", "refine")}
        fit(method, settings, eight("triplet"), 1)
        return [float((method.networks[name].weight.detach() - before[name]).abs().max()) for name in before]

    assert moved(0.1) == pytest.approx([2e-4, 2e-4], rel=0.01)  # Adam's first step is as long as its learning rate
    assert moved(0.5) == pytest.approx([1e-3, 1e-3], rel=0.01)


def test_end_to_end_without_refinement_the_segmentation_s_matte_is_used():
    batch = eight("triplet")
    method, _ = build(RECIPE, Shelf(), **{**CHAIN, "refine": ""})
    assert list(method.networks) == ["network", "segment"]
    alpha = method.networks["segment"](batch["image"]).sigmoid()
    assert torch.equal(method._seen(batch), alpha)
    refined, _ = build(RECIPE, Shelf(), **CHAIN)
    assert not torch.equal(refined._seen(batch), alpha)


def test_a_network_that_makes_no_matte_of_these_planes_is_refused():
    with pytest.raises(UsageError, match="refine=photo-run takes no 4 planes"):
        build(RECIPE, Shelf(), **{**CHAIN, "refine": "photo-run"})
    with pytest.raises(UsageError, match="segment=easy-run takes no 3 planes"):
        build(RECIPE, Shelf(), **{**CHAIN, "segment": "easy-run"})


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["stage=hard"], "teacher=RUN"),
        (["teacher=run"], "stage=hard"),
        (["end_to_end=true"], "segment=RUN"),
        (["segment=run"], "end_to_end=true"),
        (["refine=run"], "segment=RUN"),
        (["streams=3"], "choose 1 or 2"),
        (["widths=8,16"], "three scales"),
        (["noise=2"], "0 to 1"),
        (["schedule=round"], "flat, cosine, linear"),
    ],
)
def test_settings_that_do_not_fit_each_other_are_refused_with_what_to_type(words, told):
    with pytest.raises(UsageError, match=told):
        changed(MultiStreamSettings(), words)


def test_sizes_must_divide_by_the_scales_and_end_to_end_by_the_matting_networks_too():
    assert RECIPE.multiple(MultiStreamSettings()) == 16
    assert RECIPE.multiple(MultiStreamSettings(widths=(8, 16, 24))) == 4
    assert RECIPE.multiple(MultiStreamSettings(end_to_end=True, segment="run")) == 32


def test_samples_are_easy_triplets_of_the_recipe_s_roles():
    made = samples(RECIPE.settings, (64, 96))
    assert made.methods == ("triplet",)
    assert made.size == (64, 96)
    assert made.of("triplet") == TripletRanges(hard=0.0)
    assert set(RECIPE.roles) == set(eight("triplet"))


def test_validation_tells_psnr_of_exact_and_of_spoiled_mattes_beside_plain_compositing():
    batch = eight("triplet")
    method, _ = build(RECIPE, **THIN)
    with torch.no_grad():
        found = method.evaluate(method.networks["network"].eval(), batch, where())
    assert set(found) == {"psnr", "mse", "psnr_over", "psnr_spoiled", "psnr_spoiled_over"}
    assert all(value.shape == (8,) for value in found.values())
    assert found["psnr_over"].mean() > found["psnr_spoiled_over"].mean() + 5
    assert method.best[0] in found


def test_a_sheet_shows_input_output_and_truth():
    batch = eight("triplet")
    method, _ = build(RECIPE, **EASY)
    with torch.no_grad():
        columns = method.show(method.networks["network"].eval(), batch, where())
    assert [one.shape[1] for one in columns] == [3, 1, 3, 3, 3, 3]
    assert torch.equal(columns[-1], batch["composite_true"])
    torch.testing.assert_close(columns[3], multi_stream.over(batch, batch["alpha"]))


def test_half_precision_losses_are_near_those_of_full_precision():
    method, _ = build(RECIPE, **EASY)
    batch = eight("triplet")
    full = method.losses(batch, method.outputs(batch, where()), where())["l1"]
    with torch.autocast("cpu", torch.bfloat16):
        half = method.losses(batch, method.outputs(batch, where()), where())["l1"]
    assert half.dtype == torch.float32
    assert half.item() == pytest.approx(full.item(), rel=0.05)
