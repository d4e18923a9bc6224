"""Videos of composites: a person's video, a place's, or both, frame by frame in constant memory.

Question: which frames meet? Choice: one video leads, the person's if there is one: its frames keep their time stamps,
and the place's frame is the one that shows at that time. Decision on threads: reading is one thread a video, encoding
the caller's own; in between whole frames are worked on side by side, and come out in order. Nothing hangs on how many.
"""

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.compose import compose_people
from bgswap.compositing.decide import LEARNED, UNDECIDED, CompositeSettings, decide
from bgswap.compositing.decider import Networks
from bgswap.compositing.decisions import Decisions
from bgswap.compositing.geometry import Matrix
from bgswap.compositing.outline import trace
from bgswap.compositing.video.footage import Backdrop, Footage, Moment, named
from bgswap.compositing.video.ordered import in_order, read_ahead, threads
from bgswap.compositing.video.smooth import Smoother, hold, place_of
from bgswap.errors import PictureError, UsageError
from bgswap.folders.picture import Picture
from bgswap.folders.records import show
from bgswap.folders.video_out import VideoOut, check_suffix, kept_size

Cut = Callable[[Picture], tuple[NDArray[Any], list[str]]]
Given = Decisions | Callable[[int], Decisions]
Composed = tuple[Moment, NDArray[Any], NDArray[np.uint8] | None]
FIGURES = re.compile(r"\d+(\.\d+)?")


@dataclass(frozen=True)
class VideoFiles:
    """person, background: a video or a picture, one of them a video; or what makes the place of a photo (H, W, 3) and
    its cut-out (H, W, 4), such as its own background blurred. out: the video that is written; mask: one of its alpha,
    gray, or None.
    """

    person: Path
    background: Path | Backdrop
    out: Path
    mask: Path | None = None

    def __post_init__(self) -> None:
        inputs = [path.absolute() for path in (self.person, self.background) if isinstance(path, Path)]
        outputs = [path.absolute() for path in (self.out, self.mask) if path is not None]
        for path in outputs:
            check_suffix(path)
            if path in inputs or outputs.count(path) > 1:
                raise UsageError(f"{show(path)} is named twice: a video needs a name of its own")


@dataclass(frozen=True)
class VideoDone:
    """What was made: how many frames, over how many seconds; each warning once, with the first frame that it is of.

    work_s: seconds of work by step, added up over threads.
    """

    frames: int
    seconds: float
    warnings: tuple[str, ...]
    work_s: dict[str, float]


@dataclass(frozen=True)
class Told:
    """What the caller hears while a video is made: frames done of how many; each frame's decisions, in order."""

    progress: Callable[[int, int], None] | None = None
    decisions: Callable[[Decisions], None] | None = None


def composite_video(
    files: VideoFiles,
    settings: CompositeSettings,
    cut: Cut,
    networks: Networks | None = None,
    *,
    smooth: float = 1.0,
    jobs: int = 1,
    given: Given | None = None,
    told: Told = Told(),
) -> VideoDone:
    """Write files.out, and files.mask: the person in the place, as long as the shorter video, with the sound that is.

    cut: a photo -> its cut-out (H, W, 4) and warnings; called from `jobs` threads. smooth: seconds over which decisions
    are averaged and through which places are held; 0: every frame by itself. given: decisions for all frames, or those
    of each by its number, which are then taken as they are. Equal frames, settings and machines give equal bytes.

    Raises:
        PictureError: a file cannot be read or written, a frame is damaged; with the file's name. No output is left.
        UsageError: neither is a video, or a name makes no sense. NotReady: PyAV is not installed.
    """
    with ExitStack() as stack:
        footage = stack.enter_context(Footage(files.person, files.background, settings.frame))
        work = _Work(footage, settings, cut, networks or Networks(), told)
        work.masked = files.mask is not None
        work.prepare(smooth, given)
        pool, reading = stack.enter_context(threads(jobs)), stack.enter_context(threads(1))
        moments = read_ahead(reading, work.read(), 1)
        decided = in_order(pool, work.decide, work.chained(moments), jobs)
        composed = in_order(pool, work.compose, work.smoothed(decided), jobs)
        return _write(files, work, composed, stack)


def _write(files: VideoFiles, work: "_Work", composed: Iterator[Composed], stack: ExitStack) -> VideoDone:
    """Encode what comes; the files take their names when the stack is left."""
    footage, count, last = work.footage, 0, 0
    videos: list[tuple[VideoOut, bool]] = []
    for moment, picture, mask in composed:
        if not videos:
            videos = _opened(files, work, (picture.shape[0], picture.shape[1]), stack)
        with work.timed("encode"):
            for video, matte in videos:
                video.write(mask if matte and mask is not None else picture, moment.stamp)
        count, last = count + 1, moment.stamp
        if work.told.progress:
            work.told.progress(count, max(count, footage.total))
    if not count:
        raise PictureError(f"{show(files.person)}: none of its frames can be decoded")
    notes = [text for _, text in sorted(work.warned.values())]
    seconds = float(last * footage.tick + 1 / footage.rate)
    return VideoDone(count, seconds, tuple(dict.fromkeys((*footage.notes, *notes))), work.spent)


def _opened(files: VideoFiles, work: "_Work", size: tuple[int, int], stack: ExitStack) -> list[tuple[VideoOut, bool]]:
    footage = work.footage
    videos = [(VideoOut(files.out, size, footage.rate, footage.tick, sound=footage.sound()), False)]
    stack.enter_context(videos[0][0])
    if files.mask is not None:
        videos.append((VideoOut(files.mask, size, footage.rate, footage.tick, matte=True), True))
        stack.enter_context(videos[1][0])
    kept = kept_size(files.out, size)
    if kept != size:
        sides = f"{size[1]}x{size[0]} to {kept[1]}x{kept[0]}"
        work.warn(f"H.264 has even sides only: cropped from {sides}; .webm keeps all", 0)
    return videos


@dataclass
class _Shot:
    """A frame on its way."""

    moment: Moment
    before: "Future[Matrix | None] | None"  # the affine that is held so far; None where a shot begins
    after: "Future[Matrix | None]"
    person: NDArray[Any] = field(default_factory=lambda: np.empty(0))
    background: NDArray[Any] = field(default_factory=lambda: np.empty(0))
    decisions: Decisions = UNDECIDED


class _Work:
    """The steps of one video; decide and compose may run on several threads, each on frames of its own."""

    def __init__(self, footage: Footage, settings: CompositeSettings, cut: Cut, networks: Networks, told: Told) -> None:
        self.footage, self.settings, self.networks, self.told = footage, settings, networks, told
        self.masked = False  # whether the people's alpha is wanted, too
        self.warned: dict[str, tuple[int, str]] = {}
        self.spent: dict[str, float] = {}
        self._lock = threading.Lock()
        self._cut = cut
        self._still = np.empty(0) if footage.still is None else self._cut_out(footage.still, 0)

    def prepare(self, smooth: float, given: Given | None) -> None:
        """smooth, given: as composite_video has them."""
        told = given or UNDECIDED
        self.each = told if callable(told) else lambda _: told
        seconds = 0.0 if callable(given) else smooth
        self.holds = seconds > 0
        self.smoother = Smoother(seconds, float(self.footage.rate))

    def read(self) -> Iterator[Moment]:
        """The footage's moments; the time that they take is counted."""
        moments = self.footage.moments()
        while True:
            with self.timed("read"):
                moment = next(moments, None)
            if moment is None:
                return
            yield moment

    def chained(self, moments: Iterable[Moment]) -> Iterator[_Shot]:
        """Every frame learns from the one before it which place is held, however they are worked on."""
        before: Future[Matrix | None] | None = None
        for moment in moments:
            after: Future[Matrix | None] = Future()
            begins = moment.person_cut or (moment.place_cut and self.settings.place == LEARNED)
            yield _Shot(moment, None if begins else before, after)
            before = after

    def decide(self, shot: _Shot) -> _Shot:
        """Cut the person out and decide, at the place that is held if any is."""
        try:
            return self._decide(shot)
        except BaseException as cause:
            if not shot.after.done():
                shot.after.set_exception(cause)
            raise

    def _decide(self, shot: _Shot) -> _Shot:
        moment = shot.moment
        shot.person = self._still if moment.person is None else self._cut_out(moment.person, moment.index)
        shot.background = self.footage.background_of(moment, shot.person)
        height, width = (shot.person if self.settings.frame == "person" else shot.background).shape[:2]
        given, outline, held = self.each(moment.index), trace(shot.person), None
        if shot.before is not None:
            held = shot.before.result()
        if held is not None:
            shot.after.set_result(held)
            if outline is not None:
                place = place_of(held, outline, (height, width))
                given = replace(given, place=place, missing=given.missing - {"place"})
        with self.timed("decide"):
            found = decide(shot.person, shot.background, self.settings, self.networks, given=given)
        if held is None:
            if self.holds and outline is not None and found.place is not None:
                held = hold(found.place, outline, (height, width))
                found = replace(found, place=place_of(held, outline, (height, width)))
            shot.after.set_result(held)
        person, place_name = self.footage.names(moment)
        shot.decisions = replace(found, key=f"{moment.index:06d}", person=person, background=place_name)
        return shot

    def smoothed(self, shots: Iterable[_Shot]) -> Iterator[_Shot]:
        """The decisions averaged over the frames so far, in order."""
        for shot in shots:
            if shot.moment.person_cut or shot.moment.place_cut:
                self.smoother.restart()
            shot.decisions = self.smoother.next(shot.decisions)
            for text in shot.decisions.warnings:
                self.warn(text, shot.moment.index)
            if self.told.decisions:
                self.told.decisions(shot.decisions)
            yield shot

    def compose(self, shot: _Shot) -> Composed:
        """The frame's picture and its alpha, full size."""
        size = shot.decisions.size
        assert size is not None  # decide always tells it
        mask = np.zeros(size, np.uint8) if self.masked else None
        with self.timed("compose"):
            done, more = compose_people(
                [(shot.person, shot.decisions)],
                shot.background,
                self.settings,
                size=size,
                mask=mask,
                networks=self.networks,
            )
        for text in more:
            self.warn(text, shot.moment.index)
        return shot.moment, done, mask

    def _cut_out(self, photo: Picture, index: int) -> NDArray[Any]:
        with self.timed("cut"), named(self.footage.person):
            person, warnings = self._cut(photo)
        for text in (*photo.notes, *warnings):
            self.warn(text, index)
        return person

    def warn(self, text: str, index: int) -> None:
        """Keep a warning of a frame; of those that differ in their figures only, the earliest frame's."""
        kind = FIGURES.sub("#", text)
        with self._lock:
            self.warned[kind] = min(self.warned.get(kind, (index, text)), (index, text))

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Count the seconds of a step."""
        begin = time.perf_counter()
        yield
        with self._lock:
            self.spent[step] = self.spent.get(step, 0.0) + time.perf_counter() - begin
