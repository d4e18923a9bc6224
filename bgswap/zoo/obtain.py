"""From a card to files on this disk: found, or fetched, or a message that says what to type next."""

import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bgswap.errors import NotReady
from bgswap.zoo import checksum, download, store
from bgswap.zoo.card import Card, WeightFile
from bgswap.zoo.store import PassedOver


def check_license(card: Card, accepted: tuple[str, ...]) -> None:
    """NotReady for weights that may not be used for business, until the user has accepted their license."""
    if card.commercial or card.name in accepted or card.license in accepted:
        return
    raise NotReady(
        f"The weights of {card.name} are under {card.license}: not for commercial use. "
        f"If that suits you, add: --accept-license {card.name}"
    )


def offline_reason(flag: bool = False) -> str:
    """What forbids the network: "--offline", the name of an environment variable, or ""."""
    if flag:
        return "--offline"
    on = ("1", "true", "yes", "on")
    return next((f"{name} is set" for name in ("BGSWAP_OFFLINE", "HF_HUB_OFFLINE") if _env(name) in on), "")


def _env(name: str) -> str:
    return os.environ.get(name, "").strip().lower()


def obtain(card: Card, file: WeightFile, offline: bool = False, trust: bool = False, bar: bool = True) -> store.Found:
    """The right copy of a file, downloaded where there is none.

    Args:
        card: the model that the file belongs to.
        file: which of its files.
        offline: never use the network.
        trust: take a file that the user named by environment as it is (--trust-model).
        bar: draw progress on stderr when that is a terminal.
    """
    found, problems = store.locate(card, file, (file.env,) if trust and file.env else ())
    if found:
        return found
    for one in problems:
        if one.kind == file.env:  # the user said which file: no other one may slip in
            raise NotReady(f"{one.why}. Unset {file.env} to let bgswap fetch its own copy.")
    sources = download.addresses(file)
    reason = offline_reason(offline)
    folder_mirror = bool(sources) and sources[0].mirror and "://" not in sources[0].url
    if Path(file.file).is_absolute() or not sources or (reason and not folder_mirror):
        raise NotReady(absent(card, file, problems, reason))
    target = store.own_path(card, file)
    with _progress(card, file, bar) as progress:
        try:
            sha256 = download.fetch(file, target, sources[:1] if reason else sources, progress)
        except NotReady as error:
            raise NotReady(f"{error}\n{absent(card, file, problems, reason)}") from None
        except OSError as error:
            cure = "Set BGSWAP_MODELS to a folder of yours with room in it."
            raise NotReady(f"{target.parent} cannot be written to: {error.strerror or error}. {cure}") from None
    return store.Found(target, "fetched", checksum.Digests(sha256, file.md5))


@contextmanager
def _progress(card: Card, file: WeightFile, bar: bool) -> Iterator[download.Progress]:
    from tqdm import tqdm

    label = f"{file.file} ({card.license}) -> {store.own_path(card, file).parent}"
    total = file.size or None
    # disable=None: silent unless stderr is a terminal
    with tqdm(desc=label, total=total, unit="B", unit_scale=True, disable=None if bar else True) as line:

        def progress(done: int, whole: int) -> None:
            line.total = whole or line.total
            line.update(done - line.n)

        yield progress


def absent(card: Card, file: WeightFile, problems: Sequence[PassedOver] = (), offline: str = "") -> str:
    """Everything that is needed to cure a missing file by hand, and the two commands that do it."""
    folder = store.own_path(card, file).parent
    size = f" ({file.size / 1e6:.0f} MB)" if file.size else ""
    if Path(file.file).is_absolute():
        why = problems[0].why if problems else f"there is no file {file.file}"
        return f"{card.name} ({card.origin}): {why}"
    why = "" if file.urls else ", and no address is known for it"
    if offline:
        why = f", and the network is not used ({offline})"
    name = shlex.quote(card.name)
    lines = [
        f"{file.file}{size} is not on this machine{why}.",
        *(f"  passed over: {one.why}" for one in problems),
        f"  folder:   {folder}",
        *(f"  address:  {url}" for url in file.urls),
        f"  checksum: {file.checksum}" + (f" (from {file.source})" if file.source else ""),
    ]
    if file.urls:
        lines.append(f"With a network:  bgswap models fetch {name}")
    return "\n".join([*lines, f"Without: copy the file into that folder, then:  bgswap models verify {name}"])
