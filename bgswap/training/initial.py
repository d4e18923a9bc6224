"""--init: the first weights of a run come from another run, or from a file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bgswap.errors import NotReady, UsageError
from bgswap.training.checkpoint import Checkpoints
from bgswap.zoo.runners.torch import read_state
from bgswap.zoo.runs import BEST, is_run

SHOWN = 6  # names a list in a note, ours


def start_from(name: str, networks: Mapping[str, nn.Module]) -> list[str]:
    """Copy into `networks` what fits of a run folder or of a file of weights; notes on what was taken and what not.

    The first network takes a run's best weights, the others their own of its last state. A tensor fits where its name
    and shape do. To be called before anything is made from the networks' weights, such as a moving average.

    Raises:
        NotReady: there is nothing of that name, or the run has no weights yet.
        UsageError: nothing in it fits the first network.
        BgswapError: the file is damaged, or holds more than tensors.
    """
    path = Path(name).expanduser()
    found, notes = _states(path, name, networks)
    for number, (key, network) in enumerate(networks.items()):
        state = found.get(key)
        if state is None:
            notes.append(f"--init {name}: nothing for '{key}', which starts from new weights")
            continue
        taken, note = _copy(state, network)
        if not taken and number == 0:
            raise UsageError(f"--init {name}: nothing in it fits '{key}': {note}. Give weights of the same network")
        notes.append(f"--init {name}: '{key}' takes {taken} of {_many(network.state_dict())} tensors" + note)
    return notes


def _states(
    path: Path, name: str, networks: Mapping[str, nn.Module]
) -> tuple[dict[str, Mapping[str, Tensor]], list[str]]:
    """State dicts by the name of the network that they are for, and notes."""
    first = next(iter(networks))
    if path.is_file():
        return {first: read_state(path)}, []
    if not (path.is_dir() and is_run(path)):
        what = "a folder without run.json: no training run" if path.is_dir() else "no such file or run"
        raise NotReady(f"--init {name}: {what}. Give a run folder of bgswap train, or a file of weights")
    state, notes = Checkpoints(path).load()
    kept = (state or {}).get("stepper", {})
    found: dict[str, Mapping[str, Tensor]] = dict(kept.get("networks", {}))
    if (path / BEST).is_file():
        found[first] = read_state(path / BEST)
    elif "average" in kept:
        found[first] = kept["average"]
        notes = (*notes, f"has no {BEST} yet: the average of step {state['step'] if state else 0} is taken")
    else:
        raise NotReady(f"--init {name}: this run has no weights yet. Let it train until its first validation")
    return found, [f"--init {name}: {note}" for note in notes]


@torch.no_grad()
def _copy(state: Mapping[str, Tensor], network: nn.Module) -> tuple[int, str]:
    """How many tensors were taken, and words on the others. Half precision becomes what the network has."""
    mine = network.state_dict()
    fits = {key for key, tensor in state.items() if key in mine and mine[key].shape == tensor.shape}
    taken = 0
    for key in fits:
        mine[key].copy_(state[key])
        taken += mine[key].ndim > 0 and mine[key].numel() > 0
    every = sorted({**mine, **state}.items(), key=lambda item: item[1].ndim < 2)  # layers tell more than their norms
    other = [
        f"{key} {_sides(state[key])}, here {_sides(mine[key])}"
        for key, _ in every
        if key in mine and key in state and key not in fits
    ]
    missing = [key for key, _ in every if key not in state and not key.endswith("num_batches_tracked")]
    more = [key for key, _ in every if key not in mine]
    lists = (("of another shape", other), ("not there", missing), ("there only", more))
    return taken, "".join(f"; {what}: {_first(names)}" for what, names in lists if names)


def _many(state: Mapping[str, Any]) -> int:
    """Tensors that can be taken: neither counters nor empty marks."""
    return sum(value.ndim > 0 and value.numel() > 0 for value in state.values())


def _sides(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "one number"


def _first(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
