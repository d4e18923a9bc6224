"""Oracle: the installed rembg. The same file in both gives the same mask, up to the stretch that we leave out."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from bgswap.matting.look import look
from bgswap.zoo import catalog
from bgswap.zoo.loader import Model
from bgswap.zoo.runners import Order
from bgswap.zoo.runners.onnx import open_weights

MATTES = [
    card.name
    for card in catalog.catalog().values()
    if card.task == "matte" and card.input.fit == "stretch" and any("danielgatis/rembg" in url for url in card.urls)
]


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory):
    """A network of one seeded convolution of any input size, (1, 3, H, W) -> (1, 1, H, W), written as ONNX."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    kernel = numpy_helper.from_array(rng.normal(0, 0.2, (1, 3, 5, 5)).astype(np.float32), "kernel")
    shape = [1, 3, "h", "w"]
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "kernel"], ["c"], pads=[2, 2, 2, 2]),
            helper.make_node("Sigmoid", ["c"], ["y"]),
        ],
        "stand-in",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, "h", "w"])],
        [kernel],
    )
    path = tmp_path_factory.mktemp("weights") / "stand-in.onnx"
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("name", MATTES)
def test_raw_masks_equal_rembgs_before_its_stretch_within_one_level(name, stand_in, photo):
    import onnxruntime
    from rembg.sessions import sessions_class

    session_class = next(one for one in sessions_class if one.name() == name)
    session = onnxruntime.InferenceSession(stand_in, providers=["CPUExecutionProvider"])
    raw = []

    def run(*arguments):
        raw.extend(session.run(*arguments))
        return raw

    theirs = session_class.__new__(session_class)
    theirs.inner_session = SimpleNamespace(run=run, get_inputs=session.get_inputs)
    upright = photo[:400, :300] // 2  # neither square nor of full brightness
    theirs.predict(Image.fromarray(upright))
    expected = raw[0][0, 0]
    card = catalog.by_name(name)
    if card.output.activation == "sigmoid":
        expected = theirs.sigmoid(expected)
    runner = open_weights(stand_in, order())
    ours = look(Model(card, "cpu", (), {"model": runner}, ""), upright).alpha
    assert ours.shape == expected.shape
    assert np.abs(ours - expected).max() * 255 <= 1


def order() -> Order:
    from bgswap.zoo import devices

    return Order(devices.choose("cpu", "onnx"), "auto", 1, "")


def test_every_matting_model_of_rembg_is_compared():
    assert {"u2net", "u2netp", "u2net_human_seg", "silueta", "isnet-general-use", "isnet-anime", "bria-rmbg"} <= set(
        MATTES
    )
    assert sum(name.startswith("birefnet") for name in MATTES) >= 7
