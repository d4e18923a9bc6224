"""The recipe that learns portraits: two players, penalties now and then, and what validation says."""

import dataclasses
from functools import cache

import pytest
import torch

from bgswap.augmentation.ranges import PortraitRanges
from bgswap.errors import UsageError
from bgswap.training.recipe import Step
from bgswap.training.recipes.stylegan2 import RECIPE, PathLength, lazy, samples
from bgswap.training.settings import Settings
from bgswap.training.steps import Stepper
from tests.training.recipes.harness import build, eight, fit, where, without_gradient

THIN = {"size": ((64, 64),), "batch": (8,), "width": 8, "style": 16, "layers": 2, "features": "self"}
QUICK = THIN | {"size": ((16, 16),)}


def at(index, size=64, **more):
    return Step(index, 100, (size, size), torch.device("cpu"), 0, **more)


def small():
    """The eight portraits at 16 pixels, for what is not about pictures."""
    return {"portrait": torch.nn.functional.avg_pool2d(eight("portrait")["portrait"], 4)}


def test_gradients_reach_every_parameter():
    method, settings = build(RECIPE, **THIN)
    assert without_gradient(method, settings, eight("portrait")) == []


@pytest.mark.slow
def test_it_learns_the_colors_of_eight_portraits_and_the_discriminator_tells_them_apart():
    """Two players never settle: each is asked how well it did at its best."""
    method, settings = build(RECIPE, **THIN, lr=1e-2, ema=0.9)
    batch = eight("portrait")
    stepper = Stepper(method, settings)
    wanted = batch["portrait"].mean((0, 2, 3))
    z = torch.randn(64, 16, generator=torch.Generator().manual_seed(0))
    away, told = [], []
    for index in range(71):
        if index % 10 == 0:
            with torch.no_grad():
                away.append(float((stepper.average(z).mean((0, 2, 3)) - wanted).abs().mean()))
        losses = stepper.step([batch], index, 71)
        told.append(float(losses["real"] + losses["fake"]))
    assert min(away[4:]) < 0.6 * away[0]
    assert min(sum(told[i : i + 10]) for i in range(30, 60)) < 0.6 * sum(told[:10])  # 2 log 2 each is a guess


def test_penalties_come_now_and_then_and_count_as_often_as_they_were_left_out():
    method, settings = build(RECIPE, **QUICK)
    told = fit(method, settings, small(), 18)
    assert [index for index, one in enumerate(told) if "r1" in one] == [0, 16]
    assert [index for index, one in enumerate(told) if "path" in one] == [0, 4, 8, 12, 16]
    assert [phase.name for phase in method.phases] == ["discriminator", "generator"]
    assert [dict(phase.weights) for phase in method.phases] == [{"r1": 160.0}, {"path": 8.0}]
    judge, generator = (phase.optimizer for phase in method.phases)
    assert (judge.lr, judge.betas) == (2e-3 * 16 / 17, (0.0, 0.99 ** (16 / 17)))
    assert (generator.lr, generator.betas) == (2e-3 * 4 / 5, (0.0, 0.99 ** (4 / 5)))
    assert lazy(1e-3, 0).lr == 1e-3


def test_r1_is_half_the_squared_length_of_the_gradient_of_pictures_within_minus_1_and_1():
    method, _ = build(RECIPE, **QUICK)
    batch, made = small(), torch.zeros(8, 3, 16, 16)
    found = method.discriminator_losses(batch, made, at(0))["r1"]
    pictures = batch["portrait"].clone().requires_grad_()  # 0..1: steps count half
    (gradient,) = torch.autograd.grad(method.discriminator(pictures).sum(), pictures)
    torch.testing.assert_close(found.detach(), (gradient / 2).square().sum((1, 2, 3)).mean() / 2)
    assert not batch["portrait"].requires_grad


def test_the_mean_path_length_follows_and_is_kept_with_the_networks():
    path = PathLength()
    penalty = path(torch.tensor([2.0, 4.0]))
    assert float(path.mean) == pytest.approx(0.03)
    assert float(penalty) == pytest.approx(((2 - 0.03) ** 2 + (4 - 0.03) ** 2) / 2)
    method, settings = build(RECIPE, **QUICK)
    stepper = Stepper(method, settings)
    stepper.step([small()], 0, 10)
    kept = stepper.state()
    other = Stepper(build(RECIPE, **QUICK)[0], settings)
    other.load(kept)
    assert 0 < float(other.method.path.mean) == float(method.path.mean)


def test_path_length_is_the_length_of_the_change_of_a_random_picture_by_w():
    """Of a generator whose pictures are 3 times w's first numbers: the root of the mean over layers of squares."""
    method, _ = build(RECIPE, **QUICK)
    method.network.synthesis.forward = lambda w: 3 * w.mean(1)[:, :12].reshape(-1, 3, 2, 2)
    torch.manual_seed(5)
    found = method.lengths(4, at(0))
    torch.manual_seed(5)
    random = torch.randn(4, 3, 2, 2) / 2
    layers = method.config.styles
    wanted = (3 / layers * random).square().sum((1, 2, 3)).sqrt()
    torch.testing.assert_close(found.detach(), wanted)


@pytest.mark.parametrize(("mixing", "least", "most"), [(0.0, 0, 0), (1.0, 1, 1), (0.9, 0.84, 0.96)])
def test_a_share_of_pictures_takes_its_later_styles_from_another_z(mixing, least, most):
    method, _ = build(RECIPE, **QUICK, mixing=mixing)
    with torch.no_grad():
        w = method.styles(400, at(3), "made")
    assert w.shape == (400, method.config.styles, 16)
    changes = (w[:, 1:] != w[:, :-1]).any(2).sum(1)
    assert least <= float((changes == 1).float().mean()) <= most
    assert int(changes.max()) <= 1


def test_styles_do_not_hang_on_how_a_batch_is_shared_out():
    method, _ = build(RECIPE, **QUICK)
    method.network.eval()
    with torch.no_grad():
        whole = method.styles(8, at(3), "made")
        parts = [method.styles(4, at(3, share=(part, 2)), "made") for part in range(2)]
    torch.testing.assert_close(torch.cat(parts), whole)
    assert not torch.equal(method.styles(8, at(4), "made"), whole)


def test_validation_compares_made_portraits_and_the_means_with_held_out_ones():
    method, _ = build(RECIPE, **THIN)
    network, batch = method.network.eval(), eight("portrait")
    with torch.no_grad():
        found = method.evaluate(network, batch, where())
    assert {name: value.shape for name, value in found.items()} == dict.fromkeys(("real", "made", "mean"), (8, 512))
    with torch.no_grad():
        middle = method.looks.features(network(torch.ones(1, 16), psi=0.0))[-1].mean((2, 3))
    torch.testing.assert_close(found["mean"], middle.expand(8, -1))
    told = method.summarize(found)
    assert set(told) == {"kid", "kid_of_mean"}
    perfect = method.summarize(found | {"made": found["real"]})
    assert abs(perfect["kid"]) < 0.2 * told["kid"]
    assert method.best == ("kid", "lower")


def test_the_same_faces_are_shown_every_time():
    method, _ = build(RECIPE, **THIN)
    network, batch = method.network.eval(), eight("portrait")
    with torch.no_grad():
        made, nearer, photos = method.show(network, batch, where())
        again = method.show(network, batch, where())
    assert torch.equal(made, again[0])
    assert (made - made.mean(0)).abs().mean() > (nearer - nearer.mean(0)).abs().mean()
    assert torch.equal(photos, batch["portrait"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": ((64, 64), (128, 128))},
        {"size": ((64, 32),)},
        {"size": ((48, 48),)},
        {"r1_every": 0},
        {"shoulders": (0.5,)},
    ],
)
def test_what_it_cannot_train_is_refused_with_a_sentence(wrong):
    with pytest.raises(UsageError, match=r"one size|at least 1|a least and a most"):
        dataclasses.replace(RECIPE.settings, **wrong)


def test_gamma_0_is_the_later_rule():
    settings = dataclasses.replace(RECIPE.settings, gamma=0.0, size=((256, 256),), batch=(16,))
    assert settings.r1 == pytest.approx(0.8192)  # field.md 1.0: 256 pixels, batch 16: 0.82
    assert dataclasses.replace(settings, gamma=-1.0).r1 == 0


def test_another_batch_wants_another_average_and_it_says_so():
    assert RECIPE.settings.ema == pytest.approx(0.5 ** (32 / 10_000), abs=1e-6)
    assert build(RECIPE, **QUICK | {"batch": (32,)})[0].notes == ()
    (note,) = build(RECIPE, **QUICK)[0].notes
    assert "ema=0.999446" in note


CHANGES = {
    "multiplier": 1, "width": 6, "style": 12, "layers": 1, "lr": 1e-3, "gamma": 1.0, "r1_every": 2, "path": 1.0,
    "path_every": 2, "mixing": 0.0,
}  # fmt: skip
ELSEWHERE = {"features", "shoulders"}


def test_every_setting_of_its_own_is_read():
    own = {field.name for field in dataclasses.fields(RECIPE.settings)} - {f.name for f in dataclasses.fields(Settings)}
    assert own == set(CHANGES) | ELSEWHERE


@cache
def trained(**changed):
    """All weights after three steps."""
    method, settings = build(RECIPE, **QUICK | changed)
    fit(method, settings, small(), 3)
    return [p.detach() for name in ("network", "discriminator") for p in method.networks[name].parameters()]


@pytest.mark.parametrize("name", CHANGES)
def test_every_setting_changes_the_training(name):
    wide = {"size": ((64, 64),), "width": 300} if name == "multiplier" else {}  # below 64 pixels it rules nothing
    if wide:
        shapes = [
            [p.shape for p in build(RECIPE, **QUICK | wide | more)[0].network.parameters()] for more in ({}, {name: 1})
        ]
        assert shapes[0] != shapes[1]
        return
    usual, other = trained(), trained(**{name: CHANGES[name]})
    assert not all(a.shape == b.shape and torch.equal(a, b) for a, b in zip(usual, other, strict=False))


def test_samples_are_portraits_with_as_much_shoulder_as_asked():
    settings = dataclasses.replace(RECIPE.settings, shoulders=(1.0, 1.2))
    made = samples(settings, (64, 64))
    assert made.methods == ("portrait",)
    assert made.of("portrait") == PortraitRanges(shoulders=(1.0, 1.2))
    assert made.size == (64, 64)
