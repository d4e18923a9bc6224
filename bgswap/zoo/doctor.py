"""What works on this machine, what does not, and why: the facts of `bgswap doctor`. Nothing is sent."""

import os
import platform
import shutil
from dataclasses import dataclass
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path

from bgswap import __version__
from bgswap.errors import BgswapError
from bgswap.zoo import devices, inventory, obtain, store

EXTRAS = {
    "train": ("lightning_fabric", "tensorboard"),
    "eval": ("torchmetrics", "choix", "jinja2"),
    "cluster": ("distributed",),
    "video": ("av",),
    "heif": ("pillow_heif",),
    "demo": ("sklearn",),
}
LITTLE = 2e9  # bytes; ours: below it the larger models no longer fit
VARIABLES = (
    "BGSWAP_MODELS", "BGSWAP_MIRROR", "BGSWAP_DEVICE", "BGSWAP_OFFLINE", "HF_HUB_OFFLINE", "LAMA_MODEL",
    "U2NET_HOME", "REMBG_HOME", "TORCH_HOME", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS",
)  # fmt: skip


@dataclass(frozen=True)
class Fact:
    """A line of the report. `ok` None: neither good nor bad."""

    what: str
    value: str
    ok: bool | None = None
    advice: str = ""


def facts() -> list[Fact]:
    """Everything that is worth knowing before asking for help, most basic first."""
    return [
        Fact("Python", f"{platform.python_version()}, {platform.system()} {platform.machine()}", True),
        Fact("bgswap", __version__, True),
        *_torch(),
        *_onnxruntime(),
        _package("opencv", "cv2", "pip install opencv-python-headless"),
        *_pillow(),
        _package("isal (fast PNG)", "isal", "pip install isal; without it PNGs are written more slowly"),
        _package("rembg", "rembg", "not needed to run, only named by it", load=False),
        _package("simple-lama", "simple_lama_inpainting", inventory.SIMPLE_LAMA, load=False, needed=False),
        *_store(),
        *(_extra(name, modules) for name, modules in EXTRAS.items()),
        *(Fact(name, _home_hidden(os.environ[name])) for name in VARIABLES if name in os.environ),
    ]


def _package(what: str, module: str, advice: str, load: bool = True, needed: bool = True) -> Fact:
    """Whether a package is there and, with `load`, whether it really starts."""
    if find_spec(module) is None:
        return Fact(what, "not installed", False if needed else None, advice)
    try:
        if load:
            import_module(module)
    except (ImportError, OSError) as error:  # a system library is missing
        return Fact(what, f"does not start: {error}", False, advice)
    return Fact(what, _version(module), True)


def _version(module: str) -> str:
    found = metadata.packages_distributions().get(module, [])
    return ", ".join(f"{name} {metadata.version(name)}" for name in dict.fromkeys(found)) or "installed"


def _torch() -> list[Fact]:
    fact = _package("torch", "torch", devices.TORCH_PAGE)
    if not fact.ok:
        return [fact]
    import torch

    reason = devices.why_no_cuda("torch")
    if reason:
        return [
            fact,
            Fact("CUDA in torch", f"no: {reason}", None, "" if "driver" in reason else devices.TORCH_PAGE),
        ]
    names = ", ".join(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))
    return [fact, Fact("CUDA in torch", f"{torch.version.cuda}: {names}", True)]


def _onnxruntime() -> list[Fact]:
    fact = _package("onnxruntime", "onnxruntime", "pip install onnxruntime")
    if not fact.ok:
        return [fact]
    import onnxruntime

    providers = ", ".join(name.removesuffix("ExecutionProvider") for name in onnxruntime.get_available_providers())
    reason = devices.why_no_cuda("onnx")
    advice = devices.ONNX_GPU if "built" in reason else ""
    cuda = (
        Fact("CUDA in onnxruntime", f"no: {reason}", None, advice)
        if reason
        else Fact("CUDA in onnxruntime", "yes", True)
    )
    return [fact, Fact("its providers", providers), cuda]


def _pillow() -> list[Fact]:
    fact = _package("pillow", "PIL", "pip install pillow")
    if not fact.ok:
        return [fact]
    from PIL import features

    avif = bool(features.check("avif"))
    heif = find_spec("pillow_heif") is not None
    return [
        fact,
        Fact("AVIF pictures", "yes" if avif else "no", avif, "" if avif else "pip install -U pillow"),
        Fact("HEIC pictures", "yes" if heif else "no", True if heif else None, "" if heif else _pip("heif")),
    ]


def _store() -> list[Fact]:
    folder = store.models_folder()
    above = next(one for one in (folder, *folder.parents) if one.exists())
    free = shutil.disk_usage(above).free
    writable = os.access(above, os.W_OK)
    value = f"{_home_hidden(str(folder))}, {free / 1e9:.1f} GB free" + ("" if writable else ", not writable")
    advice = "" if writable and free > LITTLE else "set BGSWAP_MODELS to a folder with room"
    offline = obtain.offline_reason()
    try:
        here = [row.name for row in inventory.rows() if row.state not in (inventory.ABSENT, "in part", "installed")]
        models = Fact("models here", ", ".join(here), bool(here))
    except BgswapError as error:
        models = Fact("your catalog.toml", _home_hidden(str(error)), False, "correct it")
    return [
        Fact("cache folder", value, writable and free > LITTLE, advice),
        models,
        Fact("downloads", f"off ({offline})" if offline else "on"),
    ]


def _extra(name: str, modules: tuple[str, ...]) -> Fact:
    missing = [module for module in modules if find_spec(module) is None]
    value = f"needs {', '.join(missing)}" if missing else "installed"
    return Fact(f"extra '{name}'", value, None if missing else True, _pip(name) if missing else "")


def _pip(extra: str) -> str:
    return f"pip install 'bgswap[{extra}]'"


def _home_hidden(text: str) -> str:
    """A report is made to be pasted somewhere: the user's name stays out of it."""
    home = str(Path.home())
    return text.replace(home, "~") if len(home) > 1 else text
