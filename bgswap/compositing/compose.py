"""Apply decisions to full-size pixels, strip by strip, so that no whole picture is ever held in float."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.decide import NOBODY, CompositeSettings, check_pictures
from bgswap.compositing.decider import Networks
from bgswap.compositing.decisions import Decisions, Place
from bgswap.compositing.geometry import placement_matrix, scale_of
from bgswap.compositing.lens import Defocus
from bgswap.compositing.light import change_depth
from bgswap.compositing.outline import Outline, trace
from bgswap.compositing.person import PlacedPerson
from bgswap.compositing.resample import cover

STRIP = 256  # rows at a time
ALIGN = 64  # strips and columns start at multiples of this, so that pyramids fall alike wherever a piece begins


def compose(
    person: NDArray[Any],
    background: NDArray[Any],
    decisions: Decisions,
    settings: CompositeSettings | None = None,
    *,
    size: tuple[int, int] | None = None,
    out: NDArray[Any] | None = None,
    strip: int = STRIP,
    networks: Networks | None = None,
) -> tuple[NDArray[Any], list[str]]:
    """Set one person into the background; see compose_people."""
    given = [(person, decisions)]
    return compose_people(given, background, settings, size=size, out=out, strip=strip, networks=networks)


def compose_people(
    people: Sequence[tuple[NDArray[Any], Decisions]],
    background: NDArray[Any],
    settings: CompositeSettings | None = None,
    *,
    size: tuple[int, int] | None = None,
    out: NDArray[Any] | None = None,
    mask: NDArray[np.uint8] | None = None,
    strip: int = STRIP,
    networks: Networks | None = None,
) -> tuple[NDArray[Any], list[str]]:
    """Set people into the background. Returns the picture, dtype as the background's, and what to tell the user.

    people: each (H, W, 4) straight RGBA as big as its photo, with its decisions; the first one is the farthest, and
    whoever follows covers those before. background: (h, w, 3); uint8 or uint16, sRGB.
    size: (height, width) of the result; None: the background's, or with settings.frame "person" the first photo's. A
    background of another size is scaled to cover it and cropped, never stretched.
    out: painted into and returned, where it has the result's size and dtype; it may be `background` itself where the
    caller owns it. mask: (height, width) zeros, which are filled with where the people are.
    strip: rows worked on at a time, a multiple of 64; the pixels do not depend on it.
    networks: for blend ways that are networks; its threads work on strips side by side.
    """
    settings = settings or CompositeSettings()
    for person, _ in people:
        check_pictures(person, background)
    if size is None:
        size = people[0][0].shape[:2] if settings.frame == "person" else background.shape[:2]
    warnings: list[str] = []
    canvas = background
    if background.shape[:2] != tuple(size):
        canvas, warnings = cover(background, size)
    if out is not None and out.shape == canvas.shape and out.dtype == canvas.dtype:
        if not np.shares_memory(out, canvas):
            np.copyto(out, canvas)
        canvas = out
    elif np.shares_memory(canvas, background):
        canvas = canvas.copy()
    placed, networks = [], networks or Networks()
    for person, decisions in people:
        outline = trace(person)
        if outline is None or decisions.place is None:
            warnings += () if NOBODY in decisions.warnings else (NOBODY,)
            continue
        warnings += _enlarged(decisions.place, outline, canvas.shape[:2], settings.max_enlarge)
        placed.append(PlacedPerson(person, outline, decisions, canvas, networks))
    _Painter(placed, canvas, mask, networks.threads).paint(strip)
    return canvas, warnings


def _enlarged(place: Place, outline: Outline, frame: tuple[int, ...], limit: float) -> list[str]:
    scale = scale_of(placement_matrix(place, outline, (frame[0], frame[1])))
    if scale <= limit:
        return []
    return [f"the person is enlarged {scale:.2f} times (more than {limit:g}) and will look soft"]


class _Painter:
    """People on one canvas: what each strip needs is prepared once."""

    def __init__(
        self, people: Sequence[PlacedPerson], canvas: NDArray[Any], mask: NDArray[np.uint8] | None, threads: int
    ) -> None:
        self.people, self.canvas, self.mask, self.threads = people, canvas, mask, max(1, threads)
        frame = (canvas.shape[0], canvas.shape[1])
        self.defocus = Defocus.of([person.decisions for person in people], frame)
        beyond = sum(person.reach for person in people) + (self.defocus.reach if self.defocus else 0)
        self.halo = -(-beyond // ALIGN) * ALIGN  # what one blends into another one is blended with
        self.region = self._region(frame)

    def _region(self, frame: tuple[int, int]) -> tuple[int, int, int, int] | None:
        """Rows and columns (top, left, bottom, right) that anything changes in."""
        if self.defocus:
            return 0, 0, *frame
        regions = [region for person in self.people if (region := person.region) is not None]
        if not regions:
            return None
        tops, lefts, bottoms, rights = zip(*regions, strict=True)
        top, left = max(0, min(tops)) // ALIGN * ALIGN, max(0, min(lefts)) // ALIGN * ALIGN
        return top, left, min(frame[0], max(bottoms)), min(frame[1], max(rights))

    def paint(self, strip: int) -> None:
        """Work through the region from top to bottom, writing each strip into the canvas."""
        if self.region is None:
            return
        top, left, bottom, right = self.region
        above = self.canvas[0:0, left:right]  # rows above the strip as they were before they were painted over
        with ThreadPoolExecutor(self.threads) as pool:
            running: list[Future[None]] = []
            for start in range(top, bottom, strip):
                end = min(bottom, start + strip)
                high, low = max(top, start - self.halo), min(bottom, end + self.halo)
                # Copied here, in order: what a strip needs of its neighbors is taken before they are written.
                piece = np.concatenate([above[len(above) - (start - high) :], self.canvas[start:low, left:right]])
                above = piece[max(0, end - high - self.halo) : end - high].copy() if self.halo else above
                work = self._work(piece, (high, left), (start, end))
                if self.threads == 1:
                    work()
                    continue
                running.append(pool.submit(work))
                if len(running) > self.threads:
                    running.pop(0).result()
            for future in running:
                future.result()

    def _work(self, piece: NDArray[Any], at: tuple[int, int], rows: tuple[int, int]) -> Callable[[], None]:
        """The work on one strip: rows (start, end) of the frame, in a piece of the place that begins at `at`."""

        def work() -> None:
            mixed = self.defocus.apply(piece, at) if self.defocus else piece
            for person in self.people:  # all shadows first: they fall on the background only
                mixed = person.shade(mixed, at)
            kept = slice(rows[0] - at[0], rows[1] - at[0])
            columns = slice(at[1], at[1] + piece.shape[1])
            for person in self.people:
                mixed, alpha = person.blend(mixed, at)
                if self.mask is not None:
                    shown = self.mask[rows[0] : rows[1], columns]
                    np.maximum(shown, change_depth(alpha[kept], np.uint8), out=shown)
            self.canvas[rows[0] : rows[1], columns] = mixed[kept]

        return work
