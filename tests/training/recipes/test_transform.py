"""The recipe of the network that decides of place, colors and shadow."""

from dataclasses import replace

import pytest
import torch

from bgswap.errors import UsageError
from bgswap.networks.transform import LOWEST, SCALES, STEP
from bgswap.training.recipes import transform
from bgswap.training.recipes.transform import RECIPE, Shown, filled, scores_at, shown, surprise, varied
from tests.training.recipes.harness import build, eight, fit, where, without_gradient
from tests.training.recipes.test_triple_unet import moved

THIN = {"size": ((64, 64),), "batch": (8,), "shares": (), "pretrained": False, "width": 24, "words": 32, "lr": 4e-3}
COLORS, PLACE = {**THIN, "parts": ("colors",)}, {**THIN, "parts": ("place",)}


@pytest.fixture(scope="module")
def pairs():
    return eight("recolor")


def test_gradients_reach_every_parameter_of_what_decides_colors(pairs):
    method, settings = build(RECIPE, **COLORS)
    for parameter in method.networks["network"].colors.parameters():
        torch.nn.init.normal_(parameter, 0, 0.02)  # the last layers begin at zero and hide what is before them
    assert without_gradient(method, settings, pairs) == []


def test_gradients_reach_every_parameter_of_what_decides_the_place():
    method, settings = build(RECIPE, **PLACE)
    assert [name for name in without_gradient(method, settings, moved()) if ".features." not in name] == []


@pytest.mark.slow
def test_it_overfits_the_colors_of_eight_samples(pairs):
    method, settings = build(RECIPE, **COLORS, untouched=0.0, again=0.0)
    told = fit(method, settings, pairs, 80)
    assert told[-1]["mse"] < 0.4 * told[0]["mse"]


@pytest.mark.slow
def test_it_overfits_the_places_of_eight_samples():
    method, settings = build(RECIPE, **PLACE, untouched=1.0)
    told = fit(method, settings, moved(), 120)
    assert told[-1]["surprise"] < 0.8 * told[0]["surprise"]


def test_places_and_colors_are_learned_together_from_moved_layers():
    method, settings = build(RECIPE, **THIN, parts=("place", "colors"))
    told = fit(method, settings, moved(), 2)[0]
    assert set(told) == {"mse", "l1", "calm", "surprise", "move", "turn", "mirror"}
    assert all(value >= 0 for value in told.values())


def test_what_is_not_trained_stays_as_it_is_to_the_bit():
    method, settings = build(RECIPE, **THIN, parts=("place", "colors"), train=("place",))
    network = method.networks["network"]
    before = {name: value.clone() for name, value in network.named_parameters()}
    fit(method, settings, moved(), 2)
    moving = {
        name.partition(".")[0] for name, value in network.named_parameters() if not torch.equal(value, before[name])
    }
    assert moving == {"place", "ground"}


def test_samples_hold_what_the_trained_parts_need():
    colors = replace(RECIPE.settings, parts=("colors",))
    assert RECIPE.settled(colors).roles == ("composite", "alpha", "composite_true")
    assert RECIPE.settled(colors).fields == ()
    assert RECIPE.settled(colors).gives == ("globals", "grid", "shading")
    assert transform.samples(colors, (64, 64)).methods == ("recolor", "relight")
    both = RECIPE.settled(RECIPE.settings)
    assert both.fields == ("box_true",)
    assert both.gives[0] == "places"
    assert transform.samples(RECIPE.settings, (64, 64)).methods == ("placement",)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"parts": ("colours",)}, "parts=colours: choose of place, colors, shadow"),
        ({"parts": ()}, "parts is empty"),
        ({"parts": ("colors",), "train": ("place",)}, "train=place: it is not among parts=colors"),
    ],
)
def test_parts_that_are_not_there_are_refused_in_a_sentence(wrong, says):
    with pytest.raises(UsageError, match=says):
        build(RECIPE, **THIN | wrong)


def test_a_filled_picture_is_untouched_away_from_the_person_and_takes_the_colors_around(pairs):
    picture, cover = pairs["composite_true"], pairs["alpha"]
    made = filled(picture, cover)
    away = (torch.nn.functional.max_pool2d(cover, 3, 1, 1) < 0.02).expand_as(picture)
    assert torch.equal(made[away], picture[away])
    assert made.min() >= picture.min() - 1e-4
    assert made.max() <= picture.max() + 1e-4
    blue = torch.tensor([0.1, 0.2, 0.9]).view(1, 3, 1, 1).expand(1, 3, 32, 32).clone()
    hole = torch.zeros(1, 1, 32, 32)
    hole[..., 8:24, 8:24] = 1
    red = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1)
    assert torch.allclose(filled(blue * (1 - hole) + red * hole, hole), blue, atol=1e-4)


def test_untouched_people_are_shown_in_their_true_colors(pairs):
    scene = shown(pairs)
    still = varied(scene, where(), replace(RECIPE.settings, untouched=1.0))
    assert torch.equal(still.person, still.true)
    assert not torch.equal(still.background, scene.background)  # the scene's light varies all the same
    other = varied(scene, where(), replace(RECIPE.settings, untouched=0.0, again=1.0))
    assert not torch.equal(other.person, other.true)


def test_a_graded_scene_leaves_half_of_its_people_in_the_light_they_were_cut_out_in(pairs):
    scene = shown(pairs)
    made = varied(scene, where(), replace(RECIPE.settings, untouched=0.0, again=0.0, graded=1.0))
    before = (scene.person, scene.person.flip(3))
    left = torch.stack([min((made.person[i] - one[i]).abs().max() for one in before) for i in range(8)]) < 1e-6
    assert 1 <= int(left.sum()) <= 7
    dark = [float(one.background.mean()) for one in (made, scene)]
    assert dark[0] < dark[1]


def test_doing_nothing_is_measured_beside_what_the_network_does(pairs):
    method, _ = build(RECIPE, **COLORS)
    with torch.no_grad():
        found = method.evaluate(method.networks["network"].eval(), pairs, where())
    assert torch.allclose(found["mse"], found["mse_nothing"], rtol=1e-3)
    assert float(found["mse"].mean()) > 10
    assert float(found["change_of_true"].max()) < 0.01  # untrained, it changes nothing


def test_scores_between_cells_are_interpolated_and_the_true_place_is_no_surprise():
    box = torch.tensor([[2.5 / 8, 0.0, 0.0, 0.0, 0.0]])
    height = float(torch.exp(torch.tensor(LOWEST + STEP * 7.5)))
    box[0, 2], box[0, 1] = height, 4.5 / 6 + height / 2
    logits = torch.full((1, SCALES, 6, 8), -20.0)
    logits[0, 7, 4, 2] = 4.0
    told = {"logits": logits, "moves": torch.zeros(1, 3, SCALES, 6, 8)}
    assert float(scores_at(logits, box[:, None])) == pytest.approx(4.0, abs=1e-3)
    beside = box.clone()
    beside[0, 0] += 0.5 / 8
    assert float(scores_at(logits, beside[:, None])) == pytest.approx(-8.0, abs=1e-2)
    assert surprise(told, box)[0] < surprise(told, beside)[0]


def test_show_has_what_is_shown_made_and_true(pairs):
    method, _ = build(RECIPE, **COLORS)
    scene = shown(pairs)
    assert isinstance(scene, Shown)
    with torch.no_grad():
        columns = method.show(method.networks["network"].eval(), pairs, where())
    assert [tuple(one.shape) for one in columns] == [(8, 3, 64, 64)] * 3
