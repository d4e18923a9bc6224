"""One sample: numbers are drawn from (seed, key, copy), then applied to pictures, for the command and for training.

`draw` sees sizes and the person's box, never a pixel, and gives JSON; `apply` gives the same pictures for the same
JSON whoever calls it, so that a line of metadata.jsonl is enough to make its sample again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from random import Random
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from bgswap import extensions
from bgswap.augmentation.cutting import PLACES, Read, cut_all, matte_of, person_of
from bgswap.augmentation.frame import Window, covering, draw_window, frame_size, mirrored, scene_of
from bgswap.augmentation.ranges import RANGES, FrameRanges, TripletRanges
from bgswap.compositing.outline import Outline
from bgswap.errors import UsageError
from bgswap.folders.shared import Shared
from bgswap.folders.task import CACHE_BYTES

METHODS = "bgswap.augmentation.methods"
CHAINED = ("recolor", "relight")  # they change the person's colors only, so that one can follow the other
DIGITS = 6  # ours: a hundredth of a pixel in 10,000

Fuse = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class SampleSettings:
    """What samples are made, and from which ranges.

    size: (height, width) of the frame, None for the photo's own. ranges: one dataclass of ranges.py a method,
    in their order; left out ones have their defaults.
    """

    methods: tuple[str, ...] = ("recolor",)
    seed: int = 0
    size: tuple[int, int] | None = (256, 256)
    frame: FrameRanges = field(default_factory=FrameRanges)
    ranges: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        if not self.methods:
            raise UsageError("name a --method")
        if len(self.methods) > 1 and not set(self.methods) <= set(CHAINED):
            raise UsageError(
                f"only {' and '.join(CHAINED)} can follow one another: make the others in runs of their own"
            )
        if len(set(self.methods)) < len(self.methods):
            raise UsageError("each --method counts once")

    def of(self, method: str) -> Any:
        """The ranges of a method."""
        kind = RANGES.get(method)
        given = [one for one in self.ranges if kind and isinstance(one, kind)]
        return given[0] if given else kind() if kind else None

    def easy(self) -> "SampleSettings":
        """The same where no fusion network is at hand: all triplets are easy."""
        if "triplet" not in self.methods:
            return self
        others = tuple(one for one in self.ranges if not isinstance(one, TripletRanges))
        return replace(self, ranges=(*others, replace(self.of("triplet"), hard=0.0)))

    @property
    def name(self) -> str:
        """How samples call what made them."""
        return "+".join(self.methods)


@dataclass(frozen=True)
class Tools:
    """What is loaded once and used by many samples.

    fuse: a trained fusion network (image, alpha, background) -> composite; normals: a network's normals of a photo
    (3, H, W) -> (3, H, W) 0..1; fill: decoys into a plate; shared: what the copies of a photo have in common.
    """

    fuse: Fuse | None = None
    normals: Callable[[Tensor], Tensor] | None = None
    fill: Any = None
    shared: Shared = field(default_factory=lambda: Shared(CACHE_BYTES))


@dataclass
class Sample:
    """pictures: (C, H, W) float32 0..1 by role, inputs first; fields: `parameters`, and `box_true` for placement."""

    pictures: dict[str, Tensor]
    fields: dict[str, Any] = field(default_factory=dict)


@cache
def method(name: str) -> ModuleType:
    """The module of a method."""
    return extensions.load(METHODS, name)


def outputs(settings: SampleSettings) -> tuple[str, ...]:
    """The roles of a sample's pictures, inputs first."""
    roles: tuple[str, ...] = method(settings.methods[0]).OUTPUTS
    return roles


def make(
    read: Read, key: str, copy: int, settings: SampleSettings, tools: Tools | None = None, step: int = 1
) -> Sample:
    """Draw a sample and make it.

    Args:
        read: uint8 pictures by role: "photo" (H, W, 3) and the person as "foreground" (H, W, 4) or "alpha" (H, W), all
            of one shape; "plate" as the photo; "background", "busy" of any size; "reference" (h, w, 3 or 4) with
            "reference_alpha" (h, w) unless it is a cut-out; "decoy_<i>" (h, w) mattes of other people.
        key: of the photo.
        copy: which of its samples.
        settings: what to make.
        tools: networks, and the fill of decoys, that some methods use.
        step: of a sequence of frames, from 1.

    Raises:
        PictureError: nobody is seen, or pictures do not fit each other.
    """
    outline = person_of(read)
    return apply(read, draw(read, outline, key, copy, settings, step), settings, tools or Tools())


def draw(read: Read, outline: Outline, key: str, copy: int, settings: SampleSettings, step: int = 1) -> dict[str, Any]:
    """Everything that makes a sample, as JSON. Of `read` only the sizes are used."""
    chosen = Random(f"{settings.seed} {key} {copy}")
    window = mirrored(chosen, _window(chosen, outline, settings), settings.frame.flip)
    size = frame_size(window, matte_of(read).shape, settings.size)
    scene = scene_of(outline, window, size)
    soften = 0.0 if settings.methods == ("matting",) else settings.frame.soften  # matting does it only over new places
    parameters: dict[str, Any] = {"size": list(size), "window": window.as_json(), "soften": soften}
    for role in PLACES:
        if role in read:
            part = covering(read[role].shape[:2], size, chosen, settings.frame.crop)
            parameters[role] = mirrored(chosen, part, settings.frame.flip).as_json()
    for name in settings.methods:
        module = method(name)
        ranges = [settings.of(name), *([settings.of("recolor")] if name == "frames" else [])]  # these are recolored too
        drawn = module.draw(Random(f"{settings.seed} {key} {copy} {name}"), scene, *ranges)
        if hasattr(module, "draw_photo"):  # what all copies of a photo have in common
            drawn |= module.draw_photo(Random(f"{settings.seed} {key} {name}"), settings.of(name))
        parameters[name] = module.at_step(drawn, step) if hasattr(module, "at_step") else drawn
    short: dict[str, Any] = _short(parameters)
    return short


def _window(chosen: Random, outline: Outline, settings: SampleSettings) -> Window:
    """The method's own window, where it draws one, else one about the person."""
    (rows, columns), name = outline.size, settings.methods[0]
    aspect = settings.size[1] / settings.size[0] if settings.size else None
    if not hasattr(method(name), "draw_window"):
        return draw_window(chosen, outline, aspect, settings.frame)
    drawn = method(name).draw_window(chosen, (rows, columns), outline.box, aspect or columns / rows, settings.of(name))
    return Window(drawn[0] / rows, drawn[1] / columns, drawn[2] / rows, drawn[3] / columns)


def _short(value: Any) -> Any:
    """The same JSON with numbers of DIGITS decimals: a line stays readable, and what is applied is what it says."""
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, Mapping):
        return {name: _short(one) for name, one in value.items()}
    return [_short(one) for one in value] if isinstance(value, list | tuple) else value


def apply(read: Read, parameters: Mapping[str, Any], settings: SampleSettings, tools: Tools) -> Sample:
    """Make the sample that `parameters` tell of, from the pictures that they were drawn for."""
    for name in settings.methods:
        if hasattr(method(name), "prepare"):  # what is done at the photo's own size
            read = method(name).prepare(read, parameters[name], tools)
    pictures = cut_all(read, parameters)
    if tools.normals and "normals" not in pictures:
        pictures["normals"] = tools.normals(pictures["photo"])
    extra = {"fuse": tools.fuse} if tools.fuse else {}
    for name in settings.methods:
        made = method(name).apply(pictures, parameters[name], **(extra if name == "triplet" else {}))
        pictures = {**pictures, **made}
    if settings.methods[0] in CHAINED:
        pictures |= composed(pictures)
    fields: dict[str, Any] = {}
    last = method(settings.methods[-1])
    if hasattr(last, "facts"):
        fields |= last.facts(pictures, parameters[settings.methods[-1]])
    return Sample({role: pictures[role] for role in outputs(settings)}, {**fields, "parameters": dict(parameters)})


def composed(pictures: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The photo with its person's changed colors, and the photo: equal to the bit where alpha is 0.

    I' = I + alpha (F' - F), which is alpha F' + (1 - alpha) B where I = alpha F + (1 - alpha) B.
    """
    photo, change = pictures["photo"], pictures["foreground"] - pictures["foreground_true"]
    return {"composite": torch.addcmul(photo, pictures["alpha"], change).clamp_(0, 1), "composite_true": photo}


def needs(settings: SampleSettings) -> Sequence[str]:
    """The roles that the methods cannot do without."""
    roles = dict.fromkeys(role for name in settings.methods for role in _inputs(method(name), settings.of(name)))
    if getattr(settings.of("triplet"), "hard", 0) and "triplet" in settings.methods:
        roles |= dict.fromkeys(method("triplet").HARD_INPUTS)
    return [role for role in roles if role not in welcome(settings)]


def _inputs(module: ModuleType, ranges: Any) -> Sequence[str]:
    """What a method reads; some ranges leave something out."""
    found: Sequence[str] = module.inputs(ranges) if hasattr(module, "inputs") else module.INPUTS
    return found


def welcome(settings: SampleSettings) -> Sequence[str]:
    """The roles that they use where they are there."""
    return [role for name in settings.methods for role in getattr(method(name), "OPTIONAL", ())]
