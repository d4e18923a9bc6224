"""The refinement recipe of deep image compositing: raw masks from noise, or from a network of ours."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import bgswap
from bgswap.errors import UsageError
from bgswap.networks import segment
from bgswap.training.recipes.refine import RECIPE
from bgswap.training.steps import rate
from bgswap.training.tools import Tools
from tests.training.recipes.harness import build, eight, fit, where, without_gradient

THIN = {"width": 0.25}
PEOPLE = Path(bgswap.__file__).parent / "weights/people.safetensors"


def saved(path, planes: int) -> str:
    torch.manual_seed(1)
    save_file(segment.build(segment.of_width(0.25, planes)).state_dict(), path)
    return str(path)


def test_the_defaults_are_the_papers():
    told = RECIPE.settings
    assert (told.lr, told.batch, told.size, RECIPE.takes) == (2e-3, (8,), ((256, 256),), ("photo", "alpha"))
    changed = RECIPE.samples(replace(told, new_place=0.3, crop=(0.1, 0.2)), (256, 256)).of("matting")
    assert (changed.new_place, changed.crop) == (0.3, (0.1, 0.2))
    with pytest.raises(UsageError, match="two numbers"):
        build(RECIPE, **THIN, crop=(0.5,))


def test_gradients_reach_every_parameter():
    method, settings = build(RECIPE, **THIN)
    assert without_gradient(method, settings, eight("matting")) == []


@pytest.mark.slow
def test_it_overfits_eight_samples_and_beats_the_raw_masks():
    method, settings = build(RECIPE, **THIN, lr=5e-3)
    batch = eight("matting")
    told = fit(method, settings, batch, 60)
    assert told[-1]["bce"] < 0.5 * told[0]["bce"]  # it begins at the raw mask
    with torch.no_grad():
        found = method.evaluate(method.networks["network"].eval(), batch, where())
    assert float(found["iou"].mean()) > 0.9
    assert float(found["mad"].mean()) < 0.6 * float(found["raw_mad"].mean())


def test_the_raw_mask_is_the_fourth_plane():
    method, _ = build(RECIPE, **THIN)
    batch = eight("matting")
    made = method.outputs(batch, where())
    assert torch.equal(made, method.network(torch.cat([batch["image"], method.raw(batch, where())], 1)))


@pytest.mark.parametrize("off", [{"edge": 0.0}, {"patches": 0.0}, {"blur": 0.0}, {"coarse": 1}])
def test_every_kind_of_noise_can_be_left_out(off):
    batch = eight("matting")
    usual, less = (build(RECIPE, **THIN, **one)[0].raw(batch, where()) for one in ({}, off))
    assert not torch.equal(usual, less)
    none = build(RECIPE, **THIN, edge=0.0, patches=0.0, blur=0.0, coarse=1)[0].raw(batch, where())
    assert torch.equal(none, batch["alpha_true"])


def test_the_masks_of_a_run_are_refined_where_it_is_named(tmp_path):
    batch = eight("matting")
    tools = Tools()
    method, settings = build(RECIPE, tools, **THIN, raw=saved(tmp_path / "a.safetensors", 3), patches=0.0)
    full = method.frozen["raw"](batch["image"]).sigmoid()
    raw = method.raw(batch, where())
    same = [torch.allclose(a, b, atol=1e-5) for a, b in zip(raw, full, strict=True)]
    assert any(same)  # the others come from half the size
    assert not all(same)
    assert "raw masks" in tools.used
    assert method.notes
    patched, _ = build(RECIPE, Tools(), **THIN, raw=settings.raw)
    spots = patched.raw(batch, where())
    assert {0.0, 1.0} & set(spots.unique().tolist())
    assert without_gradient(method, settings, batch) == []
    assert all(p.grad is None for p in method.frozen["raw"].parameters())


def test_the_shipped_network_can_be_refined_too():
    method, _ = build(RECIPE, Tools(), **THIN, raw=str(PEOPLE), patches=0.0)
    batch = {role: value[:3] for role, value in eight("matting", 192).items()}
    found = method.evaluate(method.networks["network"].eval(), batch, where(192))
    assert float(found["raw_iou"].max()) > 0.8  # at half the size it sees less


def test_what_gives_no_matte_of_a_photo_is_refused(tmp_path):
    with pytest.raises(UsageError, match="name a run of segment, people or matting-unet"):
        build(RECIPE, Tools(), **THIN, raw=saved(tmp_path / "a.safetensors", 4))


def test_width_and_schedule_are_read():
    full, thin = (
        sum(p.numel() for p in build(RECIPE, width=width)[0].networks["network"].parameters()) for width in (0.5, 0.25)
    )
    assert full > 3 * thin
    schedules = [build(RECIPE, **THIN, schedule=one)[0].phases[0].optimizer.schedule for one in ("flat", "linear")]
    assert [rate(one, 90, 100) for one in schedules] == pytest.approx([1.0, 0.1])


def test_it_shows_input_raw_mask_output_and_truth():
    method, _ = build(RECIPE, **THIN)
    columns = method.show(method.networks["network"].eval(), eight("matting"), where())
    assert [one.shape[1] for one in columns] == [3, 1, 1, 1]
