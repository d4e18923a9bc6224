import json
import shutil
from pathlib import Path

import onnx
import pytest
import torch
from onnx import TensorProto, helper

from bgswap.augmentation.models import Fusion, load_fusion, load_normals
from bgswap.augmentation.tensors import over, to_tensor
from bgswap.errors import NotReady, UsageError
from bgswap.zoo.choice import ModelOptions
from bgswap.zoo.store import SHIPPED
from tests.zoo.conftest import tiny_onnx

CPU = ModelOptions(device="cpu")


def blending_onnx(path: Path, step: int = 1, gives: str = "composite") -> Path:
    """A network that takes image, alpha, background in one array and blends by alpha; sides multiples of `step`."""
    planes = helper.make_tensor_value_info("planes", TensorProto.FLOAT, [1, 7, "height", "width"])
    made = helper.make_tensor_value_info(gives, TensorProto.FLOAT, [1, None, None, None])
    parts = helper.make_tensor("parts", TensorProto.INT64, [3], [3, 1, 3])
    one = helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])
    nodes = [
        helper.make_node("Split", ["planes", "parts"], ["image", "alpha", "background"], axis=1),
        helper.make_node("Sub", ["one", "alpha"], ["rest"]),
        helper.make_node("Mul", ["image", "alpha"], ["person"]),
        helper.make_node("Mul", ["background", "rest"], ["place"]),
        helper.make_node("Add", ["person", "place"], ["blended"]),
        # there and back by space-to-depth: an identity that only fits sides that are multiples of `step`
        helper.make_node("SpaceToDepth", ["blended"], ["folded"], blocksize=step),
        helper.make_node("DepthToSpace", ["folded"], ["composite"], blocksize=step),
    ]
    graph = helper.make_graph(nodes, "blend", [planes], [made], [parts, one])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, path)
    return path


@pytest.fixture
def three(photo):
    """A photo, a round soft alpha and a place, 75 x 50."""
    picture = to_tensor(photo[:300:4, :200:4])
    y, x = torch.meshgrid(torch.linspace(-1, 1, 75), torch.linspace(-1, 1, 50), indexing="ij")
    return picture, ((1.2 - torch.hypot(x, y)) * 2).clamp(0, 1)[None], picture.flip(1)


def test_a_network_that_blends_by_alpha_gives_the_blend_at_any_size(tmp_path, three):
    fuse = load_fusion(blending_onnx(tmp_path / "blend.onnx", step=32), CPU)
    assert torch.allclose(fuse(*three), over(*three), atol=1e-6)
    tiny = [one[:, :3, :1] for one in three]
    assert torch.allclose(fuse(*tiny), over(*tiny), atol=1e-6)


def test_a_fusion_writes_into_nothing_and_answers_alike_each_time(tmp_path, three):
    fuse = load_fusion(blending_onnx(tmp_path / "blend.onnx"), CPU)
    before = [one.clone() for one in three]
    assert torch.equal(fuse(*three), fuse(*three))
    assert all(torch.equal(one, other) for one, other in zip(three, before, strict=True))


def test_what_was_loaded_can_be_told(tmp_path):
    fuse = load_fusion(str(blending_onnx(tmp_path / "blend.onnx")), CPU)
    assert isinstance(fuse, Fusion)
    assert fuse.model.device == "cpu"
    assert len(fuse.model.sha256) == 64


def a_run(folder: Path, network: str, weights: Path) -> Path:
    folder.mkdir()
    told = {"task": "matte", "network": network, "license": "MIT"}
    (folder / "run.json").write_text(json.dumps(told), encoding="utf-8")
    shutil.copy(weights, folder / "best.safetensors")
    return folder


def test_a_run_that_mattes_is_no_fusion_and_the_message_says_what_one_is(tmp_path):
    run = a_run(tmp_path / "run", "people", SHIPPED / "people.safetensors")
    with pytest.raises(UsageError, match=r"run is no fusion model: it refused .* One takes \(1, 7, H, W\)"):
        load_fusion(run, CPU)


def test_a_file_of_another_network_is_no_fusion(tmp_path):
    with pytest.raises(UsageError, match=r"matting.onnx is no fusion model"):
        load_fusion(tiny_onnx(tmp_path / "matting.onnx"), CPU)


def test_a_network_that_takes_the_input_and_gives_no_picture_is_no_fusion(tmp_path):
    with pytest.raises(UsageError, match=r"its answer has the shape \(1, 1, 32, 32\)"):
        load_fusion(blending_onnx(tmp_path / "odd.onnx", gives="alpha"), CPU)


def test_a_run_that_is_not_there_or_no_run_says_so(tmp_path, monkeypatch):
    with pytest.raises(NotReady, match="no such file"):
        load_fusion(tmp_path / "nowhere.onnx", CPU)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotReady, match=r"without run.json"):
        load_fusion("empty", CPU)


def test_a_network_of_normals_gives_them_coded_as_a_picture_holds_them(tmp_path, three):
    planes = helper.make_tensor_value_info("photo", TensorProto.FLOAT, [1, 3, "height", "width"])
    made = helper.make_tensor_value_info("normals", TensorProto.FLOAT, [1, 3, None, None])
    half = helper.make_tensor("half", TensorProto.FLOAT, [1, 3, 1, 1], [-0.6, 0.0, 0.8])
    zero = helper.make_tensor("zero", TensorProto.FLOAT, [1], [0.0])
    nodes = [
        helper.make_node("Mul", ["photo", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "half"], ["normals"]),
    ]
    graph = helper.make_graph(nodes, "facing", [planes], [made], [half, zero])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), tmp_path / "n.onnx")
    normals = load_normals(tmp_path / "n.onnx", CPU)(three[0])
    assert normals.shape == three[0].shape
    assert torch.allclose(normals[:, 5, 7], torch.tensor([0.2, 0.5, 0.9]))
    with pytest.raises(UsageError, match="is no normals model"):
        load_normals(blending_onnx(tmp_path / "blend.onnx"), CPU)
