"""The harmonization GAN's recipe: its losses against the report's formulas, its settings, and that it learns."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bgswap.augmentation import flow
from bgswap.augmentation.ranges import RecolorRanges
from bgswap.errors import UsageError
from bgswap.training.recipes import _motion, harmonize_gan
from bgswap.training.recipes.harmonize_gan import RECIPE, HarmonizeSettings
from bgswap.training.steps import Stepper
from tests.training.recipes.harness import build, eight, fit, where, without_gradient

THIN = {"size": ((64, 64),), "width": 4, "discriminator_width": 4}
PAIRS = {"temporal": 1.0, "motion": "flow"}


def first_losses(batch=None, **settings):
    """Losses of the first step, from the same first weights."""
    method, chosen = build(RECIPE, **{**THIN, **settings})
    return fit(method, chosen, batch or eight("recolor"), 1)[0]


def made_by(method, batch):
    counts = method.counts(batch)
    step = where(counts=counts)
    return method.outputs(batch, step), step


def test_at_full_width_both_networks_have_as_many_parameters_as_pix2pix():
    with torch.device("meta"):
        method = RECIPE.method(RECIPE.settings, None)
    counts = {name: sum(p.numel() for p in network.parameters()) for name, network in method.networks.items()}
    assert counts == {"network": 54_414_979, "discriminator": 2_768_705}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"discriminator": "pixel-wise"},
        {"norm": "instance", "fused": True},
        {"patch_layers": 0, "sees": "pair+mask"},
    ],
)
def test_gradients_reach_every_parameter(settings):
    method, chosen = build(RECIPE, **THIN, **settings)
    assert without_gradient(method, chosen, eight("recolor")) == []


def test_the_reports_loss_is_the_squared_error_and_lambda_times_the_squared_disharmony():
    method, _ = build(RECIPE, **THIN, normalize="picture", untouched=0.0, dropout=0.0)
    batch = eight("recolor")
    made, step = made_by(method, batch)
    found = method.generate(batch, made, step)
    x, o = batch["composite_true"] * 2 - 1, made.output * 2 - 1  # tanh's range
    logits = method.discriminator(torch.cat([batch["composite"], made.output], dim=1))
    assert found["mse"].item() == pytest.approx(((o - x) ** 2).mean().item(), rel=1e-5)
    assert found["adversarial"].item() == pytest.approx(((1 - logits.sigmoid()) ** 2).mean().item(), rel=1e-4)
    assert method.phases[1].weights["adversarial"] == 0.05


def test_pix2pixs_loss_is_l1_a_hundred_times_beside_the_logarithm_of_what_is_found_true():
    method, _ = build(RECIPE, **THIN, adversarial="bce", normalize="picture", untouched=0.0, dropout=0.0)
    batch = eight("recolor")
    made, step = made_by(method, batch)
    found = method.generate(batch, made, step)
    logits = method.discriminator(torch.cat([batch["composite"], made.output], dim=1))
    error = (made.output - batch["composite_true"]).abs().mean().item()
    assert found["l1"].item() == pytest.approx(2 * error, rel=1e-5)  # tanh's range
    assert found["adversarial"].item() == pytest.approx(-logits.sigmoid().log().mean().item(), rel=1e-4)
    assert method.phases[1].weights == {"l1": 100.0, "adversarial": 1.0, "temporal": 0.0}


def test_errors_are_divided_by_the_persons_area():
    method, _ = build(RECIPE, **THIN, untouched=0.0)
    batch = eight("recolor")
    made, step = made_by(method, batch)
    under = ((made.output - batch["composite_true"]) * 2).square().sum().item()
    expected = under / (3 * float(batch["alpha"].sum()))
    assert method.generate(batch, made, step)["mse"].item() == pytest.approx(expected, rel=1e-4)


def test_half_of_the_discriminators_losses_counts():
    method, _ = build(RECIPE, **THIN)
    assert [phase.name for phase in method.phases] == ["discriminator", "generator"]
    assert method.phases[0].weights == {"real": 0.5, "fake": 0.5}
    assert not method.phases[0].graph


@pytest.mark.parametrize("settings", [{}, {"norm": "instance", "accumulate": 2}])
def test_a_step_of_one_network_leaves_no_gradient_in_the_other(settings):
    method, chosen = build(RECIPE, **THIN, **settings, lr=0.0)
    before = {name: [p.clone() for p in network.parameters()] for name, network in method.networks.items()}
    fit(method, chosen, eight("recolor"), 1)
    for name, network in method.networks.items():
        assert all(torch.equal(a, b) for a, b in zip(before[name], network.parameters(), strict=True))
        assert all(p.grad is None for p in network.parameters())


def test_only_the_person_is_false_to_the_pixel_wise_discriminator():
    method, _ = build(RECIPE, **THIN, discriminator="pixel-wise", untouched=0.0)
    batch = eight("recolor")
    made, step = made_by(method, batch)
    torch.nn.init.zeros_(method.discriminator.pixel_head.weight)
    method.discriminator.pixel_head.bias.data.fill_(20.0)  # finds everything true
    found = method.discriminate(batch, made, step)
    assert found["real"] < 1e-6
    assert found["fake"].item() == pytest.approx(20 * float(batch["alpha"].mean()), rel=1e-3)


def test_composites_that_were_left_as_they_are_count_as_true_among_the_fakes():
    batch = eight("recolor")
    found = []
    for fakes in ("output", "both"):
        method, _ = build(RECIPE, **THIN, fakes=fakes, untouched=1.0)
        made, step = made_by(method, batch)
        torch.nn.init.zeros_(method.discriminator.patch_head.weight)
        method.discriminator.patch_head.bias.data.fill_(-20.0)  # finds everything false
        found.append(method.discriminate(batch, made, step)["fake"].item())
        assert torch.equal(made.composite, batch["composite_true"])
    assert found == pytest.approx([0.0, 10.0], abs=1e-3)  # both: the mean of 0 for outputs and 20 for true pictures


@pytest.mark.parametrize(
    "changed",
    [
        {"keep_background": False},
        {"fused": True},
        {"initialize": "normal"},
        {"discriminator": "pixel-wise"},
        {"patch_layers": 1},
        {"discriminator_width": 8},
        {"sees": "picture"},
        {"fakes": "both"},
        {"adversarial": "bce"},
        {"normalize": "picture"},
        {"untouched": 1.0},
        {"width": 8},
        {"depth": 3},
        {"norm": "instance"},
        {"dropout": 0.0},
    ],
)
def test_every_setting_changes_the_first_losses(changed):
    assert first_losses() != first_losses(**changed)


def test_weights_and_the_learning_rate_go_where_they_say():
    method, _ = build(RECIPE, **THIN, weight=0.3, discriminator_weight=0.2, lr=1e-3, temporal=4.0)
    judge, generator = method.phases
    assert (judge.weights["real"], judge.weights["fake"]) == (0.2, 0.2)
    assert (generator.weights["adversarial"], generator.weights["temporal"]) == (0.3, 4.0)
    assert (judge.optimizer.lr, generator.optimizer.lr, generator.optimizer.betas) == (1e-3, 1e-3, (0.5, 0.999))


def test_without_an_adversary_one_network_is_left():
    method, chosen = build(RECIPE, **THIN, adversarial="none")
    assert list(method.networks) == ["network"]
    assert list(fit(method, chosen, eight("recolor"), 1)[0]) == ["mse"]


def test_the_true_motion_of_a_pair_of_frames_costs_nothing_where_the_truth_is_shown():
    batch = eight("frames")
    now, before, alpha = batch["composite_true"], batch["previous_composite_true"], batch["alpha"]
    held = _motion.flicker(now, before, batch["flow_true"], alpha)
    none = torch.zeros_like(batch["flow_true"])
    none[:, 2] = 1.0
    assert held.mean() < 0.5 * _motion.flicker(now, before, none, alpha).mean()


def test_flow_is_the_same_from_a_file_and_made_on_the_fly():
    raw = torch.zeros(1, 3, 4, 6)
    raw[:, 0], raw[:, 1], raw[:, 2] = 1.25, -0.5, 1.0
    raw[:, :, 0, 0] = 0.0  # not known
    stored = torch.from_numpy(flow.to_pixels(raw[0]).astype(np.float32) / 65535).permute(2, 0, 1)[None]
    (at, known), (same, also) = _motion.told(raw), _motion.told(stored)
    assert torch.allclose(at, same, atol=1e-3)
    assert torch.equal(known, also)
    assert (at[0, :, 2, 3] - torch.tensor([4.75, 2.0])).abs().max() < 1e-6
    assert known[0, 0].tolist() == [[0] * 6, *[[1, 1, 1, 1, 0, 0]] * 3]


def test_a_moved_still_moves_a_little_and_not_alike():
    at, known = _motion.drawn(where(), 4, (40, 60))
    way = (at - flow.centers((40, 60), at)).norm(dim=1)
    assert 0.05 < way.mean() < 2.5
    assert len({round(float(one), 4) for one in way.mean((1, 2))}) == 4
    assert 0.8 < known.mean() < 1
    assert torch.equal(_motion.drawn(where(share=(1, 2)), 2, (40, 60))[0], at[2:])


def test_both_motions_give_a_temporal_loss_that_training_lowers():
    for batch, settings in ((eight("frames"), PAIRS), (eight("recolor"), {"temporal": 1.0})):
        assert "temporal" not in first_losses(batch)
        method, chosen = build(RECIPE, **THIN, **settings, adversarial="none", dropout=0.0, lr=2e-3)
        told = fit(method, chosen, batch, 12)
        assert 0 < told[-1]["temporal"] < 0.8 * told[0]["temporal"]


def test_a_network_that_does_nothing_has_no_temporal_loss_of_a_moved_still():
    method, _ = build(RECIPE, **THIN, temporal=1.0)
    method.network.forward = lambda planes: planes[:, :3]
    made, _ = made_by(method, eight("recolor"))
    now, before, _ = made.pair
    assert torch.allclose(now, before)


def test_samples_without_frames_are_refused_with_a_sentence():
    method, chosen = build(RECIPE, **THIN, **PAIRS)
    with pytest.raises(UsageError, match="augment --method frames"):
        fit(method, chosen, eight("recolor"), 1)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"size": ((16, 16),)}, "at least 24 pixels"),
        ({"size": ((16, 64),), "discriminator": "pixel-wise"}, "at least 32 pixels"),
        ({"depth": 9}, "choose 2 to 8"),
        ({**PAIRS, "changes": "recolor+relight"}, "recolored only"),
    ],
)
def test_settings_that_cannot_be_are_refused_with_a_sentence(settings, told):
    with pytest.raises(UsageError, match=told):
        HarmonizeSettings(**settings)


def test_the_size_settles_the_halvings_and_what_sides_must_divide_by():
    sizes = [((256, 256),), ((128, 128), (256, 256)), ((320, 240),), ((250, 250),)]
    found = [replace(RECIPE.settings, size=size) for size in sizes]
    assert [RECIPE.multiple(one) for one in found] == [256, 128, 16, 4]
    assert RECIPE.multiple(replace(RECIPE.settings, depth=5)) == 32
    method, _ = build(RECIPE, **{**THIN, "size": ((320, 240),)})
    assert "halves only 4 times" in method.notes[0]


def test_samples_are_those_that_the_settings_ask_for():
    made = {
        changes: harmonize_gan.samples(replace(RECIPE.settings, changes=changes), (64, 64))
        for changes in ("transfer", "recolor", "recolor+relight")
    }
    assert [one.methods for one in made.values()] == [("recolor",), ("recolor",), ("recolor", "relight")]
    assert made["transfer"].of("recolor").transfer == 1
    assert made["transfer"].of("recolor").lut == 0
    assert made["recolor"].of("recolor") == RecolorRanges()
    pairs = replace(RECIPE.settings, **PAIRS)
    assert harmonize_gan.samples(pairs, (64, 64)).methods == ("frames",)
    assert harmonize_gan.samples(pairs, (64, 64)).of("recolor").transfer == 1
    assert "flow_true" in RECIPE.settled(pairs).roles
    assert RECIPE.settled(RECIPE.settings).roles == RECIPE.roles


def test_doing_nothing_is_measured_beside_the_network():
    method, _ = build(RECIPE, **THIN)
    batch = eight("recolor")
    found = method.evaluate(lambda planes: planes[:, :3], batch, where())
    for name in ("fmse", "mse", "psnr"):
        assert torch.equal(found[name], found[f"{name}_input"])
    true = method.evaluate(lambda _: batch["composite_true"], batch, where())
    assert true["fmse"].max() == 0
    levels = [(batch[role][0] * 255).numpy() for role in ("composite", "composite_true")]
    person = (batch["alpha"][0] > 0.5).expand(3, -1, -1).numpy()
    assert float(found["fmse"][0]) == pytest.approx(float(np.square(levels[0] - levels[1])[person].mean()), rel=1e-4)


def test_flicker_is_measured_where_there_are_frames():
    method, _ = build(RECIPE, **THIN, **PAIRS)
    network = method.networks["network"].eval()
    with torch.no_grad():
        found = method.evaluate(network, eight("frames"), where())
    assert found["flicker"].shape == (8,)
    assert found["flicker"].mean() > found["flicker_input"].mean() > 0


def test_pictures_show_composite_output_and_truth_and_what_a_pixel_wise_discriminator_finds():
    method, _ = build(RECIPE, **THIN, discriminator="pixel-wise")
    batch = eight("recolor")
    with torch.no_grad():
        shown = method.show(method.networks["network"].eval(), batch, where())
    assert [one.shape[1] for one in shown] == [3, 3, 3, 1]
    assert all(one.min() >= 0 and one.max() <= 1 for one in shown)
    assert torch.equal(shown[0], batch["composite"])
    assert torch.equal(shown[2], batch["composite_true"])


@pytest.mark.slow
def test_it_overfits_eight_samples_and_then_beats_doing_nothing():
    method, settings = build(RECIPE, **{**THIN, "width": 8}, fused=True, dropout=0.0, lr=2e-3, untouched=0.0)
    batch = eight("recolor")
    told = fit(method, settings, batch, 110)
    assert told[-1]["mse"] < 0.2 * told[0]["mse"]
    with torch.no_grad():
        found = method.evaluate(method.networks["network"].eval(), batch, where())
    assert found["fmse"].mean() < 0.8 * found["fmse_input"].mean()


def test_two_parts_of_a_batch_train_as_the_whole_does_without_batch_statistics():
    batch, curves = eight("recolor"), []
    for parts in (1, 2):
        method, settings = build(RECIPE, **THIN, norm="instance", dropout=0.0, temporal=1.0)
        stepper = Stepper(method, settings)
        halves = [
            {role: value[i * 8 // parts : (i + 1) * 8 // parts] for role, value in batch.items()} for i in range(parts)
        ]
        curves.append([{k: float(v) for k, v in stepper.step(halves, index, 3).items()} for index in range(3)])
    for whole, split in zip(*curves, strict=True):
        assert split == pytest.approx(whole, rel=1e-3)
