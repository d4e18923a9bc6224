"""The one way to a model: a name, a file or a run folder, and a device, become something that can be called.

    matting = load("u2netp", device="auto")
    (alpha,) = matting(photo)          # (1, 3, H, W) as matting.card.input says -> raw outputs

Knowing (card.py, catalog.py, recognize.py), having (store.py, obtain.py, download.py) and running (runners/)
are apart; this file only joins them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
from numpy.typing import NDArray

from bgswap import extensions
from bgswap.errors import NotReady, UsageError
from bgswap.zoo import catalog, checksum, devices, recognize, runs
from bgswap.zoo.card import Card, OutputSpec, WeightFile
from bgswap.zoo.obtain import check_license, obtain
from bgswap.zoo.runners import Opener, Order, Precision, Runner
from bgswap.zoo.store import Found

A_FILE = "a file"  # the origin of a card that nobody wrote
SUFFIXES = (".onnx", ".safetensors", ".pth", ".pt", ".ckpt", ".bin")


@dataclass(frozen=True)
class LoadOptions:
    """What the user allows, and how many threads one call may use."""

    offline: bool = False
    accept_license: tuple[str, ...] = ()  # names of models or licenses
    trust_model: bool = False  # run TorchScript that nobody published a SHA-256 of
    threads: int = 1  # a call; photos are worked on in parallel instead
    progress: bool = True  # a download is drawn on stderr when that is a terminal


@dataclass(frozen=True)
class Model:
    """Weights that are ready to run, and what is known of them. May be called from several threads."""

    card: Card
    device: str  # where it really runs: "cpu", "cuda:0"
    notes: tuple[str, ...]  # what the user should be told, once
    parts: Mapping[str, Runner]  # sam has "encoder" and "decoder"; all others one part
    sha256: str  # of the weights, several parts joined by "+"
    paths: tuple[Path, ...] = ()  # the files themselves, checked

    def __call__(self, *arrays: NDArray[Any], **named: NDArray[Any]) -> tuple[NDArray[np.float32], ...]:
        """Raw outputs of the (first) part as float32, the first one first; inputs in order, or by name."""
        return next(iter(self.parts.values()))(*arrays, **named)


def load(
    name: str | Path,
    device: str = "auto",
    precision: str = "auto",
    *,
    options: LoadOptions = LoadOptions(),
) -> Model:
    """A model by catalog name, file (.onnx, .safetensors, .pth, .pt) or run folder, ready to be called.

    Args:
        name: what to load. A catalog model that is not on this disk is downloaded.
        device: "auto" (a GPU where one works, else the CPU; the reason is in notes), "cpu", "cuda", "cuda:N".
        precision: "auto" (half on a GPU), "fp32", "fp16" or "bf16"; ONNX files run as they were written.
        options: what the user allows.

    Raises:
        UsageError: no such name, device, precision or catalog key.
        NotReady: no file, license not accepted, or device not usable; says what to type next.
        BgswapError: the file is damaged or nothing that bgswap knows.
    """
    if precision not in get_args(Precision):
        raise UsageError(f"--precision {precision}: choose one of {', '.join(get_args(Precision))}.")
    card, notes = describe(name)
    check_license(card, options.accept_license)
    kind = recognize.kind_by_name((card.parts("cuda") or card.parts("cpu"))[card.files[0].part].file)
    if not card.parts("cuda"):
        notes += (
            (f"{card.name} runs on the CPU: its weights are for nothing else",) if device.startswith("cuda") else ()
        )
        device = "cpu"
    chosen = devices.choose(device, kind)
    order = Order(chosen, cast(Precision, precision), options.threads, card.network)
    notes += (chosen.note,) if chosen.note else ()
    parts, hashes, paths = {}, [], []
    for part, file in (card.parts(chosen.name) or card.parts("cpu")).items():
        found = obtain(card, file, options.offline, options.trust_model, options.progress)
        parts[part] = runner = _open(found, file, order, options)
        notes += tuple(note for note in runner.notes if note not in notes)
        hashes.append(found.digests.sha256)
        paths.append(found.path)
    card, guess = _complete(card, next(iter(parts.values())))
    return Model(card, next(iter(parts.values())).device, notes + guess, parts, "+".join(hashes), tuple(paths))


def describe(name: str | Path) -> tuple[Card, tuple[str, ...]]:
    """The card of a name, file or run folder, and what should be said of it. Loads nothing."""
    path = Path(name).expanduser()
    if isinstance(name, str) and (name in catalog.catalog() or not _is_path(name)):
        return catalog.by_name(name), ()
    if path.is_dir() and runs.is_run(path):
        return runs.card_of(path), ()
    if not path.is_file():
        what = f"a folder without {runs.RUN}: no training run" if path.is_dir() else "no such file"
        raise NotReady(f"{name}: {what}. Models by name: bgswap models list")
    file = WeightFile(str(path.absolute()))
    try:
        digests = checksum.digests(path)
    except OSError as error:
        raise NotReady(f"{path} cannot be read: {error.strerror}") from None
    if known := catalog.by_checksum(digests):
        same = replace(known.files[0], file=file.file, device="any")
        return replace(known, files=(same,)), (f"{path.name} is {known.name} of the catalog",)
    return Card(path.stem, files=(file,), origin=A_FILE), ()


def _is_path(name: str) -> bool:
    path = Path(name).expanduser()
    return path.name != name or path.suffix.lower() in SUFFIXES or runs.is_run(path)


def _open(found: Found, file: WeightFile, order: Order, options: LoadOptions) -> Runner:
    kind = recognize.kind_of(found.path)
    known = checksum.published(file) or (found.kind == "fetched" and checksum.first_seen(found.path))
    if kind == "torchscript" and not (known or options.trust_model):
        raise NotReady(
            f"{found.path} is TorchScript, a program, and its SHA-256 is in no catalog "
            f"({found.digests.sha256}). If you trust whoever made it, add: --trust-model"
        )
    opener = cast(Opener, extensions.load("bgswap.zoo.runners", kind))
    return opener.open_weights(found.path, order)


def _complete(card: Card, runner: Runner) -> tuple[Card, tuple[str, ...]]:
    """A file without a row borrows from the known network that it holds, or is guessed, and says so."""
    if card.origin != A_FILE:
        return card, ()
    if runner.network and (known := catalog.by_network(runner.network)):
        note = f"{Path(card.file).name} is a '{runner.network}' network: used as the catalog's {known.name}"
        facts = replace(card, task=known.task, input=known.input, output=known.output, network=runner.network)
        return facts, (note,)
    if not runner.inputs:
        return replace(card, network=runner.network), ()
    shapes = list(runner.inputs.values())
    spec, note = recognize.guess_input(shapes[0])
    output = OutputSpec("sigmoid" if runner.logits else "none")
    return replace(card, input=spec, output=output, task="inpaint" if len(shapes) > 1 else "matte"), (note,)
