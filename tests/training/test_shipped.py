"""The small weights that ship: one for every recipe, known to the catalog, whole, with a card beside them."""

from pathlib import Path

import pytest
import torch

import bgswap
from bgswap import extensions
from bgswap.training import ship
from bgswap.training.initial import start_from
from bgswap.training.start import recipe_of
from bgswap.zoo import catalog, recognize
from bgswap.zoo.runners.torch import read_state

WEIGHTS = Path(bgswap.__file__).parent / "weights"
LARGER = {"people", "transform", "ffc-inpaint"}  # two have cards of their own, one has no weights
NAMES = sorted(set(extensions.names("bgswap.training.recipes")) - LARGER)


@pytest.mark.parametrize("name", NAMES)
def test_every_published_system_ships_small_weights_that_are_recognized_and_told_of(name):
    file = WEIGHTS / f"{name}-small.safetensors"
    state = read_state(file)
    known, module, config = recognize.network_of({key: tuple(one.shape) for key, one in state.items()})
    recipe, row = recipe_of(name), catalog.by_name(f"{name}-small")
    assert known == recipe.network == row.network
    assert (row.task, row.takes) == (recipe.task, recipe.takes)
    network = module.build(config)
    assert not network.load_state_dict(state, strict=False).unexpected_keys
    assert file.stat().st_size <= 2_000_000
    assert all(one.isfinite().all() for one in state.values() if one.is_floating_point())
    assert f"{name}-small" in (WEIGHTS / "small.md").read_text()


def test_all_weights_together_stay_under_thirty_megabytes():
    assert sum(file.stat().st_size for file in WEIGHTS.iterdir() if file.suffix != ".md") <= 30_000_000


def test_training_goes_on_from_an_onnx_file_of_ours():
    state = read_state(WEIGHTS / "transform.onnx")
    _, module, config = recognize.network_of({key: tuple(one.shape) for key, one in state.items()}, "transform")
    network = module.build(config)
    (note,) = start_from(str(WEIGHTS / "transform.onnx"), {"network": network})
    assert "not there" not in note
    assert all(torch.equal(one, state[key].float()) for key, one in network.named_parameters())


def test_training_goes_on_from_shipped_weights():
    state = read_state(WEIGHTS / "segment-small.safetensors")
    _, module, config = recognize.network_of({key: tuple(one.shape) for key, one in state.items()})
    network = module.build(config)
    start_from(str(WEIGHTS / "segment-small.safetensors"), {"network": network})
    assert all(torch.equal(one, state[key].float()) for key, one in network.state_dict().items() if key in state)


def test_a_shipped_file_is_the_runs_best_in_half_precision(tmp_path):
    from safetensors.torch import save_file

    (tmp_path / "run").mkdir()
    save_file({"a": torch.tensor([0.1, 2.0]), "n": torch.tensor(3)}, tmp_path / "run/best.safetensors")
    ship.ship(tmp_path / "run", tmp_path / "out.safetensors")
    state = read_state(tmp_path / "out.safetensors")
    assert state["a"].dtype == torch.float16
    assert state["a"].tolist() == torch.tensor([0.1, 2.0]).half().tolist()
    assert int(state["n"]) == 3
