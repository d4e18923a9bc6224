"""A zoo of tiny models, folders that nobody else sees, and a web server on this machine."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from bgswap.zoo.card import Card, WeightFile

VARIABLES = ("BGSWAP_MODELS", "BGSWAP_MIRROR", "BGSWAP_OFFLINE", "BGSWAP_DEVICE", "HF_HUB_OFFLINE", "U2NET_HOME",
             "REMBG_HOME", "TORCH_HOME", "LAMA_MODEL", "XDG_DATA_HOME", "HTTP_PROXY", "http_proxy")  # fmt: skip


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for every test; no variable of the machine's reaches it."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    return folder


@dataclass
class Web:
    """A server on 127.0.0.1. `files` by path."""

    files: dict[str, bytes] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    cut_after: dict[str, list[int]] = field(default_factory=dict)  # path -> bytes after which to hang up, per request
    asked: list[tuple[str, str]] = field(default_factory=list)  # (path, Range header)
    ranges: bool = True
    gate: threading.Event = field(default_factory=threading.Event)
    server: Any = None

    @cached_property
    def url(self) -> str:
        host, port = self.server.server_address[:2]
        return f"http://{host}:{port}"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        path, wanted = handler.path, handler.headers.get("Range", "")
        self.asked.append((path, wanted))
        if not self.gate.wait(20):
            return
        if path in self.redirects:
            handler.send_response(302)
            handler.send_header("Location", self.redirects[path])
            handler.end_headers()
            return
        if path not in self.files:
            handler.send_error(404)
            return
        data, start = self.files[path], 0
        if wanted and self.ranges:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(data):
                handler.send_error(416)
                return
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            handler.send_response(200)
        handler.send_header("Content-Length", str(len(data) - start))
        handler.end_headers()
        cuts = self.cut_after.get(path, [])
        handler.wfile.write(data[start : start + cuts.pop(0)] if cuts else data[start:])
        handler.close_connection = True


@pytest.fixture
def web() -> Iterator[Web]:
    site = Web()
    site.gate.set()

    class Handler(BaseHTTPRequestHandler):
        timeout = 20

        def do_GET(self) -> None:
            site.answer(self)

        def log_message(self, *_: Any) -> None:
            pass

    site.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.server.daemon_threads = True
    thread = threading.Thread(target=site.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield site
    site.gate.set()
    site.server.shutdown()
    site.server.server_close()
    thread.join(5)


@pytest.fixture
def a_card() -> Callable[..., Card]:
    """A card named "tiny" for these bytes."""

    def make(data: bytes, file: str = "tiny.onnx", **known: Any) -> Card:
        facts = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "source": "this test"} | known
        return Card("tiny", license="MIT", files=(WeightFile(file, **facts),))

    return make


def tiny_onnx(
    path: Path, sides: tuple[int | str, int | str] = ("height", "width"), output: str = "alpha", scale: float = 2.0
) -> Path:
    """An ONNX file whose output is the mean over the three channels, times `scale`."""
    photo = helper.make_tensor_value_info("photo", TensorProto.FLOAT, [1, 3, *sides])
    result = helper.make_tensor_value_info(output, TensorProto.FLOAT, [1, 1, *sides])
    constants = [helper.make_tensor("axes", TensorProto.INT64, [1], [1]),
                 helper.make_tensor("scale", TensorProto.FLOAT, [1], [scale])]  # fmt: skip
    nodes = [helper.make_node("ReduceMean", ["photo", "axes"], ["mean"], keepdims=1),
             helper.make_node("Mul", ["mean", "scale"], [output])]  # fmt: skip
    graph = helper.make_graph(nodes, "tiny", [photo], [result], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    return path


@pytest.fixture
def own_catalog(home: Path) -> Callable[[str], Path]:
    """Write the user's own catalog.toml."""

    def write(text: str) -> Path:
        path = home / "config" / "bgswap" / "catalog.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write
