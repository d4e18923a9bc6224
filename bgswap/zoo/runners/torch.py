"""State dicts of bgswap/networks: .safetensors, and torch's own files by its weights-only reader."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bgswap.errors import BgswapError, NotReady, UsageError
from bgswap.zoo import recognize
from bgswap.zoo.runners import Order

WRAPPERS = (
    "state_dict",
    "params_ema",
    "model",
    "params",
    "network",
)  # keys under which checkpoints keep the tensors
PREFIXES = ("module.", "_orig_mod.")  # left by DataParallel and torch.compile
HALF = {"fp16": torch.float16, "bf16": torch.bfloat16}


class TorchRunner:
    """A network in evaluation mode, called on arrays; from several threads, too: nothing is kept."""

    logits = False
    notes: tuple[str, ...] = ()

    def __init__(self, module: nn.Module, device: str, half: torch.dtype | None, network: str = ""):
        self.module, self.device, self.half, self.network = module, device, half, network
        self.inputs: Mapping[str, tuple[int | str | None, ...]] = {}

    def __call__(self, *arrays: NDArray[Any], **named: NDArray[Any]) -> tuple[NDArray[np.float32], ...]:
        """See Runner."""
        kind = self.device.partition(":")[0]
        with torch.inference_mode(), torch.autocast(kind, self.half, enabled=self.half is not None):
            outputs = self.module(*map(self._tensor, arrays), **{k: self._tensor(v) for k, v in named.items()})
        several = outputs if isinstance(outputs, tuple | list) else (outputs,)
        return tuple(output.float().cpu().contiguous().numpy() for output in several)

    def _tensor(self, array: NDArray[Any]) -> Tensor:
        ready = np.require(array, np.float32, ["C", "W"])  # torch wants to be able to write; nothing does
        tensor = torch.from_numpy(ready).to(self.device)
        # Faster on two CPU cores (29 -> 23 ms, 279 -> 265 ms) and what half precision wants on a GPU.
        return tensor.contiguous(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor


def open_weights(path: Path, order: Order) -> TorchRunner:
    """Read a state dict, find its network, build and fill it. See Opener."""
    state = read_state(path)
    shapes = {key: tuple(tensor.shape) for key, tensor in state.items()}
    try:
        name, module, config = recognize.network_of(shapes, order.network)
        network = module.build(config)
        network.load_state_dict(_complete(_needed(state, module), network))
    except BgswapError as error:
        raise BgswapError(f"{path}: {error}") from None
    except (RuntimeError, TypeError, ValueError) as error:
        lines = " ".join(str(error).split())
        raise BgswapError(f"{path} looks like '{name}' but does not fit it: {lines[:300]}") from error
    return TorchRunner(ready(network, order), order.device.name, half_of(order), name)


def ready(network: nn.Module, order: Order) -> nn.Module:
    """A network for use only, on its device. On the CPU, sets the process to `order.threads` threads."""
    if not order.device.cuda:
        torch.set_num_threads(order.threads)
    network.eval()
    network.to(order.device.name)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def half_of(order: Order) -> torch.dtype | None:
    """The half type to compute in, None for float32. auto: half on a GPU, float32 on the CPU."""
    if order.precision == "auto":
        return torch.float16 if order.device.cuda else None
    if order.precision == "fp16" and not order.device.cuda:
        raise UsageError("--precision fp16 needs a GPU. On the CPU choose bf16 or fp32.")
    return HALF.get(order.precision)


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by key, on the CPU, wrappers and prefixes off; of an ONNX file of ours, too.

    Raises:
        BgswapError: says what is wrong.
        NotReady: an ONNX file, and the package that reads it is missing.
    """
    if path.suffix.lower() == ".onnx":
        return _read_onnx(path)
    with path.open("rb") as file:
        if file.read(9)[8:] == b"{":
            return _read_safetensors(path)
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise BgswapError(
            f"{path} holds more than tensors, or is damaged; bgswap opens state dicts and safetensors only "
            f"and runs no code from a file. Save its state_dict() again. ({str(error).splitlines()[0][:160]})"
        ) from None
    except (
        RuntimeError,
        EOFError,
        KeyError,
        IndexError,
        ValueError,
        TypeError,
        AttributeError,
        OverflowError,
    ) as error:
        raise BgswapError(f"{path} is cut short or damaged: {str(error).splitlines()[:1]}") from None
    return _tensors(loaded, path)


def _read_onnx(path: Path) -> dict[str, Tensor]:
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError:
        raise NotReady(f"weights are read out of {path} by the package onnx: pip install 'bgswap[train]'") from None
    try:
        graph = onnx.load(str(path)).graph
    except DecodeError as error:
        raise BgswapError(f"{path} is cut short or damaged: {str(error).splitlines()[:1]}") from None
    kept = {one.name.removesuffix(".half"): onnx.numpy_helper.to_array(one) for one in graph.initializer}
    return {name: torch.from_numpy(value.copy()) for name, value in kept.items()}


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return _tensors(load_file(path), path)
    except SafetensorError as error:
        raise BgswapError(f"{path} is cut short or damaged: {error}") from None


def _tensors(loaded: Any, path: Path) -> dict[str, Tensor]:
    for key in WRAPPERS:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(key), Mapping):
            loaded = loaded[key]
    if not isinstance(loaded, Mapping) or not loaded or not all(isinstance(v, Tensor) for v in loaded.values()):
        raise BgswapError(f"{path} holds no state dict: a table of tensors by name is needed.")
    state = {str(key): value for key, value in loaded.items()}
    for prefix in PREFIXES:
        if all(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): value for key, value in state.items()}
    return state


def _needed(state: dict[str, Tensor], module: ModuleType) -> dict[str, Tensor]:
    """Without the keys that begin as the network's file says in DROPPED: a classifier that is never built."""
    dropped = tuple(getattr(module, "DROPPED", ()))
    return {key: value for key, value in state.items() if not key.startswith(dropped)}


def _complete(state: dict[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """Batch norm's counters, which old and stripped files lack and evaluation never reads, filled in."""
    counters = {k: v for k, v in network.state_dict().items() if k.endswith("num_batches_tracked")}
    return counters | state
