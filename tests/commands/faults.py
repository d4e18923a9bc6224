"""Real faults: a disk that is full, a folder that may not be written. Each is proved before a test relies on it."""

import errno
import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

UNPRIVILEGED = 65534  # nobody


def mount(*arguments: str) -> bool:
    """Whether mounting worked."""
    try:
        return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Callable[[], None]]:
    """A file system of `kilobytes` at `folder`, or skip. Gives what enlarges it."""
    folder.mkdir()
    if not mount("-t", "tmpfs", "-o", f"size={kilobytes}k", "none", str(folder)):
        pytest.skip("no file system can be mounted here")
    try:
        with pytest.raises(OSError, match="No space") as full:
            (folder / "plain").write_bytes(os.urandom(kilobytes * 1024 + 4096))
        assert full.value.errno == errno.ENOSPC
        (folder / "plain").unlink()
        yield lambda: subprocess.run(["mount", "-o", "remount,size=64m", str(folder)], check=True)
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def small_files(limit: int, scratch: Path) -> Callable[[], None]:
    """What makes a child unable to write files beyond `limit` bytes; proved on a child that writes a plain one."""

    def restrict() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    child = subprocess.run(
        ["dd", "if=/dev/zero", f"of={scratch}", f"bs={limit + 1}", "count=1"],
        preexec_fn=restrict,
        capture_output=True,
        check=False,
    )
    assert child.returncode != 0
    scratch.unlink(missing_ok=True)
    return restrict


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """`folder` as one that nobody can write into: by mode, or for root, who may write everywhere, by a mount."""
    bound = os.geteuid() == 0
    if not bound:
        folder.chmod(0o555)
    elif not (mount("--bind", str(folder), str(folder)) and mount("-o", "remount,ro,bind", str(folder))):
        pytest.skip("root writes everywhere, and nothing can be mounted here")
    try:
        with pytest.raises(OSError, match=r"Read-only|Permission") as refused:
            (folder / "plain").write_bytes(b"plain")
        assert refused.value.errno in (errno.EROFS, errno.EACCES)
        yield
    finally:
        if bound:
            subprocess.run(["umount", str(folder)], check=True)
        else:
            folder.chmod(0o755)
