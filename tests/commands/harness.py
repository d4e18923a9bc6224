"""How these tests run commands: as a user's shell would, in a child, or in this process where that is not the point."""

import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

PYTHON = sys.executable
PROGRAM = [PYTHON, "-m", "bgswap.cli"]
# what a developer's own settings must not change
CLEARED = ("BGSWAP_DEVICE", "BGSWAP_MIRROR", "BGSWAP_MODELS", "FORCE_COLOR", "CLICOLOR_FORCE", "LC_ALL", "COLUMNS")
FIXED = {"OMP_NUM_THREADS": "1", "BGSWAP_OFFLINE": "1", "NO_COLOR": "1"}
PATIENCE_S = 120.0  # a child that takes longer hangs
SUFFIXES = {".png", ".jpg", ".webp", ".pam", ".tiff"}


@dataclass(frozen=True)
class Ran:
    """How a command ended: exit status (negative: the signal that killed it), stdout, stderr."""

    status: int
    out: bytes
    err: str


def environment(more: dict[str, str] | None = None) -> dict[str, str]:
    """This process's environment without what would change results."""
    kept = {name: value for name, value in os.environ.items() if name not in CLEARED}
    return {**kept, **FIXED, **(more or {})}


def run(*arguments: object, stdin: bytes = b"", env: dict[str, str] | None = None, **more: Any) -> Ran:
    """Run `bgswap ARGUMENTS` in a child process. It must never show a traceback."""
    line = [*PROGRAM, *(os.fspath(a) if isinstance(a, Path) else str(a) for a in arguments)]
    child = subprocess.run(
        line, input=stdin, capture_output=True, env=environment(env), timeout=PATIENCE_S, check=False, **more
    )
    return told(child.returncode, child.stdout, child.stderr)


def start(*arguments: object, env: dict[str, str] | None = None, **more: Any) -> "subprocess.Popen[bytes]":
    """Start `bgswap ARGUMENTS`; signals reach it as from a shell, even where the tests run in the background."""
    child = subprocess.Popen(
        [*PROGRAM, *map(str, arguments)],
        env=environment(env),
        stderr=subprocess.PIPE,
        preexec_fn=interruptible,
        **more,
    )
    watch = threading.Timer(PATIENCE_S, child.kill)  # a child that hangs fails its test, and not the whole run
    watch.daemon = True
    watch.start()
    return child


def interruptible() -> None:
    """For a child before it starts: take SIGINT, which a shell's background jobs ignore."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def shell(script: str, cwd: Path, env: dict[str, str] | None = None, **more: Any) -> Ran:
    """Run a bash script, `bgswap` in it being the program under test, with pipefail."""
    head = f'set -o pipefail; bgswap() {{ "{PYTHON}" -m bgswap.cli "$@"; }}\n'
    child = subprocess.run(
        ["bash", "-c", head + script],
        cwd=cwd,
        env=environment(env),
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
        **more,
    )
    return told(child.returncode, child.stdout, child.stderr)


def call(*arguments: object, stdin: bytes = b"", env: dict[str, str] | None = None) -> Ran:
    """Run `bgswap ARGUMENTS` in this process: the same command, without the start of Python."""
    from click.testing import CliRunner

    from bgswap.cli import main

    handler = signal.getsignal(signal.SIGTERM)
    own = {**dict.fromkeys(CLEARED), **FIXED, **(env or {})}
    result = CliRunner(env=own).invoke(main, [str(a) for a in arguments], input=stdin)
    signal.signal(signal.SIGTERM, handler)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return told(result.exit_code, result.stdout_bytes, result.stderr_bytes)


def told(status: int, out: bytes, err: bytes) -> Ran:
    """The outcome, its words checked: no traceback and no control character ever reaches a user."""
    text = err.decode("utf-8", "backslashreplace")
    assert "Traceback" not in text, text
    assert "unexpected " not in text, text
    assert not any(ord(c) < 32 and c not in "\n\t" for c in text), repr(text)
    return Ran(status, out, text)


def pictures(folder: Path) -> dict[str, bytes]:
    """Every picture below `folder`, by its relative name."""
    files = (path for path in folder.rglob("*") if path.suffix in SUFFIXES)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def size(path: Path) -> tuple[int, int]:
    """(width, height) of a picture that decodes to its last pixel."""
    with Image.open(path) as opened:
        opened.load()
        return opened.size


def unfinished(folder: Path) -> list[Path]:
    """Temporary files that a run left."""
    return list(folder.rglob("*.tmp"))
