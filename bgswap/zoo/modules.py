"""Networks as modules of torch, for what looks inside: the trunks of perceptual metrics and their weights."""

from pathlib import Path

from torch import nn

from bgswap.errors import BgswapError
from bgswap.zoo import loader
from bgswap.zoo.catalog import ours
from bgswap.zoo.loader import LoadOptions, Model
from bgswap.zoo.obtain import obtain
from bgswap.zoo.recognize import kind_by_name
from bgswap.zoo.runners.torch import TorchRunner


def load_network(
    name: str | Path, device: str = "auto", *, options: LoadOptions | None = None
) -> tuple[nn.Module, Model]:
    """The network itself with its published weights, never random ones; and what is known of it.

    In evaluation mode, float32, channels last, no gradients for its parameters (those of its input still flow).

    Args:
        name: what to load, as `loader.load` takes it. A row of the user's own catalog replaces ours of that name.
        device: "auto", "cpu", "cuda", "cuda:N".
        options: what the user allows, None for the defaults.

    Raises:
        UsageError: no such name or device.
        NotReady: no file, or device not usable; says what to type next.
        BgswapError: the file is damaged, no state dict, or of another network than this name stands for.
    """
    options = options or LoadOptions()
    model = loader.load(_state_dict(name, options), device, "fp32", options=options)
    runner = next(iter(model.parts.values()))
    wanted = card.network if (card := ours().get(str(name))) else ""
    if not isinstance(runner, TorchRunner) or (wanted and runner.network != wanted):
        what = f"a '{runner.network}' network" if isinstance(runner, TorchRunner) else "no state dict"
        files = ", ".join(map(str, model.paths))
        raise BgswapError(f"{files} ({model.card.origin}) holds {what}; {name} needs a state dict of '{wanted}'.")
    return runner.module.requires_grad_(False), model


def _state_dict(name: str | Path, options: LoadOptions) -> str | Path:
    """Of a model that the catalog has in two formats, the file that is no ONNX; else the name as it came."""
    card, _ = loader.describe(name)
    kinds = {kind_by_name(file.file): file for file in card.files}
    if len(kinds) < 2:
        return name
    return obtain(card, kinds["torch"], options.offline, options.trust_model, options.progress).path
