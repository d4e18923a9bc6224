"""Boxes of people, read from mattes and from the lines that tell of places.

A box is x of the middle, y of the lower edge, width and height, as shares of the frame's width and height: upright,
NaN where it is not told. It may reach out of the frame.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields as names_of
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bgswap.compositing.decisions import Place
from bgswap.compositing.geometry import placement_matrix
from bgswap.compositing.outline import Outline, trace
from bgswap.compositing.placement import parse_place
from bgswap.errors import PictureError, UsageError

SOLID = 0.5  # alpha of pixels in the box, as compositing/outline.py has it
NAMES = tuple(field.name for field in names_of(Place))


def box_of_alpha(alpha: Tensor) -> Tensor:
    """The box around all pixels of alpha at least 0.5. (B, 1, H, W) 0..1 -> (B, 4), NaN where there are none."""
    height, width = alpha.shape[2:]
    top, bottom, found = _extent(alpha.amax((1, 3)) >= SOLID)
    left, right, _ = _extent(alpha.amax((1, 2)) >= SOLID)
    box = torch.stack([(left + right) / 2 / width, bottom / height, (right - left) / width, (bottom - top) / height], 1)
    return torch.where(found[:, None], box, torch.nan)


def _extent(marks: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(B, n) bool -> first mark, end of the last one, whether there is one; (B,) each."""
    there = marks.to(torch.uint8)
    return there.argmax(1), marks.shape[1] - there.flip(1).argmax(1), marks.any(1)


class Silhouette:
    """A person's form, read once from its cut-out, so that the exact upright box of any place is cheap, turned or not.

    alpha: (1, 1, H, W) 0..1 of the cut-out; frame: (height, width) in pixels of the result, the cut-out's own where
    None.
    """

    def __init__(self, alpha: Tensor, frame: tuple[int, int] | None = None) -> None:
        self.alpha, self.frame = alpha, frame or (alpha.shape[2], alpha.shape[3])

    @cached_property
    def _form(self) -> tuple[Outline, NDArray[np.float64]] | None:
        """The outline, and the corners of each row's first and last solid pixel as columns (x, y, 1).

        Nothing solid lies outside the convex hull of these corners, so that they bound it however it is turned.
        """
        matte = self.alpha[0, 0].mul(255).round_().to(torch.uint8).cpu().numpy()
        outline = trace(matte)
        if outline is None:
            return None
        top, left, bottom, right = outline.box
        solid = matte[top:bottom, left:right] >= 255 * SOLID
        kept = np.flatnonzero(solid.any(1))
        if not kept.size:
            return None
        first, end = solid.argmax(1)[kept] + left, right - solid[:, ::-1].argmax(1)[kept]
        x, y = np.concatenate([first, end, first, end]), np.concatenate([kept, kept, kept + 1, kept + 1]) + top
        return outline, np.stack([x, y, np.ones_like(x)]).astype(np.float64)

    def box(self, place: Place) -> Tensor:
        """Where the compositor would show the person, (4,); NaN where the matte is empty or nowhere solid."""
        if self._form is None:
            return _unknown(4)
        outline, corners = self._form
        x, y = placement_matrix(place, outline, self.frame) @ corners
        height, width = self.frame
        left, right, top, bottom = x.min() / width, x.max() / width, y.min() / height, y.max() / height
        return torch.tensor([(left + right) / 2, bottom, right - left, bottom - top], dtype=torch.float32)


def box_of_place(place: Any, person: float | Silhouette = math.nan) -> Tensor:
    """The box of a place, (4,) float32; NaN for None.

    place: a Place, an object with its names, [x, y, height, rotation, flip, score] (the first three are enough), or
    the text "x,y,height" that --place takes. person: a Silhouette gives the upright box around the person as turned
    and mirrored there. A number, the width over the height of its box in shares of the frame's sides, gives the box
    before the turn: how far a turned box reaches to the sides depends on who stands in it. NaN leaves the width open.

    Raises:
        PictureError: that is no place.
    """
    read = _place(place)
    if read is None:
        return _unknown(4)
    if isinstance(person, Silhouette):
        return person.box(read)
    return torch.tensor([read.x, read.y, person * read.height, read.height], dtype=torch.float32)


def of_fields(fields: Mapping[str, Any], role: str, person: float | Silhouette = math.nan) -> Tensor:
    """What a line of metadata tells of a placement, as a batch of one; NaN for what it does not tell.

    "predicted_box" (1, 4): of "place", as `bgswap composite` writes it. "true_box" (1, 4): the upright box that
    `bgswap augment --method placement` drew from, under "parameters", else the place "box_true". "candidates"
    (1, K, 4): the places of "candidates", by falling score where all of them have one, else as listed. "true_score"
    (1, 1): "score_true". "moved_scores" (1, K): "scores_moved". person: as for box_of_place; of the cut-out that the
    places are for.

    Raises:
        PictureError: a field holds something else.
        UsageError: no such role.
    """
    if role not in _READERS:
        raise UsageError(f"a line of metadata tells nothing of '{role}', only of {', '.join(_READERS)}")
    return _READERS[role](fields, person)[None]


def _predicted(fields: Mapping[str, Any], person: float | Silhouette) -> Tensor:
    return box_of_place(fields.get("place"), person)


def _true(fields: Mapping[str, Any], person: float | Silhouette) -> Tensor:
    drawn = fields.get("parameters")
    for name in ("placement", "true_box"):
        drawn = drawn.get(name) if isinstance(drawn, Mapping) else None
    if drawn is None:
        return box_of_place(fields.get("box_true"), person)
    top, left, bottom, right = _numbers(drawn, "parameters.placement.true_box", 4)
    return torch.tensor([(left + right) / 2, bottom, right - left, bottom - top])


def _candidates(fields: Mapping[str, Any], person: float | Silhouette) -> Tensor:
    told = fields.get("candidates")
    if told is not None and not _is_list(told):
        raise PictureError(f'"candidates" is a list of places, not {_shown(told)}')
    places = [place for place in map(_place, told or ()) if place is not None]
    if all(place.score is not None for place in places):
        places.sort(key=lambda place: -(place.score or 0.0))
    return torch.stack([box_of_place(place, person) for place in places]) if places else _unknown(1, 4)


def _true_score(fields: Mapping[str, Any], _: float | Silhouette) -> Tensor:
    return torch.tensor(_numbers([fields.get("score_true")], "score_true", 1))


def _moved_scores(fields: Mapping[str, Any], _: float | Silhouette) -> Tensor:
    return torch.tensor(_numbers(fields.get("scores_moved") or [None], "scores_moved"))


_READERS: dict[str, Callable[[Mapping[str, Any], float | Silhouette], Tensor]] = {
    "predicted_box": _predicted,
    "true_box": _true,
    "candidates": _candidates,
    "true_score": _true_score,
    "moved_scores": _moved_scores,
}


def _place(told: Any) -> Place | None:
    """A Place of any of its forms; None for None."""
    if told is None or isinstance(told, Place):
        return told
    try:
        if isinstance(told, str):
            return parse_place(told)
        given = told if isinstance(told, Mapping) else dict(zip(NAMES, told, strict=False)) if _is_list(told) else {}
        if len(given) != len(told) or not {"x", "y", "height"} <= set(given) <= set(NAMES):
            raise TypeError
        numbers = {name: value for name, value in given.items() if name != "flip" and value is not None}
        if not all(_is_number(value) for value in numbers.values()):
            raise TypeError
        return Place(**numbers, flip=bool(given.get("flip", False)))
    except (TypeError, UsageError):
        raise PictureError(
            f"a place is [x, y, height, rotation, flip, score] or an object with these names, with a height above 0, "
            f"not {_shown(told)}"
        ) from None


def _numbers(told: Any, name: str, count: int | None = None) -> list[float]:
    """The numbers of a list, NaN for null."""
    if not _is_list(told) or not all(one is None or _is_number(one) for one in told) or count not in (None, len(told)):
        raise PictureError(f'"{name}" holds {count or "a list of"} numbers, not {_shown(told)}')
    return [math.nan if one is None else float(one) for one in told]


def _is_list(told: Any) -> bool:
    return isinstance(told, Sequence) and not isinstance(told, str | bytes)


def _is_number(told: Any) -> bool:
    return isinstance(told, int | float) and not isinstance(told, bool)


def _shown(told: Any) -> str:
    text = repr(told)
    return text if len(text) <= 80 else text[:77] + "..."


def _unknown(*shape: int) -> Tensor:
    return torch.full(shape, torch.nan)
