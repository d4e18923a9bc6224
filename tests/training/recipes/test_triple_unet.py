"""The Triple U-Net's recipe."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from bgswap.compositing.decisions import Place
from bgswap.compositing.geometry import placement_matrix
from bgswap.compositing.outline import trace
from bgswap.errors import UsageError
from bgswap.training.recipes.triple_unet import FOUND, RECIPE, TRUE, config, planes, samples, with_box
from tests.training.recipes import harness
from tests.training.recipes.harness import build, fit, where, without_gradient

THIN = {
    "size": ((64, 64),),
    "width": 8,
    "judge_width": 4,
    "perceptual": "none",
    "dropout": 0.0,
    "lr": 4e-3,
}


@cache
def moved():
    """Eight samples of a person moved away from her place; plates without decoys, which take seconds to fill."""
    from bgswap.augmentation.fly import make_one

    pictures, cut = harness._pictures()
    rows, boxes = {}, []
    for copy in range(8):
        made, told = make_one(pictures, [cut], "placement", {"copy": copy, "size": 64, "decoys": 0})
        boxes.append(torch.tensor([float(number) for number in told["box_true"]]))
        for role, pixels in made.items():
            rows.setdefault(role, []).append(torch.from_numpy(pixels.astype(np.float32) / np.iinfo(pixels.dtype).max))
    return {role: harness._planes(torch.stack(values)) for role, values in rows.items()} | {
        "box_true": torch.stack(boxes)
    }


def test_at_full_size_it_is_three_times_pix2pix_over_ten_planes_of_evidence():
    with torch.device("meta"):
        method, settings = build(RECIPE, size=((256, 256),), perceptual="none")
    count = {name: sum(p.numel() for p in network.parameters()) for name, network in method.networks.items()}
    assert count["discriminator"] == 2_762_561 + 1024 * 10  # field.md 1.0
    assert 132.55e6 < count["generator"] < 132.76e6
    assert RECIPE.multiple(settings) == 256


@pytest.mark.parametrize(
    "form", [{}, {"decoder": "three"}, {"inputs": "stacked"}, {"join": "plain"}, {"discriminator": "image"}]
)
def test_gradients_reach_every_parameter_of_both_networks(form):
    method, settings = build(RECIPE, **THIN | form)
    assert without_gradient(method, settings, moved()) == []


@pytest.mark.slow
def test_it_overfits_eight_samples_and_its_weights_of_the_streams_move_apart():
    method, settings = build(RECIPE, **THIN)
    told = fit(method, settings, moved(), 60)
    assert told[-1]["l1"] < 0.35 * told[0]["l1"]
    network = method.networks["generator"].eval()
    with torch.no_grad():
        found = {name: float(values.mean()) for name, values in method.evaluate(network, moved(), where()).items()}
    assert found["psnr"] > found["psnr_nothing"] + 5
    assert found["box_center"] < 0.3 * found["box_center_nothing"]
    assert found["box_scale"] < 0.3 * found["box_scale_nothing"]
    shares = network.shares()
    assert ((shares - 1 / 3).abs().amax(1) > 0.005).all()  # at every layer
    assert shares.std(0).max() > 0.01  # and not alike in all layers


def test_a_plain_join_has_no_weights_of_streams():
    method, _ = build(RECIPE, **THIN, join="plain")
    assert "gates" not in dict(method.networks["generator"].named_parameters())


CHANGES = {
    "lr": 1e-3,
    "width": 4,
    "depth": 4,
    "inputs": "stacked",
    "join": "plain",
    "decoder": "three",
    "norm": "instance",
    "dropout": 0.5,
    "discriminator": "image",
    "judge_width": 8,
    "l1": 50.0,
    "gan": 2.0,
    "placement": 1.0,
    "flip": 10.0,
}


@cache
def curve(**settings):
    """The losses of two steps."""
    method, chosen = build(RECIPE, **THIN | {"width": 2, "judge_width": 2} | settings)
    return fit(method, chosen, moved(), 2)


@pytest.mark.parametrize("name", CHANGES)
def test_every_setting_changes_training(name):
    if name == "join":  # equal weights are where they begin
        method, _ = build(RECIPE, **THIN)
        other, _ = build(RECIPE, **THIN, join="plain")
        assert len(list(method.networks["generator"].parameters())) == 1 + len(
            list(other.networks["generator"].parameters())
        )
    else:
        assert curve(**{name: CHANGES[name]}) != curve()


def test_the_perceptual_loss_has_a_network_and_a_weight():
    looked = curve(perceptual="self")
    assert looked[0].keys() - curve()[0].keys() == {"perceptual"}
    assert curve(perceptual="self", perceptual_weight=100.0) != looked
    method, _ = build(RECIPE, **THIN | {"perceptual": "self"})
    assert set(method.frozen) == {"perceptual"}


def test_without_an_adversarial_weight_there_is_no_discriminator():
    method, settings = build(RECIPE, **THIN, gan=0.0)
    assert set(method.networks) == {"generator"}
    assert set(fit(method, settings, moved(), 1)[0]) == {"l1", "placement", "flip"}


def test_an_image_discriminator_gives_one_probability_a_picture():
    patch, _ = build(RECIPE, **THIN)
    image, _ = build(RECIPE, **THIN, discriminator="image")
    given, true = planes(moved()), moved()["composite_true"]
    assert patch._logits(given, true).shape == (8, 1, 6, 6)
    assert image._logits(given, true).shape == (8,)
    assert image.judge.layers > patch.judge.layers


def test_the_discriminator_learns_nothing_through_the_generator():
    method, _ = build(RECIPE, **THIN)
    assert [phase.name for phase in method.phases] == ["discriminator", "generator"]
    assert [phase.graph for phase in method.phases] == [False, True]
    outputs = method.outputs(moved(), where())
    sum(method.phases[0].losses(moved(), outputs, where()).values()).backward()
    assert all(p.grad is None for p in method.networks["generator"].parameters())


@pytest.mark.parametrize(
    ("sizes", "depth"),
    [
        (((128, 128), (256, 256), (512, 512)), 7),
        (((512, 512),), 8),
        (((320, 240),), 4),
        (((64, 64), (96, 96)), 5),
    ],
)
def test_the_depth_fits_all_sizes(sizes, depth):
    settings = replace(RECIPE.settings, size=sizes)
    assert config(settings).depth == depth
    assert all(side % RECIPE.multiple(settings) == 0 for size in sizes for side in size)


@pytest.mark.parametrize("wrong", [{"size": ((250, 250),)}, {"depth": 9}, {"inputs": "stacked", "decoder": "three"}])
def test_what_cannot_be_is_told_in_a_sentence(wrong):
    with pytest.raises(UsageError, match=r"choose sides such as|leave out decoder=three"):
        build(RECIPE, **THIN | wrong)


def test_first_weights_are_those_of_pix2pix():
    method, _ = build(RECIPE, **THIN | {"width": 16, "judge_width": 16})
    for network in method.networks.values():
        for name, weights in network.named_parameters():
            if "conv.weight" in name and weights.numel() > 10_000:
                assert 0.019 < float(weights.detach().std()) < 0.021, name


def test_doing_nothing_is_the_layer_as_it_stands_over_the_plate():
    method, _ = build(RECIPE, **THIN)
    batch = moved()
    at_home = batch | {"foreground": torch.cat([batch["composite_true"], batch["mask"]], 1)}
    at_home |= {"plate": batch["composite_true"]}
    with torch.no_grad():
        found = method.evaluate(method.networks["generator"].eval(), at_home, where())
    assert float(found["mse_nothing"].max()) < 1e-6
    own = [trace((mask[0].numpy() * 255).round().astype(np.uint8)) for mask in batch["mask"]]
    wanted = [
        abs(np.log(one.height / 64 / float(true))) for one, true in zip(own, batch["box_true"][:, 2], strict=True)
    ]
    row = np.array([1.1 / one.height for one in own])  # a soft edge's row of just one half may count or not
    assert (np.abs(found["box_scale_nothing"].numpy() - wanted) <= row).all()


def test_a_drawn_box_is_where_the_compositor_would_put_the_person():
    masks, places = moved()["mask"], moved()["box_true"] * torch.tensor([1, 0.8, 0.5, 2, 1])  # smaller: seen whole
    drawn = with_box(torch.zeros(8, 3, 64, 64), places, masks, TRUE)[:, 0]
    seen = 0
    for line, mask, (x, y, height, turn, flip) in zip(drawn, masks, places.tolist(), strict=True):
        outline = trace((mask[0].numpy() * 255).round().astype(np.uint8))
        top, left, bottom, right = outline.box
        corners = np.array([[left, right, left, right], [top, top, bottom, bottom], [1, 1, 1, 1]])
        matrix = placement_matrix(Place(x, y, height, turn, bool(flip)), outline, (64, 64))
        for column, row in (matrix @ corners).T:
            if 2 < column < 62 and 2 < row < 62:
                area = line[int(row) - 1 : int(row) + 2, int(column) - 1 : int(column) + 2]
                assert area.max() == 1
                seen += 1
    assert seen >= 24


def test_what_is_shown_is_layer_output_and_truth_with_both_boxes():
    method, _ = build(RECIPE, **THIN)
    with torch.no_grad():
        columns = method.show(method.networks["generator"].eval(), moved(), where())
    assert [tuple(one.shape) for one in columns] == [(8, 3, 64, 64)] * 3
    for color in (FOUND, TRUE):
        marked = (columns[2] == torch.tensor(color)[:, None, None]).all(1)
        assert marked.flatten(1).any(1).float().mean() > 0.5


def test_samples_are_people_moved_away():
    assert samples(RECIPE.settings, (128, 128)).methods == ("placement",)
    assert samples(RECIPE.settings, (128, 96)).size == (128, 96)
    assert set(RECIPE.roles) <= set(moved())
