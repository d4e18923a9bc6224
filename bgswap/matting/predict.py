"""From a photo to its matte at full size: look, look closer, choose who stays, refine the edge, finish."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap import extensions
from bgswap.errors import UsageError
from bgswap.matting import edges, people
from bgswap.matting.bands import SURE, Part, sample, unknown
from bgswap.matting.look import Rough, Runner, full, look, shrink
from bgswap.matting.recursive import refine_recursively
from bgswap.matting.sam import look_at_point
from bgswap.matting.trimap import enforce, impose, read_trimap
from bgswap.zoo.choice import ModelOptions

REFINE = "bgswap.matting.refine"
MARGIN = 0.15  # ours: how much of the person's box is added on each side before looking closer
CLOSE = 0.8  # ours: with "auto", a second look is taken when that window is smaller than this share of the frame
GAIN = 0.5  # ours: a second look that finds less than this share of the first is not believed
ZOOMS = (0.5, 0.25)  # ours: windows, as shares of the frame, looked at around a point where nobody was seen
FLAT = 0.03  # ours: a picture whose values differ by less shows nothing
NOBODY = "no person found"


@dataclass(frozen=True)
class MatteSettings:
    """What `bgswap matte` can be told; sizes are pixels of the photo."""

    model: str = "people"
    refine: str = "guided"  # a file of matting/refine, or a run of a network that refines mattes
    passes: str | int = "auto"  # 1, 2 (look again, closer, at the person's box), "auto": 2 where the box is small
    who: str = "all"  # "all", "largest", "X,Y" (shares of the frame), "N" (the N-th from the left)
    colors: str = "own"  # "own" or "photo": see colors.cut_out
    grow: int = 0  # widens the matte; negative narrows it
    feather: float = 0.0  # standard deviation of a Gaussian
    invert: bool = False  # the background instead of the person
    band: int | None = None  # added to each side of the unknown band; None: two pixels of the network's grid
    sure: float = SURE  # the network's alpha counts as sure this near to 0 or 1
    ignore_alpha: bool = False  # look at what the photo's own alpha hides


@dataclass(frozen=True)
class Matte:
    """What was found in one photo."""

    alpha: NDArray[Any]  # (H, W), the photo's type
    warnings: list[str]
    box: tuple[int, int, int, int] | None  # left, top, right, bottom in pixels, ends not included; None: nobody
    confidence: float  # 0..1: how far from one half the network's alpha is, on average over the person
    people: int  # patches found, before the choice by `who`


class View(NamedTuple):
    """A look at a part of the photo, with the people chosen in it."""

    part: Part
    rough: Rough


class Matter:
    """A loaded matting network and how to use it. `estimate` may be called from several threads at once."""

    def __init__(self, model: Runner, settings: MatteSettings = MatteSettings(), refiner: Runner | None = None):
        """refiner: a network that works mattes over before the edge is made at full size."""
        if str(settings.passes) not in ("1", "2", "auto"):
            raise UsageError(f"--passes {settings.passes}: choose 1, 2 or auto.")
        self.model, self.settings = model, settings
        self.who = people.parse_who(settings.who)
        self.refiner = refiner
        self.refine = extensions.load(REFINE, MatteSettings.refine if refiner else settings.refine).refine

    def estimate(self, photo: NDArray[Any], trimap: NDArray[Any] | None = None) -> Matte:
        """The matte of a photo (H, W, 3 or 4) uint8 or uint16; with a trimap (H, W), only its grays are searched.

        Raises:
            PictureError: the trimap's size is not the photo's.
        """
        size = photo.shape[:2]
        colors = photo[..., :3]
        known = None if trimap is None else read_trimap(trimap, *size)
        first, found = self._first_look(colors, known)
        chosen = people.choose(found, self.who)
        warnings: list[str] = []
        view: View | None = None
        if chosen:
            view = self._closer(colors, first, found, chosen, known)
        elif self.who.kind == "point" and known is None:
            view, found = self._search(colors)
        if view is None:
            warnings.append(self._why_nobody(len(found)))
            alpha = np.zeros(size, photo.dtype)
        else:
            alpha, warnings = self._full_size(colors, view, known)
        alpha = self._finish(photo, alpha, warnings)
        box, confidence = _box(view, size), _confidence(view)
        return Matte(alpha, warnings, box, confidence, len(found))

    def _first_look(self, photo: NDArray[Any], known: NDArray[np.uint8] | None) -> tuple[Rough, people.People]:
        parts = getattr(self.model, "parts", None)
        if isinstance(parts, Mapping) and "decoder" in parts:  # sam answers for a point, the middle if none is given
            x, y = (self.who.x, self.who.y) if self.who.kind == "point" else (0.5, 0.5)
            first = look_at_point((parts["encoder"], parts["decoder"]), photo, x, y)
        else:
            first = look(self.model, photo)
        if known is not None:
            first = impose(first, known)
        elif np.ptp(first.photo) < FLAT:  # networks have opinions even about plain black
            first = replace(first, alpha=np.zeros_like(first.alpha))
        return first, people.find_people(first.alpha)

    def _closer(
        self,
        photo: NDArray[Any],
        first: Rough,
        found: people.People,
        chosen: list[int],
        known: NDArray[np.uint8] | None,
    ) -> View:
        """The first look, or a second one at the box of the people chosen where that is worth it."""
        size = photo.shape[:2]
        everything = Part(0, size[0], 0, size[1])
        if known is not None and self.who.kind == "all":
            return View(everything, first)  # the trimap says who
        share = people.share_of(found, chosen)
        first = replace(first, alpha=first.alpha * share)
        window = _window(people.box_of(found, chosen), *size)
        if known is not None or not self._worth(window, size):
            return View(everything, first)
        second = look(self.model, photo[window.slices])
        grid = cast(tuple[int, int], second.alpha.shape)
        second = replace(second, alpha=second.alpha * sample(share, window, size, grid))
        before = sample(first.alpha, window, size, grid)
        if (second.alpha > 0.5).sum() < GAIN * (before > 0.5).sum():
            return View(everything, first)
        return View(window, second)

    def _worth(self, window: Part, size: tuple[int, int]) -> bool:
        if str(self.settings.passes) != "auto":
            return str(self.settings.passes) == "2"
        # measured for networks that keep the aspect; squared ones (rembg's) are used as rembg does
        small = max(window.bottom - window.top, window.right - window.left) < CLOSE * max(size)
        return small and self.model.card.input.fit == "longest"

    def _search(self, photo: NDArray[Any]) -> tuple[View | None, people.People]:
        """Look closer and closer around a point where the user sees somebody and the first look saw nobody."""
        height, width = photo.shape[:2]
        found = people.find_people(np.zeros((1, 1), np.float32))
        for zoom in ZOOMS:
            rows, columns = max(1, round(height * zoom)), max(1, round(width * zoom))
            top = min(max(0, round(self.who.y * height - rows / 2)), height - rows)
            left = min(max(0, round(self.who.x * width - columns / 2)), width - columns)
            part = Part(top, top + rows, left, left + columns)
            rough = look(self.model, photo[part.slices])
            found = people.find_people(rough.alpha)
            x, y = (self.who.x * width - left) / columns, (self.who.y * height - top) / rows
            chosen = people.choose(found, replace(self.who, x=min(x, 1.0), y=min(y, 1.0)))
            if chosen:
                share = people.share_of(found, chosen)
                return View(part, replace(rough, alpha=rough.alpha * share)), found
        return None, found

    def _why_nobody(self, found: int) -> str:
        if not found:
            return f"{NOBODY}; if there is a small one, point at it: --who X,Y"
        who = self.settings.who
        return f"{NOBODY} for --who {who}: {found} found in the photo"

    def _full_size(
        self, photo: NDArray[Any], view: View, known: NDArray[np.uint8] | None
    ) -> tuple[NDArray[Any], list[str]]:
        """The view's matte at full size, refined; nothing outside the view."""
        pixels = photo[view.part.slices]
        if self.refiner is not None:
            view = view._replace(rough=self._worked_over(view.rough, pixels))
        if known is not None:
            alpha, warnings = self.refine(view.rough, pixels, (known == 128).astype(np.uint8))
            return enforce(alpha, known), list(warnings)
        band = unknown(view.rough.alpha, self._reach(view), self.settings.sure)
        alpha, warnings = self.refine(view.rough, pixels, band)
        if alpha.shape != photo.shape[:2]:
            whole = np.zeros(photo.shape[:2], photo.dtype)
            whole[view.part.slices] = alpha
            alpha = whole
        return alpha, list(warnings)

    def _worked_over(self, rough: Rough, photo: NDArray[Any]) -> Rough:
        """The refining network's matte, on its own finer grid."""
        refiner = self.refiner
        assert refiner is not None
        alpha = refine_recursively(photo, rough.alpha, lambda planes: refiner(planes)[0])
        seen = np.multiply(shrink(photo, *alpha.shape), 1 / full(photo), dtype=np.float32)
        return Rough(alpha, seen)

    def _reach(self, view: View) -> int:
        """How far the unknown band is widened, in pixels of the small grid."""
        if self.settings.band is None:
            return 2
        longest = max(view.part.bottom - view.part.top, view.part.right - view.part.left)
        return round(self.settings.band * max(view.rough.alpha.shape) / longest)

    def _finish(self, photo: NDArray[Any], alpha: NDArray[Any], warnings: list[str]) -> NDArray[Any]:
        settings = self.settings
        alpha = edges.feather(edges.grow(alpha, settings.grow), settings.feather)
        if settings.invert:
            alpha = full(photo) - alpha
        if photo.shape[2] == 4 and not settings.ignore_alpha and photo[..., 3].min() < full(photo):
            alpha = cv2.multiply(alpha, np.ascontiguousarray(photo[..., 3]), scale=1 / full(photo))
            warnings.append("the photo is already partly transparent: that stays so (--ignore-alpha takes no notice)")
        return np.asarray(alpha)


def load_matter(settings: MatteSettings, model: ModelOptions, threads: int = 1) -> tuple[Matter, tuple[str, ...]]:
    """A Matter with its networks, and what the user should be told of them.

    Raises:
        UsageError: `refine` is a run of another kind.
        NotReady, BgswapError: as `bgswap.zoo.loader.load` does.
    """
    loaded = model.load(settings.model, threads)
    if settings.refine in extensions.names(REFINE):
        return Matter(loaded, settings), loaded.notes
    refiner = model.load(settings.refine, threads)
    if refiner.card.task != "refine":
        raise UsageError(f"--refine {settings.refine} is a run for the task '{refiner.card.task}', not for 'refine'.")
    return Matter(loaded, settings, refiner), loaded.notes + refiner.notes


def _window(box: tuple[float, float, float, float], height: int, width: int) -> Part:
    """A box in shares of the frame, with a margin, in whole pixels."""
    left, top, right, bottom = box
    across, down = (right - left) * MARGIN, (bottom - top) * MARGIN
    return Part(
        max(0, int((top - down) * height)),
        min(height, int(np.ceil((bottom + down) * height))),
        max(0, int((left - across) * width)),
        min(width, int(np.ceil((right + across) * width))),
    )


def _box(view: View | None, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """The box of what a view shows, in pixels of the photo (H, W)."""
    if view is None or not (view.rough.alpha > 0.5).any():
        return None
    part, alpha = view.part, view.rough.alpha
    rows, columns = (np.flatnonzero((alpha > 0.5).any(axis=axis)) for axis in (1, 0))
    down, across = (part.bottom - part.top) / alpha.shape[0], (part.right - part.left) / alpha.shape[1]
    left, top = part.left + int(columns[0] * across), part.top + int(rows[0] * down)
    right, bottom = (np.ceil((end[-1] + 1) * step) for end, step in ((columns, across), (rows, down)))
    return left, top, min(size[1], part.left + int(right)), min(size[0], part.top + int(bottom))


def _confidence(view: View | None) -> float:
    if view is None:
        return 0.0
    alpha = view.rough.alpha[view.rough.alpha > 0.1]
    return float(np.abs(2 * alpha - 1).mean()) if alpha.size else 0.0
