"""ONNX files, through onnxruntime."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as states

from bgswap.errors import BgswapError, NotReady
from bgswap.zoo.devices import ONNX_GPU
from bgswap.zoo.runners import Order

# onnxruntime's errors share no class of their own.
ERRORS = tuple(
    getattr(states, name)
    for name in ("EPFail", "Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoModel",
                 "NoSuchFile", "NotImplemented", "RuntimeException")
)  # fmt: skip
DTYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64,
          "tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(uint8)": np.uint8,
          "tensor(bool)": np.bool_}  # fmt: skip


class OnnxRunner:
    """One session that all threads share; onnxruntime runs are thread-safe."""

    def __init__(self, session: "onnxruntime.InferenceSession", device: str, notes: tuple[str, ...]):
        self.session, self.device, self.notes = session, device, notes
        # a file of `python -m bgswap.zoo.export` says which network it holds, and so what it needs
        self.network = session.get_modelmeta().custom_metadata_map.get("bgswap.network", "")
        entries = session.get_inputs()
        self.inputs: Mapping[str, tuple[int | str | None, ...]] = {one.name: tuple(one.shape) for one in entries}
        self.dtypes = {one.name: DTYPES.get(one.type, np.float32) for one in entries}
        self.logits = "logit" in session.get_outputs()[0].name.lower()

    def __call__(self, *arrays: NDArray[Any], **named: NDArray[Any]) -> tuple[NDArray[np.float32], ...]:
        """See Runner."""
        feed = dict(zip(self.inputs, arrays, strict=False)) | named
        try:
            outputs = self.session.run(None, {name: self._as(name, array) for name, array in feed.items()})
        except (*ERRORS, ValueError) as error:  # ValueError: an input is missing
            needs = ", ".join(f"{name} {list(shape)}" for name, shape in self.inputs.items())
            raise BgswapError(f"The network refused its input (it takes {needs}): {_first_line(error)}") from error
        return tuple(np.asarray(output, np.float32) for output in outputs)

    def _as(self, name: str, array: NDArray[Any]) -> NDArray[Any]:
        return np.ascontiguousarray(array, self.dtypes.get(name, np.float32))


def open_weights(path: Path, order: Order) -> OnnxRunner:
    """Open an ONNX file. See Opener."""
    providers: list[Any] = ["CPUExecutionProvider"]
    if order.device.cuda:
        providers.insert(0, ("CUDAExecutionProvider", {"device_id": order.device.index}))
    try:
        session = onnxruntime.InferenceSession(str(path), _options(order.threads), providers)
    except ERRORS as error:
        raise BgswapError(f"{path} is no ONNX file that can be run (cut short?): {_first_line(error)}") from error
    device, notes = _really_used(session, order)
    if order.precision in ("fp16", "bf16"):
        notes += (f"--precision {order.precision} has no effect on an ONNX file: it runs as it was written",)
    return OnnxRunner(session, device, notes)


def _options(threads: int) -> "onnxruntime.SessionOptions":
    options = onnxruntime.SessionOptions()
    # Several photos are worked on at once, each on one thread: more a session lost 16-71 % (two cores).
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # The memory arena and its patterns stay on, onnxruntime's defaults: for a network of u2netp's shape 421 ms a run,
    # 473-562 without patterns and 748-856 without the arena (for 0.2 GB less); varying sizes lost nothing either.
    options.log_severity_level = 3  # errors only; stderr is ours
    return options


def _really_used(session: "onnxruntime.InferenceSession", order: Order) -> tuple[str, tuple[str, ...]]:
    """onnxruntime goes to the CPU without an error when CUDA's libraries are missing: look what it took."""
    if not order.device.cuda or "CUDAExecutionProvider" in session.get_providers():
        return order.device.name, ()
    reason = f"onnxruntime could not start CUDA (its CUDA or cuDNN libraries do not load). {ONNX_GPU}"
    if order.device.named:
        raise NotReady(f"no CUDA device: {reason}; or use --device cpu")
    return "cpu", (f"device: cpu ({reason})",)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
