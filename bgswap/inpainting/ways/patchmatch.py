"""Patches of the photo itself, found and voted coarse to fine; no download.

Barnes et al., SIGGRAPH 2009, 10.1145/1531326.1531330.

A patch is the cheaper the nearer its height in the picture is to that of the gap: behind a standing person there
is more wall beside the wall and more ground beside the ground. Without it the pavement climbed up to where the head
had been in most of ten street photos, and the person's outline stayed as a ghost; with it hardly any did.

Question: an own PatchMatch or a package? Choice: PyPatchMatch (MIT, 1.6 MB wheels for Linux, macOS and Windows,
Production/Stable, releases through 2026, nothing compiled or fetched at import, seeded, lets other threads run).
Looked at beside it: patchmatch-cython 0.2.1 (BSD, beta; on twenty holes it put doors and floor boards into plain
walls: mean error 36-38 levels against 24). Completion by voting goes back to Wexler et al., TPAMI 2007,
10.1109/TPAMI.2007.60. What would change our mind: a small network of our own that wins tests/bench/inpaint_ways.py.
2026-11
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from bgswap.errors import NotReady

SIDE = 320  # longest side of a hole in pixels: about 2 s a core; 512 took twice that, looked no better on one photo
RADIUS = 5  # patches of 11 x 11; ours: 3 and 7 scored 3 % worse on the bench, and 7 took twice the time
HEIGHT = 0.3  # ours: price of height, 0 to 1; 0.1 leaves ghosts, 1 shuffles more in rows; a price of width makes steps
WEIGHT = 0.25  # the package's own default for such prices


def fill(photo: NDArray[np.uint8], hole: NDArray[np.bool_], *, seed: int = 0) -> NDArray[np.uint8]:
    """Fill a small picture's hole. photo (h, w, 3) uint8 RGB, hole (h, w) True = fill -> (h, w, 3) uint8.

    The same seed gives the same bytes, in any number of threads. About 1.5 s a core for a person in 640 x 430
    pixels. Pictures with a side below 2 * RADIUS + 1 are mirrored outward first: they hold no whole patch.

    Raises:
        NotReady: PyPatchMatch is not installed, or was built without its native library.
    """
    package = check()
    height, width = hole.shape
    low = max(0, 4 * RADIUS - min(height, width))  # room for a few patches even in a strip of one pixel
    photo = np.pad(photo, ((0, low), (0, low), (0, 0)), mode="symmetric")
    hole = np.pad(hole, ((0, low), (0, low)), mode="symmetric")
    place = np.zeros((*hole.shape, 3), np.float32)
    place[..., 0] = (np.arange(len(hole)) * (HEIGHT / max(hole.shape)))[:, None]
    with _seeded(package, seed):
        filled: NDArray[np.uint8] = package.inpaint_regularity(
            photo, hole, place, patch_size=RADIUS, guide_weight=WEIGHT
        )
    return filled[:height, :width]


def check() -> ModuleType:
    """The package, or NotReady with the line that installs it. Called once before the first picture."""
    try:
        import patchmatch
    except ImportError as error:
        raise NotReady("patchmatch needs a package. Install it: pip install 'PyPatchMatch>=2.2'") from error
    if not getattr(patchmatch, "patchmatch_available", False):
        again = "pip install --force-reinstall --no-deps --no-cache-dir 'PyPatchMatch>=2.2'"
        raise NotReady(f"PyPatchMatch has no native library here. Install a compiler, CMake and OpenCV, then: {again}")
    module: ModuleType = patchmatch
    return module


class _Turns:
    """The package keeps one seed for the whole process: calls of one seed run side by side, others wait."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.seed, self.running = 0, 0


_turns = _Turns()


@contextmanager
def _seeded(package: ModuleType, seed: int) -> Iterator[None]:
    with _turns.changed:
        _turns.changed.wait_for(lambda: _turns.running == 0 or _turns.seed == seed)
        package.set_random_seed(seed)
        _turns.seed, _turns.running = seed, _turns.running + 1
    try:
        yield
    finally:
        with _turns.changed:
            _turns.running -= 1
            _turns.changed.notify_all()
