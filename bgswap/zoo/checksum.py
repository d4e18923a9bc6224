"""Is a file of weights the one that was published, or, where nothing was published, the first one seen?"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from bgswap.zoo.card import WeightFile

BLOCK = 1 << 20  # bytes


@dataclass(frozen=True)
class Digests:
    """Checksums of one file, in lower-case hexadecimal."""

    sha256: str
    md5: str


def digests(path: Path, md5: bool = True) -> Digests:
    """SHA-256, and MD5 where wanted, of a whole file, read once while it stays as it is. OSError as for open()."""
    facts = path.stat()
    return _read(path, facts.st_size, facts.st_mtime_ns, md5)


@lru_cache(maxsize=64)
def _read(path: Path, _size: int, _changed: int, md5: bool) -> Digests:
    strong, weak = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            strong.update(block)
            if md5:
                weak.update(block)
    return Digests(strong.hexdigest(), weak.hexdigest() if md5 else "")


def published(file: WeightFile) -> bool:
    """Whether a checksum was published that a look-in copy can be held to."""
    return bool(file.sha256 or file.md5)


def mismatch(found: Digests, file: WeightFile, first_seen: str = "") -> str:
    """Why a file with these digests is not the right one; "" where it is."""
    if file.sha256 and found.sha256 != file.sha256:
        return f"its SHA-256 is {found.sha256}, published is {file.sha256}"
    if file.md5 and found.md5 != file.md5:
        return f"its MD5 is {found.md5}, published is {file.md5}"
    if not found.sha256.startswith(file.sha256_prefix):
        return f"its SHA-256 is {found.sha256}, published is {file.sha256_prefix}..."
    if first_seen and found.sha256 != first_seen:
        return f"its SHA-256 is {found.sha256}, the first one seen was {first_seen}"
    return ""


def side_file(path: Path) -> Path:
    """Where the first SHA-256 of a fetched file is kept, in the format of sha256sum."""
    return path.with_name(path.name + ".sha256")


def first_seen(path: Path) -> str:
    """The SHA-256 recorded when this file was first fetched; "" before that."""
    try:
        return side_file(path).read_text(encoding="ascii").split()[0]
    except (OSError, IndexError, UnicodeDecodeError):
        return ""


def remember(path: Path, sha256: str) -> None:
    """Record a file's SHA-256 unless one is recorded already: the first stays."""
    if not first_seen(path):
        side_file(path).write_text(f"{sha256}  {path.name}\n", encoding="ascii")
