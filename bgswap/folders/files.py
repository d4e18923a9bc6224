"""Files are written whole or not at all: a temporary file beside the destination, then one rename."""

import errno
import os
import secrets
import stat
import threading
import time
from pathlib import Path

PREFIX, SUFFIX = ".bgswap-", ".tmp"
STREAMS = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
DESCRIPTOR_FOLDERS = ("/dev/fd", "/proc/self/fd")

_lock = threading.Lock()
_unfinished: set[Path] = set()  # temporary files of this process
_dying = False


def write_whole(path: Path, data: bytes, run: str = "") -> None:
    """Write `data` as the file `path`, replacing what stood there in one step.

    Readers see the old file or the new one, never half of it. A symbolic link is replaced, not followed. A
    FIFO, a character device and the names of open streams (/dev/stdout, /dev/fd/3) are written in place. The
    mode is 0666 less the umask, as for a file that a shell makes. The folder must exist. run: whose temporary
    file it is, for `of_run`.

    Raises:
        OSError: the disk is full, the folder is read-only, ...; no temporary file is left behind.
    """
    descriptor = _open_stream(path)
    if descriptor is not None:
        _write_all(descriptor, data)
    elif _is_stream(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            _write_all(descriptor, data)
        finally:
            os.close(descriptor)
    else:
        _replace(path, data, run)


def discard_unfinished() -> None:
    """Delete the temporary files of all threads, for a process that is about to die: nothing is written after it."""
    global _dying
    with _lock:
        _dying = True
        for temporary in list(_unfinished):  # a thread may finish meanwhile
            temporary.unlink(missing_ok=True)


def leftovers(folder: Path, *, older_than_s: float = 3600.0) -> list[Path]:
    """Temporary files in `folder` that a killed run left; a younger one may be a neighbor's, still in work."""
    limit = time.time() - older_than_s
    found = folder.glob(f"{PREFIX}*{SUFFIX}")
    return sorted(path for path in found if not path.is_symlink() and path.stat().st_mtime <= limit)


def of_run(folder: Path, run: str) -> list[Path]:
    """Temporary files in `folder` of a run that is over: of workers that were lost on the way."""
    return sorted(folder.glob(f"{PREFIX}{run}*{SUFFIX}"))


class Unfinished:
    """An empty temporary file beside the one that it is to become: `keep` or `discard` ends it.

    path: of the temporary file. descriptor: open for writing, the caller's to close. run: whose file it is.
    """

    def __init__(self, becomes: Path, run: str = "") -> None:
        """Raises OSError where it cannot be made."""
        self.becomes = becomes
        self.path = becomes.parent / f"{PREFIX}{run}{secrets.token_hex(8)}{SUFFIX}"
        self.descriptor = _create(self.path)

    def keep(self) -> None:
        """Put it, whole as it is now, in the place of what stood there."""
        os.replace(self.path, self.becomes)
        _unfinished.discard(self.path)

    def discard(self) -> None:
        """Delete it; once it was kept there is nothing to delete."""
        self.path.unlink(missing_ok=True)
        _unfinished.discard(self.path)


def _replace(path: Path, data: bytes, run: str) -> None:
    temporary = Unfinished(path, run)
    try:
        try:
            _write_all(temporary.descriptor, data)
        finally:
            os.close(temporary.descriptor)
        temporary.keep()
    except BaseException:  # KeyboardInterrupt too: nothing half-written may stay
        temporary.discard()
        raise


def _create(temporary: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
    with _lock:  # so that discard_unfinished sees every file that exists
        if _dying:
            raise InterruptedError(errno.EINTR, os.strerror(errno.EINTR))
        descriptor = os.open(temporary, flags, 0o666)  # the kernel takes the umask off
        _unfinished.add(temporary)
        return descriptor


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _open_stream(path: Path) -> int | None:
    """The descriptor that a name such as /dev/stdout stands for: it is a link, which a rename would destroy."""
    if str(path) in STREAMS:
        return STREAMS[str(path)]
    if str(path.parent) in DESCRIPTOR_FOLDERS and path.name.isdecimal():
        return int(path.name)
    return None


def _is_stream(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)
