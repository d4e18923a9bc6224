"""The frames that a video of composites is made of: a person's video, a place's, or both, matched by time."""

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.light import change_depth
from bgswap.compositing.resample import cover
from bgswap.compositing.video.smooth import Cuts
from bgswap.errors import PictureError, UsageError
from bgswap.folders import picture
from bgswap.folders.picture import Picture
from bgswap.folders.records import VIDEO_SUFFIXES, show
from bgswap.folders.video import Frame, Reader
from bgswap.folders.video_sound import Sound

SLACK = Fraction(3, 2000)  # ours: seconds by which stamps may be off; Matroska rounds them to milliseconds
Backdrop = Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]


def is_video(path: Path) -> bool:
    """Whether a path names a video, and not one of its frames."""
    return path.suffix.lower() in VIDEO_SUFFIXES


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Errors of reading a file tell its name."""
    try:
        yield
    except PictureError as cause:
        raise PictureError(f"{show(path)}: {cause}") from cause


@dataclass(frozen=True)
class Moment:
    """A frame to be made. stamp: ticks of Footage.tick; person, place: None where a still stands for all frames.

    place_index: of the place's frame. person_cut, place_cut: another shot begins in that video.
    """

    index: int
    stamp: int
    person: Picture | None
    place: NDArray[np.uint8] | None
    place_index: int = 0
    person_cut: bool = False
    place_cut: bool = False


class Footage:
    """Files of which one or both are videos, open for one reading. For `with`.

    The person's video leads, else the place's: its frames are those of the result. frame: "person" or "background",
    whose size that has.

    Raises:
        PictureError: a file cannot be read; with its name. UsageError: neither is a video.
    """

    def __init__(self, person: Path, background: Path | Backdrop, frame: str) -> None:
        self.person, self.background, self._fits = person, background, frame == "person"
        self.notes: tuple[str, ...] = ()
        self.still: Picture | None = None
        self._ground: NDArray[Any] | None = None
        self._readers: dict[Path, Reader] = {}
        self._covered: tuple[tuple[int, ...], NDArray[Any]] = ((), np.empty(0))
        self._lock = threading.Lock()
        place = background if isinstance(background, Path) else None
        if not is_video(person) and not (place and is_video(place)):
            raise UsageError("neither the person nor the place is a video")
        try:
            self._lead = self._open(person)
            self._place = self._open(place) if place else None
        except BaseException:
            self.close()
            raise
        if self._lead is None:
            self._lead, self._place = self._place, None

    def _open(self, path: Path) -> Reader | None:
        with named(path):
            if is_video(path):
                self._readers[path] = Reader(path)
                return self._readers[path]
            found = picture.read(path)
        if path == self.person:
            self.still = found
        else:
            self._ground = np.ascontiguousarray(change_depth(found.rgb, np.uint8))
        return None

    @property
    def _leading(self) -> Reader:
        assert self._lead is not None  # one of the two is a video
        return self._lead

    @property
    def rate(self) -> Fraction:
        """Frames a second of the result, on average."""
        return self._leading.rate

    @property
    def tick(self) -> Fraction:
        """Seconds of a tick, which moments are counted in."""
        return self._leading.tick

    @property
    def total(self) -> int:
        """How many frames there will be, as far as the files tell."""
        stamps, place = self._leading.stamps, self._place
        return len(stamps) if place is None else sum(s * self.tick + SLACK < place.seconds for s in stamps)

    def moments(self) -> Iterator[Moment]:
        """All frames in order, read by the thread that asks."""
        cuts, place = Cuts(), None if self._place is None else self._at_times()
        if place is not None:
            next(place)  # from here on it is sent times
        lead = self.background if self.still else self.person
        assert isinstance(lead, Path)
        with named(lead):
            frames = iter(self._leading)
        while True:
            with named(lead):
                frame = next(frames, None)
            if frame is None:
                break
            cut = cuts.next(frame.picture.rgb)
            if self.still:
                yield Moment(frame.index, frame.stamp, None, _colors(frame), frame.index, place_cut=cut)
                continue
            if place is None:
                yield Moment(frame.index, frame.stamp, frame.picture, None, person_cut=cut)
                continue
            shown = place.send(frame.stamp * self.tick)
            if shown is None:
                break
            other, place_cut = shown
            yield Moment(frame.index, frame.stamp, frame.picture, _colors(other), other.index, cut, place_cut)
        self._note()

    def _at_times(self) -> Generator[tuple[Frame, bool] | None, Fraction, None]:
        """Sent a time in seconds it gives the place's frame then, and whether a shot began since; None at the end."""
        reader, cuts = self._place, Cuts()
        assert reader is not None
        assert isinstance(self.background, Path)
        with named(self.background):
            frames = iter(reader)
            now = coming = next(frames, None)
            seconds = yield None
            while now is not None:
                cut = False
                while coming is not None and coming.stamp * reader.tick <= seconds + SLACK:
                    now, cut = coming, cuts.next(coming.picture.rgb) or cut
                    coming = next(frames, None)
                if coming is None and seconds + SLACK >= now.stamp * reader.tick + 1 / reader.rate:
                    break
                seconds = yield now, cut
        while True:
            yield None

    def _note(self) -> None:
        told = [f"{show(path)} {note}" for path, reader in self._readers.items() for note in reader.notes]
        self.notes = (*self.notes, *told)

    def background_of(self, moment: Moment, person: NDArray[Any]) -> NDArray[Any]:
        """The place (h, w, 3) of a moment, behind a cut-out (H, W, 4); it may be shared and is not to be written."""
        if moment.place is not None:
            return moment.place
        if self._ground is None:
            photo = moment.person or self.still
            assert photo is not None
            assert not isinstance(self.background, Path)
            return self.background(photo.rgb, person)
        if not self._fits or self._ground.shape[:2] == person.shape[:2]:
            return self._ground
        with self._lock:  # a large still is cropped and scaled once, not for every frame
            if self._covered[0] != person.shape[:2]:
                made, notes = cover(self._ground, (person.shape[0], person.shape[1]))
                self._covered, self.notes = (person.shape[:2], made), (*self.notes, *notes)
            return self._covered[1]

    def names(self, moment: Moment) -> tuple[str, str]:
        """Person and place of a moment, frames as VIDEO/INDEX; "" for a place that is made."""
        person = str(self.person) if self.still else f"{self.person}/{moment.index}"
        if not isinstance(self.background, Path):
            return person, ""
        return person, str(self.background) if moment.place is None else f"{self.background}/{moment.place_index}"

    def sound(self) -> Sound | None:
        """The person's sound, else the place's; None where there is none."""
        for path, reader in self._readers.items():
            with named(path):
                sound = Sound(path, reader.begin)
            if sound.present:
                return sound
            sound.close()
        return None

    def close(self) -> None:
        """Close all files."""
        for reader in self._readers.values():
            reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _colors(frame: Frame) -> NDArray[np.uint8]:
    return np.ascontiguousarray(frame.picture.rgb)
