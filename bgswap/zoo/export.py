"""Make the ONNX file of a network of ours from its safetensors: `python -m bgswap.zoo.export people`.

The numbers stay float16 in the file, as in the safetensors, each behind a Cast to float32: half the size on disk, the
same arithmetic. Batch norms are left as they are for the same reason: folding them would round a second time.
onnxruntime folds casts and norms when it opens the file, so runs are as fast as those of a folded float32 file.
"""

import io
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import load_file
from torch import nn

WEIGHTS = Path(__file__).resolve().parent.parent / "weights"
OPSET = 17  # what every onnxruntime of the last years reads
SMALL = 64  # numbers below which a cast costs more than it saves


def load_network(name: str, weights: Path) -> nn.Module:
    """The network `bgswap.networks.<name>` with these weights, float32, ready to run."""
    module = import_module(f"bgswap.networks.{name}")
    state = {key: value.float() if value.is_floating_point() else value for key, value in load_file(weights).items()}
    config = module.recognize({key: tuple(value.shape) for key, value in state.items()})
    if config is None:
        raise SystemExit(f"{weights} does not hold the network '{name}'.")
    network: nn.Module = module.build(config)
    network.load_state_dict(state)
    return network.eval()


def to_onnx(network: nn.Module) -> bytes:
    """Trace a network, all sizes free: "photo" (B, 3, H, W) -> "logits" (B, 1, H, W); or where the network's config
    says what it `gives`, "planes" (B, C, H, W) -> outputs of these names."""
    free = {0: "batch", 2: "height", 3: "width"}
    config: Any = getattr(network, "config", None)
    told = hasattr(config, "gives")
    entry, names, planes = ("planes", list(config.gives), config.planes) if told else ("photo", ["logits"], 3)
    axes = {entry: free} | ({} if told else {"logits": free})
    file = io.BytesIO()
    torch.onnx.export(
        network,
        (torch.zeros(1, planes, 64, 96),),
        file,  # type: ignore[arg-type]  # the tracing exporter takes open files too
        dynamo=False,  # the tracing exporter: same bytes each time, and no further package
        input_names=[entry],
        output_names=names,
        dynamic_axes=axes,
        opset_version=OPSET,
        training=torch.onnx.TrainingMode.PRESERVE,  # keeps the batch norms
        do_constant_folding=False,
    )
    return file.getvalue()


def halve(file: bytes, network: str = "") -> bytes:
    """Store as float16 what loses nothing by it; computing stays float32. network: its name, which the loader reads."""
    model = onnx.load_from_string(file)
    casts = []
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or array.size < SMALL:
            continue
        half = array.astype(np.float16)
        if not np.array_equal(half.astype(np.float32), array):
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.producer_name, model.producer_version = "bgswap", ""
    if network:
        helper.set_model_props(model, {"bgswap.network": network})
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def main(name: str, weights: Path | None = None, out: Path | None = None) -> Path:
    """Write weights/<name>.onnx beside weights/<name>.safetensors, or from and to the files given."""
    weights = weights or WEIGHTS / f"{name}.safetensors"
    out = out or weights.with_suffix(".onnx")
    content = halve(to_onnx(load_network(name, weights)), name)
    out.write_bytes(content)
    return out


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 4:
        raise SystemExit("usage: python -m bgswap.zoo.export NETWORK [WEIGHTS.safetensors [OUT.onnx]]")
    main(sys.argv[1], *(Path(word) for word in sys.argv[2:]))
