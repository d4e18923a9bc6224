"""What is this file, and which network do these weights fit? By bytes, key names and shapes alone."""

import dataclasses
import re
import typing
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from bgswap import extensions
from bgswap.errors import BgswapError
from bgswap.zoo.card import InputSpec

NETWORKS = "bgswap.networks"
Shapes = Mapping[str, tuple[int, ...]]
Kind = Literal["onnx", "torch", "torchscript"]
PACKED = 64_000_000  # bytes, ours: weights are stored as they are; only TorchScript's program text is packed
HEADER_LIMIT = 100_000_000  # bytes, as in the safetensors library


def kind_by_name(name: str) -> str:
    """What runs a file, as far as its suffix tells: "onnx" or "torch"."""
    return "onnx" if Path(name).suffix.lower() == ".onnx" else "torch"


def kind_of(path: Path) -> Kind:
    """What runs a file, by its content. BgswapError says what else it is."""
    with path.open("rb") as file:
        head = file.read(4096)
    size = path.stat().st_size
    if not head:
        raise BgswapError(f"{path} is empty (0 bytes). Get the file again.")
    if head.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")):
        raise BgswapError(
            f"{path} is a web page, not weights. Its address was a page that shows the file; get the file."
        )
    if head.startswith(b"version https://git-lfs"):
        raise BgswapError(f"{path} is a Git LFS pointer, not the weights. Run: git lfs pull")
    if head.startswith(b"PK\x03\x04"):
        return _archive_kind(path, size)
    if head[8:9] == b"{":
        header = int.from_bytes(head[:8], "little")
        if header > min(size - 8, HEADER_LIMIT):
            raise BgswapError(f"{path} is cut short or damaged: its header should have {header:,} bytes.")
        return "torch"
    if head.startswith(b"\x80") and path.suffix.lower() != ".onnx":
        return "torch"  # a state dict as torch before 1.6 wrote it
    if path.suffix.lower() == ".onnx":
        return "onnx"
    raise BgswapError(f"{path} is none of the formats that bgswap opens: .onnx, .safetensors, state dict, TorchScript.")


def _archive_kind(path: Path, size: int) -> Kind:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError):
        raise BgswapError(f"{path} is cut short or damaged: its table of contents is missing. Get it again.") from None
    unpacked = sum(member.file_size for member in members)
    if unpacked > size + PACKED:
        raise BgswapError(
            f"{path} has {size:,} bytes and would unpack to {unpacked:,}: refused. Weights are not packed."
        )
    names = [member.filename.partition("/")[2] for member in members]
    if any(name.startswith("code/") for name in names):
        return "torchscript"
    if "data.pkl" in names:
        return "torch"
    raise BgswapError(f"{path} is a zip archive without weights of torch in it. Unpack it first, if they are inside.")


def network_of(shapes: Shapes, name: str = "") -> tuple[str, ModuleType, Any]:
    """The file of bgswap/networks that a state dict fits: its name, module and config.

    Args:
        shapes: key names and shapes of the state dict.
        name: ask only this one.

    Raises:
        BgswapError: nothing fits; shows some keys and the nearest known network.
    """
    for known in [name.replace("_", "-")] if name else extensions.names(NETWORKS):
        module = extensions.load(NETWORKS, known)
        recognize = getattr(module, "recognize", None)
        config = recognize(shapes) if recognize else None
        if config is not None:
            return known, module, config
    some = ", ".join(f"{key} {tuple(shapes[key])}" for key in list(shapes)[:4])
    wanted = f"the network '{name}'" if name else "any network that bgswap knows"
    raise BgswapError(f"{len(shapes)} tensors that do not fit {wanted}. They begin: {some}. {_nearest(shapes)}")


def _nearest(shapes: Shapes) -> str:
    best, share = "", 0.0
    for name in extensions.names(NETWORKS):
        keys = _default_keys(extensions.load(NETWORKS, name))
        mine = {re.sub(r"\d+", "#", key) for key in shapes}
        alike = len(keys & mine) / max(len(keys | mine), 1)
        if alike > share:
            best, share = name, alike
    if not best:
        return "No known network has a key of that name."
    return f"Nearest is '{best}', with {share:.0%} of the kinds of key in common."


def _default_keys(module: ModuleType) -> set[str]:
    """Key names, numbers left out, of a network as its config's defaults make it; empty without defaults."""
    import torch

    hint = typing.get_type_hints(module.recognize).get("return") if hasattr(module, "recognize") else None
    configs = [one for one in (typing.get_args(hint) or (hint,)) if dataclasses.is_dataclass(one)]
    if not configs:
        return set()
    try:
        with torch.device("meta"):  # names only, no memory
            network = module.build(configs[0]())  # type: ignore[operator]
    except TypeError:
        return set()
    return {re.sub(r"\d+", "#", key) for key in network.state_dict()}


def guess_input(shape: tuple[int | str | None, ...]) -> tuple[InputSpec, str]:
    """What an ONNX file without a card seems to need, by its input's shape (N, 3, H, W); and a note on it."""
    sides = [side for side in shape[-2:] if isinstance(side, int)]
    spec = InputSpec(side=max(sides)) if len(sides) == len(shape[-2:]) and sides else InputSpec()
    return spec, (
        f"no card: taking {spec.side} x {spec.side}, stretched, divided by its own maximum, ImageNet mean "
        "and std; a row in your catalog.toml says it exactly"
    )
