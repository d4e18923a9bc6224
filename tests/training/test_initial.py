"""--init takes what fits from a run or a file, and says what does not."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from bgswap.errors import BgswapError, NotReady, UsageError
from bgswap.networks.people import PeopleConfig, PeopleNet
from bgswap.training.initial import start_from
from bgswap.training.run_folder import RunFolder

SMALL = (4, 4, 8, 8, 8)


def people(seed: int, widths: tuple[int, ...] = SMALL) -> PeopleNet:
    torch.manual_seed(seed)
    return PeopleNet(PeopleConfig(widths, 1))


def judge(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 1, 3))


def same(one: nn.Module, other: nn.Module | dict[str, Tensor]) -> bool:
    state = other if isinstance(other, dict) else other.state_dict()
    return all(torch.equal(value, state[key]) for key, value in one.state_dict().items())


def run_at(path: Path, *, best: nn.Module | None, networks: dict[str, nn.Module], average: nn.Module) -> Path:
    told = {"recipe": "people", "settings": {"steps": 9}, "task": "matte", "network": "people"}
    states = {name: network.state_dict() for name, network in networks.items()}
    with RunFolder.open(path, told) as run:
        if best is not None:
            run.best(best, 5, {"mad": 0.5})
        run.save({"step": 5, "stepper": {"networks": states, "average": average.state_dict(), "optimizers": []}})
    return path


def test_a_runs_best_weights_and_its_other_networks_are_taken(tmp_path):
    run = run_at(tmp_path / "run", best=people(1), networks={"g": people(2), "d": judge(3)}, average=people(4))
    mine = {"g": people(5), "d": judge(6)}
    notes = start_from(str(run), mine)
    assert same(mine["g"], people(1))
    assert same(mine["d"], judge(3))
    assert "'d' takes 4 of 4 tensors" in notes[1]


def test_a_run_without_best_weights_gives_its_average_and_says_so(tmp_path):
    run = run_at(tmp_path / "run", best=None, networks={"g": people(2)}, average=people(4))
    mine = {"g": people(5), "d": judge(6)}
    notes = start_from(str(run), mine)
    assert same(mine["g"], people(4))
    assert same(mine["d"], judge(6))
    assert "the average of step 5" in notes[0]
    assert "nothing for 'd', which starts from new weights" in notes[-1]


def test_half_precision_becomes_what_the_network_has(tmp_path):
    half = {key: value.half() if value.is_floating_point() else value for key, value in people(1).state_dict().items()}
    save_file(half, tmp_path / "half.safetensors")
    mine = people(2)
    (note,) = start_from(str(tmp_path / "half.safetensors"), {"network": mine})
    assert mine.head.weight.dtype == torch.float32
    assert torch.equal(mine.head.weight, people(1).head.weight.half().float())
    assert ";" not in note  # all of it fits, and nothing else is said


def test_what_does_not_fit_is_named_and_left_as_it_was(tmp_path):
    state = people(1).state_dict() | {"extra.weight": torch.zeros(2)}
    del state["bottom.context.0.bias"]
    torch.save(state, tmp_path / "other.pt")
    mine, before = people(2, (4, 4, 8, 8, 16)), people(2, (4, 4, 8, 8, 16))
    (note,) = start_from(str(tmp_path / "other.pt"), {"network": mine})
    assert "of another shape: bottom.narrow.0.weight 8x512x1x1, here 16x512x1x1" in note
    assert "more; not there: bottom.context.0.bias; there only: extra.weight" in note
    assert torch.equal(mine.bottom.down[0].weight, before.bottom.down[0].weight)
    assert torch.equal(mine.bottom.context[0].bias, before.bottom.context[0].bias)
    assert torch.equal(mine.encoder.features[0].weight, people(1).encoder.features[0].weight)


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save(judge(1).state_dict(), tmp_path / "judge.pt")
    with pytest.raises(UsageError, match=r"nothing in it fits 'network'.*encoder.features.0.weight.*more"):
        start_from(str(tmp_path / "judge.pt"), {"network": people(2)})


def test_nothing_damaged_and_unfinished_things_are_told_apart(tmp_path):
    mine = {"network": people(2)}
    with pytest.raises(NotReady, match="no such file or run"):
        start_from(str(tmp_path / "nothing"), mine)
    with pytest.raises(NotReady, match=r"without run.json"):
        start_from(str(tmp_path), mine)
    RunFolder.open(tmp_path / "new", {"recipe": "people"}).close()
    with pytest.raises(NotReady, match="no weights yet"):
        start_from(str(tmp_path / "new"), mine)
    (tmp_path / "cut.pt").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(BgswapError, match="damaged"):
        start_from(str(tmp_path / "cut.pt"), mine)
