"""--device on machines without a usable GPU, which can be told on every machine."""

import sys

import pytest

from bgswap.errors import NotReady, UsageError
from bgswap.zoo import devices
from bgswap.zoo.loader import load
from bgswap.zoo.store import SHIPPED
from tests.zoo.conftest import tiny_onnx


@pytest.fixture
def hidden(monkeypatch):
    """No GPU is visible, whatever the machine has."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


@pytest.mark.parametrize("kind", ["onnx", "torch"])
@pytest.mark.parametrize("wanted", ["cuda", "cuda:0", "cuda:7"])
def test_a_named_gpu_that_is_not_there_is_not_ready_with_the_reason_and_a_way_out(hidden, kind, wanted):
    with pytest.raises(NotReady, match=r"no CUDA device: .*(without CUDA|hides every GPU).*--device cpu"):
        devices.choose(wanted, kind)


@pytest.mark.parametrize("name", ["people", SHIPPED / "people.safetensors"])
def test_loading_for_a_gpu_that_is_not_there_fails_loudly(hidden, name):
    with pytest.raises(NotReady, match="no CUDA device"):
        load(name, "cuda")


def test_auto_without_a_gpu_is_the_cpu_and_says_why(hidden):
    device = devices.choose("auto", "torch")
    assert device.name == "cpu"
    assert device.note.startswith("device: cpu (")
    assert load("people").notes[0] == device.note


def test_cpu_needs_no_reason():
    assert devices.choose("cpu", "onnx") == devices.Device("cpu", "", named=True)


def test_the_environment_is_used_when_no_device_is_named(monkeypatch):
    monkeypatch.setenv("BGSWAP_DEVICE", "cpu")
    assert devices.choose("auto", "onnx").note == ""


@pytest.mark.parametrize("wanted", ["gpu", "cuda:", "cuda:-1", "cuda:x", "CPU", "mps"])
def test_a_device_that_does_not_exist_is_wrong_use(wanted):
    with pytest.raises(UsageError, match="choose auto, cpu, cuda or cuda:N"):
        devices.choose(wanted, "onnx")


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_onnxruntime_that_slips_to_the_cpu_is_found_out_after_loading(tmp_path, monkeypatch):
    # A wheel with CUDA whose libraries do not load looks well until the session is made; one without CUDA stands in.
    if "CUDAExecutionProvider" in pytest.importorskip("onnxruntime").get_available_providers():
        pytest.skip("this onnxruntime has CUDA")
    monkeypatch.setattr(devices, "why_no_cuda", lambda kind, index=0: "")
    path = tiny_onnx(tmp_path / "a.onnx")
    with pytest.raises(NotReady, match="onnxruntime could not start CUDA"):
        load(path, "cuda")
    model = load(path, "auto")
    assert model.device == "cpu"
    assert any("could not start CUDA" in note for note in model.notes)


def test_a_gpu_number_beyond_the_last_is_told_with_the_count():
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    with pytest.raises(NotReady, match=f"torch sees {torch.cuda.device_count()} GPU"):
        devices.choose("cuda:99", "torch")


def test_half_precision_on_a_gpu_stays_near_the_cpu(photo):
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    import numpy as np

    small = np.ascontiguousarray(photo[None, ::2, ::2].transpose(0, 3, 1, 2), np.float32) / 255
    exact, half = load("people", "cpu")(small)[0], load("people", "cuda")(small)[0]
    assert np.abs(1 / (1 + np.exp(-exact)) - 1 / (1 + np.exp(-half))).mean() < 0.01
    assert "torch" in sys.modules
