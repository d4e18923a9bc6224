"""--device auto|cpu|cuda|cuda:N: what was asked for, what is there, and why not.

Nothing here imports torch before there is a sign of a GPU: the CPU path must not wait for it.
"""

import ctypes
import os
import re
import sys
from dataclasses import dataclass

from bgswap.errors import NotReady, UsageError

TORCH_PAGE = "Install a torch built for CUDA, see https://pytorch.org/get-started/locally"
ONNX_GPU = "pip uninstall onnxruntime, then: pip install onnxruntime-gpu"


@dataclass(frozen=True)
class Device:
    """Where a network runs. `note`: why "auto" chose it; `named`: the user asked for it, no other will do."""

    name: str = "cpu"  # "cpu" or "cuda:N"
    note: str = ""
    named: bool = False

    @property
    def cuda(self) -> bool:
        """Whether it is a GPU."""
        return self.name != "cpu"

    @property
    def index(self) -> int:
        """The GPU's number, counted as CUDA_VISIBLE_DEVICES leaves them."""
        return int(self.name.partition(":")[2] or 0)


def choose(wanted: str, kind: str) -> Device:
    """The device for weights of one kind ("onnx", "torch").

    A GPU that was named and cannot be used is NotReady with the reason; "auto" falls back to the CPU and
    notes it.
    """
    wanted = os.environ.get("BGSWAP_DEVICE", "auto") if wanted == "auto" else wanted
    if wanted == "cpu":
        return Device("cpu", named=True)
    match = re.fullmatch(r"auto|cuda(?::(\d+))?", wanted)
    if not match:
        raise UsageError(f"--device {wanted}: choose auto, cpu, cuda or cuda:N (N = 0, 1, ...).")
    index = int(match[1] or 0)
    reason = why_no_cuda(kind, index)
    if not reason:
        return Device(f"cuda:{index}", "" if wanted != "auto" else f"device: cuda:{index}", named=wanted != "auto")
    if wanted == "auto":
        return Device("cpu", f"device: cpu ({reason})")
    cure = ONNX_GPU if kind == "onnx" else TORCH_PAGE
    raise NotReady(f"no CUDA device: {reason} (--device {wanted}). {cure}; or use --device cpu")


def why_no_cuda(kind: str, index: int = 0) -> str:
    """Why weights of this kind cannot run on GPU `index`; "" where they can, as far as is known before."""
    return _onnx_reason() if kind == "onnx" else _torch_reason(index)


def _driver_reason() -> str:
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1"):
        return "CUDA_VISIBLE_DEVICES hides every GPU"
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return "no NVIDIA driver on this machine"
    return ""


def _torch_reason(index: int) -> str:
    from importlib.util import find_spec

    if find_spec("torch") is None:
        return "torch is not installed"
    if "torch" not in sys.modules and (reason := _built_without_cuda() or _driver_reason()):
        return reason
    import torch

    if torch.version.cuda is None and not torch.cuda.is_available():
        return "torch was built without CUDA"
    if reason := _driver_reason():
        return reason
    if not torch.cuda.is_available():
        return "torch finds no usable GPU (driver too old for this torch, or no GPU)"
    count = torch.cuda.device_count()
    return "" if index < count else f"there is no cuda:{index}, torch sees {count} GPU{'s' * (count != 1)}"


def _built_without_cuda() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return "torch was built without CUDA" if version("torch").endswith("+cpu") else ""
    except PackageNotFoundError:
        return ""


def _onnx_reason() -> str:
    import onnxruntime

    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return "onnxruntime was built without CUDA"
    return _driver_reason()
