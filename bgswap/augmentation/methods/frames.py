"""Show person and place in two neighboring frames, moved a little or from a video, under one recolor, with the flow.

Truth for temporal losses and flicker (Huang et al., arXiv 1809.01372, make such pairs of single pictures). The place
moves as a camera that is held by hand: its velocity keeps most of itself from step to step, and it is drawn back to
where it began. The person moves with the place and a little of its own. Colors are changed before anything
moves, by one mapping, so that both frames show the same person.
"""

import math
from collections.abc import Mapping
from random import Random
from typing import Any

import torch
from torch import Tensor

from bgswap.augmentation import flow
from bgswap.augmentation.frame import Scene
from bgswap.augmentation.methods import recolor
from bgswap.augmentation.ranges import FramesRanges, RecolorRanges
from bgswap.augmentation.tensors import Affine, premultiplied, to_pixels

INPUTS = ("photo", "foreground", "alpha", "plate", "reference", "reference_alpha")
OPTIONAL = ("plate", "previous_photo", "previous_foreground", "previous_alpha")
OUTPUTS = (
    "composite",
    "alpha",
    "previous_composite",
    "previous_alpha",
    "composite_true",
    "previous_composite_true",
    "flow_true",
)

PULL = 0.05  # ours: share of the way back to its start that a step takes, so that long paths stay near
PURE = 0.05  # ours: a pixel with more of the other layer shows two motions at once: no flow is true of it
TAPS = 3  # pixels beyond which the bicubic filter sees nothing
TOGETHER = 0.25  # ours: pixels by which the two layers may move apart and still count as one motion


def draw(random: Random, scene: Scene, ranges: FramesRanges, recolors: RecolorRanges | None = None) -> dict[str, Any]:
    """The whole path and one recolor.

    place, person: affines (2, 3) on the frame's pixels, one for each of the steps + 1 frames, the first the identity.
    step: which pair of frames is shown, see `at_step`. recolor: the numbers of methods/recolor.py, drawn from
    `recolors`.
    """
    height, width = scene.size
    top, left, bottom, right = scene.box
    own = ranges.person
    place = _path(random, ranges, max(height, width), (width / 2, height / 2), 1.0)
    apart = _path(random, ranges, max(height, width), ((left + right) / 2, (top + bottom) / 2), own)
    return {
        "step": 1,
        "place": place,
        "person": [flow.chained(mine, its) for mine, its in zip(apart, place, strict=True)],
        "recolor": recolor.draw(random, scene, recolors or RecolorRanges()),
    }


def at_step(drawn: Mapping[str, Any], step: int) -> dict[str, Any]:
    """The same path and colors, for the pair of frames (step - 1, step); steps count from 1 and stay on the path."""
    return {**drawn, "step": min(max(1, step), len(drawn["place"]) - 1)}


def apply(pictures: Mapping[str, Tensor], drawn: Mapping[str, Any]) -> dict[str, Tensor]:
    """Make a pair of frames; see INPUTS and `draw`.

    With previous_photo (3, H, W), previous_alpha (1, H, W) and previous_foreground (3, H, W), the neighboring frames
    of a video, nothing is moved and the flow is estimated; else it is exact. Without a plate the photo moves as a
    whole. flow_true (3, H, W) holds x, y in pixels and 1 where it is valid, else 0: bgswap/augmentation/flow.py
    encodes it.
    """
    if "previous_photo" in pictures:
        return _filmed(pictures, drawn)
    step = drawn["step"]
    places, people = (drawn[name][step - 1 : step + 1] for name in ("place", "person"))
    layer, place = _layers(pictures, drawn)
    if place is None:
        people = places
    before, now = (_seen(layer, place, *moves) for moves in zip(people, places, strict=True))
    truth = _flow(before[2], now[2], people, places)
    return _named(before, now, truth)


def _path(
    random: Random, ranges: FramesRanges, long: int, pivot: tuple[float, float], share: float
) -> list[list[list[float]]]:
    """Affines of a path that begins at rest in the identity: shift, turn and growth about a pivot (x, y)."""
    length = random.uniform(*ranges.shift) * long * share
    most = (length, length, math.log1p(ranges.scale) * share, math.radians(ranges.rotation) * share)
    pose, speed = [0.0] * 4, _push(random, most)
    path = [_affine(pose, pivot)]
    for _ in range(ranges.steps):
        push = _push(random, most)
        keep = ranges.damping
        speed = [keep * v + (1 - keep) * w - PULL * p for v, w, p in zip(speed, push, pose, strict=True)]
        pose = [p + v for p, v in zip(pose, speed, strict=True)]
        path.append(_affine(pose, pivot))
    return path


def _push(random: Random, most: tuple[float, float, float, float]) -> list[float]:
    """A velocity: a shift of given length anywhere, and growth and turn up to their most."""
    toward = random.uniform(0, 2 * math.pi)
    unit = (math.cos(toward), math.sin(toward), random.uniform(-1, 1), random.uniform(-1, 1))
    return [share * bound for share, bound in zip(unit, most, strict=True)]


def _affine(pose: list[float], pivot: tuple[float, float]) -> list[list[float]]:
    x, y, growth, turn = pose
    cos, sin = math.exp(growth) * math.cos(turn), math.exp(growth) * math.sin(turn)
    shift_x = pivot[0] + x - cos * pivot[0] - sin * pivot[1]
    shift_y = pivot[1] + y + sin * pivot[0] - cos * pivot[1]
    return [[cos, sin, shift_x], [-sin, cos, shift_y]]


def _layers(pictures: Mapping[str, Tensor], drawn: Mapping[str, Any]) -> tuple[Tensor, Tensor | None]:
    """What moves: recolored and true colors and alpha (7, H, W), and the place (3, H, W).

    With a plate both colors are the person's, premultiplied; without, the whole photo's, and there is no place.
    """
    alpha = pictures["alpha"]
    photo, true, changed = _recolored(pictures, "", drawn, _mapping(pictures, drawn))
    if "plate" in pictures:
        plate = recolor.jittered({"photo": pictures["plate"], "foreground": true}, drawn["recolor"])["photo"]
        return torch.cat([premultiplied(changed, alpha)[:3], premultiplied(true, alpha)]), plate
    return torch.cat([torch.addcmul(photo, alpha, changed - true).clamp_(0, 1), photo, alpha]), None


def _mapping(pictures: Mapping[str, Tensor], drawn: Mapping[str, Any]) -> Any:
    """The transfer of colors, from the present person alone."""
    true = recolor.jittered(pictures, drawn["recolor"])["foreground"]
    others = pictures.get("reference"), pictures.get("reference_alpha")
    return recolor.mapping(true, pictures["alpha"], *others, drawn["recolor"])


def _recolored(
    pictures: Mapping[str, Tensor], before: str, drawn: Mapping[str, Any], mapping: Any
) -> tuple[Tensor, Tensor, Tensor]:
    """Photo, true colors and changed colors of the person, all (3, H, W), in one of a video's frames."""
    both = {name: pictures[before + name] for name in ("photo", "foreground")}
    both = recolor.jittered(both, drawn["recolor"])
    photo, true = both["photo"], both["foreground"]
    where = pictures[before + "alpha"][0] > 0
    changed = true.clone()
    changed[:, where] = recolor.recolored(true[:, where], mapping, drawn["recolor"])
    return photo, true, changed


def _seen(layer: Tensor, place: Tensor | None, person: Affine, ground: Affine) -> tuple[Tensor, Tensor, Tensor]:
    """Composite, true composite and alpha of one frame."""
    moved = _moved(layer, person, None if place is None else layer[6])
    if place is None:
        moved = moved.clamp(0, 1)
        return moved[:3], moved[3:6], moved[6:]
    # The filter swings beyond 1 beside an edge; colors are brought back with alpha, or a bright line would show.
    moved = moved / moved[6:].clamp_min(1)
    alpha = moved[6:].clamp_min(0)
    behind = _moved(place, ground).clamp(0, 1) * (1 - alpha)
    return (moved[:3] + behind).clamp_(0, 1), (moved[3:6] + behind).clamp_(0, 1), alpha


def _moved(picture: Tensor, matrix: Affine, alpha: Tensor | None = None) -> Tensor:
    """Pictures (C, H, W) through an affine; where alpha (H, W) is given and 0 they hold nothing."""
    if [list(row) for row in matrix] == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]:
        return picture
    rows, columns = (slice(None), slice(None)) if alpha is None else _reach(alpha, matrix)
    at = flow.centers(picture.shape[1:], picture)[:, rows, columns]
    moved = torch.zeros_like(picture)
    moved[:, rows, columns] = flow.sample(picture, flow.through(at, flow.inverse(matrix)))
    return moved


def _reach(alpha: Tensor, matrix: Affine) -> tuple[slice, slice]:
    """Rows and columns that an affine may bring what (H, W) shows to; all of them at a border that mirrors it."""
    spans = [(alpha.amax(axis) > 0).nonzero()[:, 0] for axis in (1, 0)]
    if not len(spans[0]):
        return slice(0, 0), slice(0, 0)
    (top, bottom), (left, right) = ((int(span[0]) - TAPS, int(span[-1]) + 1 + TAPS) for span in spans)
    corners = torch.tensor([[left, right, left, right], [top, top, bottom, bottom]], dtype=torch.float64)
    x, y = flow.through(corners, matrix)
    height, width = alpha.shape
    return (
        slice(0 if top < 0 else max(0, math.floor(y.min())), height if bottom > height else max(0, math.ceil(y.max()))),
        slice(0 if left < 0 else max(0, math.floor(x.min())), width if right > width else max(0, math.ceil(x.max()))),
    )


def _flow(before: Tensor, now: Tensor, people: list[Affine], places: list[Affine]) -> Tensor:
    """The flow between two frames whose alphas (1, H, W) and affines are known: (3, H, W) with validity.

    The person's motion where alpha is at least half, else the place's. Not valid: what was hidden or outside the frame,
    what is mirrored at a border, and pixels that mix two layers that move apart.
    """
    at = flow.centers(now.shape[1:], now)
    person, place = flow.of_affines(people[0], people[1], at), flow.of_affines(places[0], places[1], at)
    is_person = now[0] >= 0.5
    shift = torch.where(is_person, person, place)
    source = torch.where(
        is_person, flow.through(at, flow.inverse(people[1])), flow.through(at, flow.inverse(places[1]))
    )
    was = flow.sample(before, at + shift, "bilinear")[0]
    pure = torch.where(is_person, torch.minimum(now[0], was) > 1 - PURE, torch.maximum(now[0], was) < PURE)
    together = (person - place).abs().amax(0) < TOGETHER
    size = now.shape[1:]
    valid = flow.inside(at + shift, size) & flow.inside(source, size) & (pure | together)
    return torch.cat([shift, valid[None].to(shift.dtype)])


def _filmed(pictures: Mapping[str, Tensor], drawn: Mapping[str, Any]) -> dict[str, Tensor]:
    mapping, frames = _mapping(pictures, drawn), []
    for before in ("previous_", ""):
        photo, true, changed = _recolored(pictures, before, drawn, mapping)
        alpha = pictures[f"{before}alpha"]
        frames.append((torch.addcmul(photo, alpha, changed - true).clamp_(0, 1), photo, alpha))
    shift, valid = flow.estimate(to_pixels(pictures["previous_photo"]), to_pixels(pictures["photo"]))
    truth = torch.cat([torch.from_numpy(shift).permute(2, 0, 1), torch.from_numpy(valid)[None].float()])
    return _named(frames[0], frames[1], truth.to(pictures["photo"]))


def _named(
    before: tuple[Tensor, Tensor, Tensor], now: tuple[Tensor, Tensor, Tensor], truth: Tensor
) -> dict[str, Tensor]:
    return {
        "composite": now[0],
        "alpha": now[2],
        "previous_composite": before[0],
        "previous_alpha": before[2],
        "composite_true": now[1],
        "previous_composite_true": before[1],
        "flow_true": truth,
    }
