"""From a name, a file or a run folder to something that can be called."""

import json
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from bgswap.errors import BgswapError, NotReady, UsageError
from bgswap.networks import people, u2net
from bgswap.zoo import catalog, store
from bgswap.zoo.loader import LoadOptions, load
from tests.zoo.conftest import tiny_onnx

SMALL_U2NET = u2net.U2NetConfig(((3, 4, 8), *[(8, 4, 8)] * 5, *[(16, 4, 8)] * 5))
SMALL_PEOPLE = people.PeopleConfig((4, 6, 8, 8, 8), 1)
OTHER_PEOPLE = people.PeopleConfig((8, 8, 8, 8, 16), 0)


@pytest.fixture
def small_photo(photo):
    """The astronaut at 64 x 96, (1, 3, 64, 96) float32 0..1."""
    return np.ascontiguousarray(photo[:256:4, ::4][None, :, :96].transpose(0, 3, 1, 2), np.float32) / 255


def built(module, config) -> torch.nn.Module:
    torch.manual_seed(0)
    return module.build(config).eval()


def run(network, photo):
    with torch.inference_mode():
        output = network(torch.from_numpy(photo))
    return (output[0] if isinstance(output, tuple) else output).numpy()


def test_the_default_model_is_loaded_by_name_and_finds_the_astronaut(photo):
    model = load("people", "cpu")
    import cv2

    side = cv2.resize(photo, (320, 320), interpolation=cv2.INTER_AREA)
    logits, *_ = model(side.transpose(2, 0, 1)[None].astype(np.float32) / 255)
    alpha = 1 / (1 + np.exp(-logits[0, 0]))
    assert logits.dtype == np.float32
    assert alpha[130:200, 110:150].mean() > 0.98  # her suit
    assert alpha[:60, 260:].mean() < 0.1  # the wall at the upper right
    assert (model.card.name, model.device, len(model.sha256)) == ("people", "cpu", 64)


def test_both_files_of_the_default_model_say_the_same(small_photo):
    (onnx,) = load("people", "cpu")(small_photo)
    (torch_,) = load(store.SHIPPED / "people.safetensors", "cpu")(small_photo)
    assert np.abs(onnx - torch_).max() < 1e-4


def test_the_cpu_path_through_onnx_never_imports_torch():
    code = (
        "import sys, numpy as np; from bgswap.zoo.loader import load\n"
        "model = load('people'); model(np.zeros((1, 3, 32, 32), np.float32))\n"
        "print(model.device, 'torch' in sys.modules)"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output == "cpu False\n"


@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".pt"])
@pytest.mark.parametrize(
    ("module", "config"),
    [(u2net, SMALL_U2NET), (people, SMALL_PEOPLE), (people, OTHER_PEOPLE)],
    ids=["u2net", "people", "other people"],
)
def test_a_state_dict_is_loaded_blind_and_gives_what_was_saved(tmp_path, small_photo, module, config, suffix):
    network = built(module, config)
    path = tmp_path / f"mine{suffix}"
    state = network.state_dict()
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    model = load(path, "cpu")
    assert np.allclose(model(small_photo)[0], run(network, small_photo), atol=1e-5)
    assert model.card.network == module.__name__.rpartition(".")[2]
    assert model.card.input == catalog.by_network(model.card.network).input
    assert "used as the catalog's" in " ".join(model.notes)


def test_wrappers_prefixes_and_missing_counters_of_old_checkpoints_are_understood(tmp_path, small_photo):
    network = built(u2net, SMALL_U2NET)
    state = {f"module.{k}": v for k, v in network.state_dict().items() if "num_batches" not in k}
    torch.save({"epoch": 3, "state_dict": state}, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    model = load(str(tmp_path / "old.pth"), "cpu")
    assert np.allclose(model(small_photo)[0], run(network, small_photo), atol=1e-5)
    assert len(model(small_photo)) == 7


def test_all_photos_threads_may_share_a_model(small_photo):
    model = load("people", "cpu")
    alone = model(small_photo)[0]
    with ThreadPoolExecutor(4) as pool:
        assert all(np.array_equal(alone, one[0]) for one in pool.map(lambda _: model(small_photo), range(12)))


def test_the_callers_array_is_not_written_into(small_photo):
    small_photo.setflags(write=False)
    load("people", "cpu")(small_photo)
    load(store.SHIPPED / "people.safetensors", "cpu")(small_photo)


def test_an_onnx_file_is_guessed_by_its_input_and_the_guess_is_told(tmp_path):
    fixed = load(tiny_onnx(tmp_path / "fixed.onnx", (48, 48)), "cpu")
    free = load(tiny_onnx(tmp_path / "free.onnx", output="logits"), "cpu")
    assert (fixed.card.input.side, fixed.card.output.activation) == (48, "none")
    assert (free.card.input.side, free.card.output.activation) == (320, "sigmoid")
    assert any("no card: taking 48 x 48" in note for note in fixed.notes)
    (doubled,) = free(np.full((1, 3, 5, 7), 0.25, np.float32))
    assert np.allclose(doubled, 0.5)


def test_inputs_may_be_given_by_name_and_a_missing_one_is_told(tmp_path):
    model = load(tiny_onnx(tmp_path / "a.onnx"), "cpu")
    assert np.allclose(model(photo=np.ones((1, 3, 2, 2)))[0], 2)
    with pytest.raises(BgswapError, match="it takes photo"):
        model()
    with pytest.raises(BgswapError, match="refused its input"):
        model(np.zeros((3, 2), np.float32))


def test_a_users_row_gives_a_file_a_name_and_its_needs(tmp_path, own_catalog):
    tiny_onnx(tmp_path / "net.onnx")
    own_catalog(f'[mine]\nfile = "{tmp_path}/net.onnx"\nlicense = "MIT"\ninput = {{ side = 64, fit = "longest" }}\n')
    model = load("mine", "cpu")
    assert (model.card.input.side, model.card.input.fit, model.card.license) == (64, "longest", "MIT")


def test_a_model_that_is_not_here_is_downloaded_by_the_command_that_needs_it(tmp_path, own_catalog, web, monkeypatch):
    web.files["/tiny.onnx"] = tiny_onnx(tmp_path / "a.onnx").read_bytes()
    own_catalog('[tiny]\nfile = "tiny.onnx"\n')
    monkeypatch.setenv("BGSWAP_MIRROR", web.url)
    assert np.allclose(load("tiny", "cpu")(np.ones((1, 3, 2, 2), np.float32))[0], 2)
    load("tiny", "cpu", options=LoadOptions(offline=True))
    assert len(web.asked) == 1


def test_a_users_row_with_a_wrong_checksum_is_not_loaded(tmp_path, own_catalog):
    path = tiny_onnx(tmp_path / "net.onnx")
    own_catalog(f'[mine]\nfile = "{path}"\nsha256 = "{"0" * 64}"\n')
    with pytest.raises(NotReady, match=r"is not the right net.onnx"):
        load("mine", "cpu")


def test_a_run_folder_is_a_model(tmp_path, small_photo):
    network = built(people, SMALL_PEOPLE)
    save_file(network.state_dict(), tmp_path / "best.safetensors")
    told = {"network": "people", "task": "matte", "license": "MIT", "recipe": "people", "epochs": 3}
    (tmp_path / "run.json").write_text(json.dumps(told))
    model = load(tmp_path, "cpu")
    assert np.allclose(model(small_photo)[0], run(network, small_photo), atol=1e-5)
    assert model.card.input == catalog.by_name("people").input
    assert model.card.output.activation == "sigmoid"
    assert load(str(tmp_path), "cpu").card.license == "MIT"
    (tmp_path / "run.json").write_text(json.dumps(told | {"input": {"side": 64, "multiple": 32}}))
    assert load(tmp_path, "cpu").card.input.side == 64


def test_a_run_without_weights_or_with_a_broken_json_says_so(tmp_path):
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(BgswapError, match=r"no best.safetensors yet"):
        load(tmp_path)
    (tmp_path / "best.safetensors").write_bytes(b"x")
    with pytest.raises(BgswapError, match=r"run.json cannot be read"):
        load(tmp_path)


def damaged(tmp_path: Path) -> dict[str, tuple[Path, str]]:
    """Files that are no weights, and what must be said of each."""
    state = built(u2net, SMALL_U2NET).state_dict()
    save_file(state, tmp_path / "whole.safetensors")
    torch.save(state, tmp_path / "whole.pth")
    onnx = tiny_onnx(tmp_path / "whole.onnx").read_bytes()
    safetensors, pth = (tmp_path / "whole.safetensors").read_bytes(), (tmp_path / "whole.pth").read_bytes()
    with zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb/data.pkl", bytes(80_000_000))
    with zipfile.ZipFile(tmp_path / "other.pth", "w") as archive:
        archive.writestr("readme.txt", "weights are elsewhere")
    torch.save({"a": Path("x")}, tmp_path / "objects.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    save_file({"encoder.0.weight": torch.zeros(4, 3), "head.bias": torch.zeros(2)}, tmp_path / "alien.safetensors")
    wrong = dict(state) | {"stage1.rebnconv2.conv_s1.weight": torch.zeros(5, 4, 3, 3)}
    save_file(wrong, tmp_path / "odd.safetensors")
    written = {
        "empty.onnx": b"",
        "short.onnx": onnx[: len(onnx) // 2],
        "short.safetensors": safetensors[: len(safetensors) // 2],
        "header.safetensors": safetensors[:100],
        "short.pth": pth[: len(pth) // 2],
        "page.pth": b"<!DOCTYPE html><p>",
        "pointer.onnx": b"version https://git-lfs.github.com/spec/v1\noid",
        "text.bin": b"hello there",
        "huge.safetensors": (1 << 62).to_bytes(8, "little") + b'{"a":1}',
    }
    for name, data in written.items():
        (tmp_path / name).write_bytes(data)
    says = {
        "empty.onnx": "is empty",
        "short.onnx": "no ONNX file that can be run",
        "short.safetensors": "cut short or damaged",
        "header.safetensors": "its header should have",
        "short.pth": "table of contents is missing",
        "page.pth": "is a web page",
        "pointer.onnx": "Git LFS pointer",
        "text.bin": "none of the formats",
        "huge.safetensors": "its header should have",
        "bomb.pth": "would unpack to 80,000,000",
        "list.pth": "no state dict",
        "other.pth": "zip archive without weights",
        "objects.pth": "holds more than tensors",
        "alien.safetensors": r"2 tensors that do not fit .* encoder.0.weight \(4, 3\)",
        "odd.safetensors": "looks like 'u2net' but does not fit it",
    }
    return {name: (tmp_path / name, text) for name, text in says.items()}


def test_every_damaged_or_foreign_file_gets_a_sentence(tmp_path):
    for path, says in damaged(tmp_path).values():
        with pytest.raises(BgswapError, match=says) as caught:
            load(path, "cpu")
        assert path.name in str(caught.value)


def test_unknown_weights_are_answered_with_the_nearest_network(tmp_path):
    state = {k: v for k, v in built(u2net, SMALL_U2NET).state_dict().items() if not k.startswith("outconv")}
    save_file(state, tmp_path / "nearly.safetensors")
    with pytest.raises(BgswapError, match=r"Nearest is 'u2net', with 9[0-9]% of the kinds of key"):
        load(tmp_path / "nearly.safetensors", "cpu")


def test_a_torchscript_program_is_run_only_when_trusted(tmp_path, small_photo):
    script = torch.jit.trace(torch.nn.Sequential(torch.nn.Conv2d(3, 1, 1)), torch.rand(1, 3, 8, 8))
    script.save(str(tmp_path / "program.pt"))
    with pytest.raises(NotReady, match=r"TorchScript, a program, and its SHA-256 is in no catalog.*--trust-model"):
        load(tmp_path / "program.pt", "cpu")
    model = load(tmp_path / "program.pt", "cpu", options=LoadOptions(trust_model=True))
    assert model(small_photo)[0].shape == (1, 1, 64, 96)


def test_a_torchscript_program_with_a_known_sha256_needs_no_trust(tmp_path, small_photo, own_catalog):
    from bgswap.zoo.checksum import digests

    torch.jit.trace(torch.nn.Sequential(torch.nn.Conv2d(3, 1, 1)), torch.rand(1, 3, 8, 8)).save(str(tmp_path / "p.pt"))
    own_catalog(f'[program]\nfile = "./p.pt"\nsha256 = "{digests(tmp_path / "p.pt").sha256}"\n')
    model = load(tmp_path / "p.pt", "cpu")
    assert model.card.name == "program"
    assert model(small_photo)[0].shape == (1, 1, 64, 96)


def test_names_and_paths_that_lead_nowhere_are_told_apart(tmp_path):
    with pytest.raises(UsageError, match="Did you mean people"):
        load("poeple")
    with pytest.raises(NotReady, match="no such file"):
        load("nets/mine.onnx")
    with pytest.raises(NotReady, match=r"a folder without run.json"):
        load(tmp_path)


def test_an_unknown_precision_or_half_precision_on_the_cpu_is_refused():
    with pytest.raises(UsageError, match="--precision fp8"):
        load("people", "cpu", "fp8")
    with pytest.raises(UsageError, match="fp16 needs a GPU"):
        load(store.SHIPPED / "people.safetensors", "cpu", "fp16")


def test_bf16_on_the_cpu_stays_near_float32_and_onnx_says_that_it_cannot(small_photo):
    path = store.SHIPPED / "people.safetensors"
    full, half = load(path, "cpu")(small_photo)[0], load(path, "cpu", "bf16")(small_photo)[0]
    assert half.dtype == np.float32
    assert 0 < np.abs(1 / (1 + np.exp(-full)) - 1 / (1 + np.exp(-half))).max() < 0.1
    assert any("has no effect" in note for note in load("people", "cpu", "bf16").notes)


def test_non_commercial_weights_are_not_even_looked_for_without_acceptance():
    with pytest.raises(NotReady, match="--accept-license bria-rmbg"):
        load("bria-rmbg", "cpu", options=LoadOptions(offline=True))
    with pytest.raises(NotReady, match="not on this machine"):
        load("bria-rmbg", "cpu", options=LoadOptions(offline=True, accept_license=("bria-rmbg",)))


def test_a_model_in_parts_is_loaded_whole(tmp_path, own_catalog):
    for part in ("encoder", "decoder"):
        tiny_onnx(tmp_path / f"{part}.onnx", scale=2.0 if part == "encoder" else 3.0)
    own_catalog("".join(f'[[two.files]]\npart = "{p}"\nfile = "{tmp_path}/{p}.onnx"\n' for p in ("encoder", "decoder")))
    model = load("two", "cpu")
    photo = np.ones((1, 3, 2, 2), np.float32)
    assert np.allclose(model(photo)[0], 2)
    assert np.allclose(model.parts["decoder"](photo)[0], 3)
    assert list(model.parts["decoder"].inputs) == ["photo"]


def test_an_exported_file_says_which_network_it_holds_and_is_used_as_that_network_is(tmp_path):
    from bgswap.zoo import export, store

    path = export.main("people", store.SHIPPED / "people.safetensors", tmp_path / "successor.onnx")
    model = load(path)
    assert model.card.network == "people"
    assert model.card.input == load("people").card.input
    assert model.card.output.activation == "sigmoid"
