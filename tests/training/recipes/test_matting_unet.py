"""The poster's recipe: its numbers, its settings, and what it asks of its encoder."""

from dataclasses import replace

import pytest
import torch

from bgswap.errors import BgswapError, UsageError
from bgswap.networks import resnet
from bgswap.training.recipes.matting_unet import RECIPE
from bgswap.training.steps import Stepper, rate
from bgswap.training.tools import Tools
from bgswap.zoo.choice import ModelOptions
from tests.training.recipes.harness import build, eight, fit, where, without_gradient

PLAIN = {"encoder": "none", "width": 0.1, "scale": "255"}
THIN = {"encoder": "resnet18", "pretrained": False, "width": 0.1}


def test_the_defaults_are_the_posters():
    told = RECIPE.settings
    assert (told.lr, told.batch, told.epochs, told.held_out) == (5e-3, (128,), 40, 0.2)
    assert (told.size, told.loss, told.scale, told.encoder) == (((320, 240),), "l1", "minmax", "resnet50")


@pytest.mark.parametrize("settings", [PLAIN, THIN])
def test_gradients_reach_every_parameter(settings):
    method, chosen = build(RECIPE, **settings)
    assert without_gradient(method, chosen, eight("matting")) == []


@pytest.mark.parametrize("loss", ["l1", "l1+dice"])
def test_it_overfits_eight_samples(loss):
    method, settings = build(RECIPE, **PLAIN, loss=loss, lr=1e-2)
    batch = eight("matting")
    told = fit(method, settings, batch, 50)
    assert told[-1]["l1"] < 0.2 * told[0]["l1"]
    with torch.no_grad():
        found = method.evaluate(method.networks["network"].eval(), batch, where())
    assert float(found["iou"].mean()) > 0.9
    assert float(found["dice"].mean()) > 0.9
    assert found["dice"].shape == (8,)


def test_dice_is_a_loss_only_where_asked():
    batch = eight("matting")
    told = [set(fit(*build(RECIPE, **PLAIN, loss=loss), batch, 1)[0]) for loss in ("l1", "l1+dice")]
    assert told == [{"l1"}, {"l1", "dice"}]


def test_scale_and_encoder_change_the_network():
    names = [
        set(build(RECIPE, **PLAIN | changed)[0].networks["network"].state_dict())
        for changed in ({}, {"scale": "minmax"}, {"encoder": "resnet18", "pretrained": False})
    ]
    assert len({frozenset(one) for one in names}) == 3


def test_the_encoder_may_learn_slower_and_the_rate_fall():
    method, settings = build(RECIPE, **PLAIN, encoder_lr=0.1, schedule="cosine")
    groups = {group["factor"]: len(group["params"]) for group in Stepper(method, settings).optimizers[0].param_groups}
    encoder = len(list(method.networks["network"].encoder.parameters()))
    assert groups[0.1] == encoder
    assert rate(method.phases[0].optimizer.schedule, 100, 101) < 0.01


def test_a_pretrained_encoder_begins_with_the_files_weights_and_is_told(monkeypatch, tmp_path):
    torch.manual_seed(1)
    trained = resnet.build(resnet.ResNetConfig("resnet18"))
    torch.save(trained.state_dict(), tmp_path / "resnet18.pth")
    (tmp_path / "bgswap").mkdir()
    (tmp_path / "bgswap/catalog.toml").write_text(f'[resnet18]\nfile = "{tmp_path}/resnet18.pth"\n', encoding="utf-8")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    tools = Tools()
    method, _ = build(RECIPE, tools, encoder="resnet18")
    state = method.networks["network"].encoder.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in trained.state_dict().items())
    assert tools.used["encoder"].startswith("resnet18 ")
    assert all(parameter.requires_grad for parameter in method.networks["network"].parameters())


def test_without_the_file_it_never_begins_at_random_instead():
    with pytest.raises(BgswapError, match="bgswap models fetch resnet50"):
        build(RECIPE, Tools(ModelOptions(device="cpu", offline=True)))


def test_a_narrow_pretrained_encoder_is_refused_with_what_to_do():
    with pytest.raises(UsageError, match="set pretrained=false, or with a small plain encoder, --set encoder=none"):
        build(RECIPE, width=0.5)


def test_samples_are_the_posters_unless_asked():
    (plain,) = RECIPE.samples(RECIPE.settings, (320, 240)).ranges
    assert (plain.new_place, plain.whole, plain.rotation, plain.jpeg) == (0.0, 1.0, (-7.0, 7.0), 0.0)
    (more,) = RECIPE.samples(replace(RECIPE.settings, vary="all", new_place=0.5), (320, 240)).ranges
    assert (more.new_place, more.whole, more.jpeg) == (0.5, 0.25, 0.5)


def test_it_shows_input_output_and_truth():
    method, _ = build(RECIPE, **PLAIN)
    batch = eight("matting")
    columns = method.show(method.networks["network"].eval(), batch, where())
    assert [tuple(one.shape) for one in columns] == [(8, 3, 64, 64), (8, 1, 64, 64), (8, 1, 64, 64)]
