"""The recipe of HPBNet: with and without its prior, frozen and joint; losses, settings, what it refuses."""

import math
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from bgswap.augmentation.ranges import RecolorRanges
from bgswap.errors import BgswapError, UsageError
from bgswap.networks import hpbnet, stylegan2
from bgswap.training import losses
from bgswap.training.recipes.hpbnet import RECIPE, HPBNetMethod, _judged, samples
from bgswap.training.steps import Stepper
from tests.training.recipes.harness import build, eight, fit, where, without_gradient

THIN: dict[str, Any] = {
    "size": ((64, 64),), "width": 4, "perceptual": "none", "multiplier": 1, "cap": 16, "ema": 0.9,
}  # fmt: skip
STILL: dict[str, Any] = {"flip": 0.0, "balance": (1.0, 1.0)}


@pytest.fixture(scope="module")
def prior(tmp_path_factory):
    """A file of a small StyleGAN2 for 64 pixels: untrained, which is enough to see where its weights go."""
    torch.manual_seed(5)
    network = stylegan2.build(stylegan2.StyleGAN2Config(64, 1, 12, 16, 2))
    path = tmp_path_factory.mktemp("prior") / "stylegan2.safetensors"
    save_file(network.state_dict(), path)
    return path


def half(seed: int = 0) -> dict[str, torch.Tensor]:
    return {role: value[seed : seed + 2] for role, value in eight("recolor").items()}


def told_of(method: HPBNetMethod, settings: Any, batch: dict[str, torch.Tensor] | None = None) -> dict[str, float]:
    return fit(method, settings, batch or half(), 1)[0]


def test_defaults_are_the_papers():
    chosen = RECIPE.settings
    assert (chosen.size, chosen.steps, chosen.lr) == (((512, 512),), 60_000, 2e-3)
    assert (chosen.prior, chosen.color_step, chosen.perceptual) == ("frozen", "printed", "vgg19")
    assert (chosen.scale_weight, chosen.perceptual_weight, chosen.adversarial) == (1.0, 0.1, 0.1)


def test_gradients_reach_every_trained_parameter_and_none_of_a_frozen_prior(prior):
    method, settings = build(RECIPE, **THIN, prior="frozen", prior_weights=str(prior))
    assert without_gradient(method, settings, half()) == []
    stepper = Stepper(method, settings)
    before = {key: value.clone() for key, value in method.networks["network"].state_dict().items()}
    stepper.step([half()], 0, 10)
    changed = {
        key for key, value in method.networks["network"].state_dict().items() if not torch.equal(value, before[key])
    }
    assert not any(key.startswith("prior.") for key in changed)
    assert all(key in changed for key in before if key.endswith("weight") and not key.startswith("prior."))


@pytest.mark.parametrize("generator", ["standard", "mobile"])
def test_gradients_reach_every_parameter_of_a_joint_prior(prior, generator):
    method, settings = build(RECIPE, **THIN, prior="joint", prior_weights=str(prior), generator=generator)
    assert without_gradient(method, settings, half()) == []


def test_gradients_reach_every_parameter_without_a_prior():
    method, settings = build(RECIPE, **THIN, prior="none")
    assert without_gradient(method, settings, half()) == []


def test_the_network_holds_the_priors_weights_so_that_a_run_is_whole(prior):
    method, _ = build(RECIPE, **THIN, prior="frozen", prior_weights=str(prior))
    state = method.networks["network"].state_dict()
    for key, value in load_file(prior).items():
        assert torch.equal(state[f"prior.{key}"], value)
    assert hpbnet.recognize({k: tuple(v.shape) for k, v in state.items()}).prior.style == 16


def test_it_says_what_the_prior_has_seen(prior):
    method, _ = build(RECIPE, **THIN, prior="frozen", prior_weights=str(prior))
    assert any(note.startswith("the prior is stylegan2") and "has seen" in note for note in method.notes)
    untrained, _ = build(RECIPE, **THIN, prior="joint")
    assert any("no pictures but those of this run" in note for note in untrained.notes)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"prior": "frozen"}, "bgswap train stylegan2 .* or take --set prior=none or --set prior=joint"),
        ({"prior": "none", "generator": "mobile"}, "leave out prior_weights and generator"),
        ({"prior": "joint", "size": ((64, 96),)}, "squares of one size"),
        ({"prior": "joint", "size": ((96, 96),)}, "squares of one size"),
        ({"prior": "none", "size": ((64, 96),)}, "--set adversarial=0"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_type(changes, sentence):
    with pytest.raises(UsageError, match=sentence):
        build(RECIPE, **{**THIN, **changes})


def test_priors_of_another_size_or_network_or_frozen_mobile_ones_are_refused(prior, tmp_path):
    with pytest.raises(UsageError, match="give --size 64, or train stylegan2 at 32"):
        build(RECIPE, **{**THIN, "size": ((32, 32),)}, prior="frozen", prior_weights=str(prior))
    with pytest.raises(UsageError, match="--set prior=joint"):
        build(RECIPE, **THIN, prior="frozen", prior_weights=str(prior), generator="mobile")
    other = tmp_path / "other.safetensors"
    save_file(hpbnet.build(hpbnet.HPBNetConfig(16, 4, None)).state_dict(), other)
    with pytest.raises(BgswapError, match="stylegan2"):
        build(RECIPE, **THIN, prior="frozen", prior_weights=str(other))


def test_without_prior_and_discriminator_any_sides_are_trained():
    method, settings = build(
        RECIPE, **{**THIN, "size": ((32, 48),), "batch": (2,)}, prior="none", adversarial=0.0
    )  # (height, width)
    assert RECIPE.multiple(settings) == 8
    batch = {role: value[:, :, :32, :48] for role, value in half().items()}
    assert math.isfinite(told_of(method, settings, batch)["l1"])


# losses


def test_composite_and_truth_are_mirrored_and_balanced_alike():
    method, _ = build(RECIPE, **{**THIN, "flip": 1.0, "balance": (0.75, 1.3)}, prior="none")
    batch = half()
    same = batch | {"composite": batch["composite_true"]}
    composite, alpha, true = method._varied(same, where())
    assert torch.equal(composite, true)
    assert torch.equal(alpha, batch["alpha"].flip(3))
    plain = batch["composite_true"].flip(3)
    seen = (plain > 0.05) & (true < 1)
    gains = torch.where(seen, (true / plain.clamp_min(1e-6)) ** 2.2, torch.nan)
    low, high = gains.flatten(2).nan_to_num(9).amin(2), gains.flatten(2).nan_to_num(0).amax(2)
    assert torch.allclose(low, high, rtol=1e-3)  # one gain of light a picture and channel
    assert 0.75 <= low.min() < high.max() <= 1.3
    assert not torch.allclose(low[0], low[1])


def test_l1_is_a_mean_at_every_scale_and_the_finest_counts_once():
    method, _ = build(RECIPE, **{**THIN, **STILL}, prior="none", adversarial=0.0)
    outputs, batch = method.outputs(half(), where()), half()
    found = method.losses(batch, outputs, where())
    pictures = [*outputs.pictures, outputs.made]
    assert [p.shape[-1] for p in pictures] == [8, 16, 32, 64]
    true = batch["composite_true"]
    terms = [(p - true.unflatten(3, (-1, 64 // p.shape[-1])).unflatten(2, (-1, 64 // p.shape[-1])).mean((3, 5))).abs()
             for p in pictures]  # fmt: skip
    assert float(found["scales"].detach()) == pytest.approx(sum(float(t.detach().mean()) for t in terms[:-1]), rel=1e-4)
    assert float(found["l1"].detach()) == pytest.approx(float(terms[-1].detach().mean()), rel=1e-4)


def test_with_a_prior_all_scales_of_the_unet_count_and_the_output_too():
    method, _ = build(RECIPE, **THIN, prior="joint")
    outputs = method.outputs(half(), where())
    assert [p.shape[-1] for p in outputs.pictures] == [8, 16, 32, 64]
    assert outputs.made is not outputs.pictures[-1]


def test_both_forms_of_the_adversarial_loss_pull_the_same_way_but_only_the_standard_one_ends():
    standard, _ = build(RECIPE, **{**THIN, **STILL}, prior="none")
    printed, _ = build(RECIPE, **{**THIN, **STILL}, prior="none", adversarial_form="printed")
    batch = half()
    outputs = standard.outputs(batch, where())
    logits = standard.discriminator(outputs.made)
    one, other = (m.losses(batch, outputs, where())["adversarial"] for m in (standard, printed))
    assert float(one.detach()) == pytest.approx(float(losses.logistic_real(logits).detach()))
    assert float(other.detach()) == pytest.approx(float(-losses.logistic_fake(logits).detach()))
    assert one > 0 > other
    assert any("no lower bound" in note for note in printed.notes)


def test_r1_comes_every_so_many_steps_and_equals_its_definition():
    method, _ = build(RECIPE, **{**THIN, **STILL}, prior="none", r1_every=4)
    batch = half()
    outputs = method.outputs(batch, where())
    assert "r1" not in method.judge(batch, outputs, replace(where(), index=3))
    found = method.judge(batch, outputs, replace(where(), index=4))
    photos = outputs.true.clone().requires_grad_(True)
    (slope,) = torch.autograd.grad(method.discriminator(photos).sum(), photos)
    assert float(found["r1"].detach()) == pytest.approx(float(slope.detach().square().sum() / 2), rel=1e-4)
    assert method.phases[0].weights["r1"] == RECIPE.settings.r1 / 2 * 4


@cache
def first_losses(**changed):
    return told_of(*build(RECIPE, **{**THIN, **STILL, "prior": "none", **changed}))


@pytest.mark.parametrize(
    ("changes", "differ"),
    [
        ({"perceptual": "self"}, "perceptual"),
        ({"flip": 1.0}, "l1"),
        ({"balance": (0.75, 0.8)}, "l1"),
        ({"detail": True}, "l1"),
        ({"width": 6}, "scales"),
        ({"adversarial": 0.0}, "d_real"),
        ({"cap": 12}, "d_real"),
        ({"r1": 0.0}, "r1"),
        ({"prior": "joint"}, "l1"),
        ({"prior": "joint", "generator": "mobile"}, "l1"),
        ({"adversarial_form": "printed"}, "adversarial"),
    ],
)
def test_every_setting_of_the_losses_is_read(changes, differ):
    assert first_losses(**changes).get(differ) != first_losses().get(differ)


def test_the_multiplier_is_that_of_the_discriminator():
    settings = replace(RECIPE.settings, **THIN, prior="none")
    assert _judged(replace(settings, multiplier=3)) == stylegan2.StyleGAN2Config(64, 3, 16)


@pytest.mark.parametrize(
    ("name", "key", "phase"),
    [("perceptual_weight", "perceptual", -1), ("scale_weight", "scales", -1), ("scale_weight", "l1", -1),
     ("adversarial", "adversarial", -1)],
)  # fmt: skip
def test_weights_go_to_the_phase(name, key, phase):
    method, _ = build(RECIPE, **THIN, prior="none", **{name: 0.7})
    assert method.phases[phase].weights[key] == 0.7


def test_the_color_step_is_in_use_and_not_in_training():
    printed, _ = build(RECIPE, **{**THIN, **STILL}, prior="none")
    none, _ = build(RECIPE, **{**THIN, **STILL}, prior="none", color_step="none")
    batch = half()
    assert torch.equal(printed.outputs(batch, where()).made, none.outputs(batch, where()).made)
    found = [m.evaluate(m.network.eval(), batch, where())["mse"] for m in (printed, none)]
    assert not torch.allclose(*found)
    assert len(printed.show(printed.network, batch, where())) == 3


# samples


def test_samples_on_the_fly_are_the_papers_or_ours():
    paper = samples(RECIPE.settings, (64, 64))
    assert paper.methods == ("recolor", "relight")
    assert (paper.of("recolor").transfer, paper.of("recolor").lut, paper.of("recolor").jitter) == (1.0, 0.0, 0.0)
    ours = samples(replace(RECIPE.settings, changes="ours", portraits=True), (64, 64))
    assert ours.of("recolor") == RecolorRanges(jitter=0.0)
    assert ours.frame.crop[1] <= 0.5 < paper.frame.crop[1]
    assert paper.frame.flip == ours.frame.flip == 0  # the step mirrors


# overfitting


@pytest.mark.slow
def test_the_unet_alone_overfits_eight_samples():
    method, settings = build(RECIPE, **{**THIN, **STILL, "width": 6}, prior="none", adversarial=0.0, lr=1e-2)
    told = fit(method, settings, eight("recolor"), 80)
    assert told[-1]["l1"] < 0.4 * told[0]["l1"]
    assert told[-1]["scales"] < 0.4 * told[0]["scales"]


@pytest.mark.slow
def test_with_the_composites_detail_it_soon_beats_doing_nothing():
    method, settings = build(
        RECIPE, **{**THIN, **STILL, "width": 6}, prior="none", adversarial=0.0, lr=5e-3, detail=True
    )
    stepper, batch = Stepper(method, settings), eight("recolor")
    for index in range(35):
        stepper.step([batch], index, 35)
    with torch.no_grad():
        found = method.evaluate(stepper.network.eval(), batch, where())
    assert found["psnr"].mean() > found["psnr_undone"].mean() + 1


@pytest.mark.slow
@pytest.mark.parametrize("generator", ["standard", pytest.param("mobile", marks=pytest.mark.slow)])
def test_with_a_prior_it_overfits_eight_samples(prior, generator):
    method, settings = build(
        RECIPE, **{**THIN, **STILL}, prior="joint", prior_weights=str(prior), generator=generator, lr=1e-2,
        adversarial=0.0,
    )  # fmt: skip
    told = fit(method, settings, eight("recolor"), 30)
    assert told[-1]["l1"] < 0.4 * told[0]["l1"]
