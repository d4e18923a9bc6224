"""One sample: numbers are drawn from (seed, key, copy), then applied to pictures, for the command and for training.

`draw` sees sizes and the person's box, never a pixel, and gives JSON; `apply` gives the same pictures for the same
JSON whoever calls it, so that a line of metadata.jsonl is enough to make its sample again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from random import Random
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bgswap import extensions
from bgswap.augmentation.edges import softened
from bgswap.augmentation.frame import (
    Window,
    covering,
    cut,
    cut_straight,
    draw_window,
    frame_size,
    mirrored,
    scene_of,
)
from bgswap.augmentation.ranges import RANGES, FrameRanges
from bgswap.augmentation.tensors import as_file, to_pixels, to_tensor
from bgswap.compositing.outline import Outline, trace
from bgswap.errors import PictureError, UsageError
from bgswap.folders.shared import Shared
from bgswap.folders.task import CACHE_BYTES
from bgswap.matting.colors import cut_out

METHODS = "bgswap.augmentation.methods"
CHAINED = ("recolor", "relight")  # they change the person's colors only, so that one can follow the other
PLACES = ("background", "busy")  # cut to cover the frame, anywhere; all else is cut as the photo is
OUTLINED = 320  # ours: longest side of a matte whose box is looked for; all that follows is told in shares of it
DIGITS = 6  # ours: a hundredth of a pixel in 10,000
REFERENCE = 256  # ours: longest side at which another person's colors are looked at

Read = Mapping[str, NDArray[np.uint8]]
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


def person_of(read: Read) -> Outline:
    """The outline of the person in its photo, in pixels of its matte thinned out. PictureError where that is empty."""
    matte = matte_of(read)
    step = max(1, max(matte.shape) // OUTLINED)
    found = trace(matte[::step, ::step])
    if found is None or found.height == 0 or found.width == 0:
        raise PictureError("its matte shows nobody")
    return found


def matte_of(read: Read) -> NDArray[np.uint8]:
    """The person's matte (H, W), from whichever role has it; PictureError where none has."""
    if "alpha" in read:
        return read["alpha"]
    if "foreground" in read:
        return read["foreground"][..., 3]
    raise PictureError("no matte: name cut-outs with --foreground, or mattes with --alpha")


def draw(read: Read, outline: Outline, key: str, copy: int, settings: SampleSettings, step: int = 1) -> dict[str, Any]:
    """Everything that makes a sample, as JSON. Of `read` only the sizes are used."""
    chosen = Random(f"{settings.seed} {key} {copy}")
    aspect = settings.size[1] / settings.size[0] if settings.size else None
    own = getattr(method(settings.methods[0]), "draw_window", None)
    if own:
        top, left, height, width = own(
            chosen,
            outline.size,
            outline.box,
            aspect or outline.size[1] / outline.size[0],
            settings.of(settings.methods[0]),
        )
        rows, columns = outline.size
        window = Window(top / rows, left / columns, height / rows, width / columns)
    else:
        window = draw_window(chosen, outline, aspect, settings.frame)
    window = mirrored(chosen, window, settings.frame.flip)
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


def cut_all(read: Read, parameters: Mapping[str, Any]) -> dict[str, Tensor]:
    """All pictures as tensors of the frame's size; the person as straight "foreground" colors and "alpha"."""
    size, window = (parameters["size"][0], parameters["size"][1]), Window(**parameters["window"])
    pictures: dict[str, Tensor] = {}
    for role, pixels in read.items():
        if role in PLACES:
            pictures[role] = cut(pixels[..., :3], Window(**parameters[role]), size)
        elif role == "reference":
            pictures |= _reference(pixels, read.get("reference_alpha"))
        elif role in ("foreground", "previous_foreground"):
            colors, alpha = cut_straight(pixels, window, size)
            pictures |= {role: colors, role.replace("foreground", "alpha"): alpha}
        elif not role.startswith(("decoy_", "reference")):
            pictures[role] = cut(pixels if pixels.ndim == 2 else pixels[..., :3], window, size)
    if "normals" in pictures and window.flip:  # coded x * 0.5 + 0.5: mirrored, a normal points the other way
        pictures["normals"][0] = 1 - pictures["normals"][0]
    for before in ("", "previous_"):
        if f"{before}alpha" in pictures:
            pictures |= _person(pictures, before, parameters["soften"])
    return pictures


def _person(pictures: Mapping[str, Tensor], before: str, soften: float) -> dict[str, Tensor]:
    """The person's colors and matte, a hard matte softened; before: "" or "previous_"."""
    alpha, colors = pictures[f"{before}alpha"], pictures.get(f"{before}foreground")
    if colors is None:
        colors = own_colors(pictures[f"{before}photo"], alpha)
    if soften:
        colors, alpha = softened(colors, alpha, soften)
    return {f"{before}foreground": colors, f"{before}alpha": as_file(alpha)}


def own_colors(photo: Tensor, alpha: Tensor) -> Tensor:
    """The person's straight colors (3, H, W), without the old background's in soft edges."""
    return to_tensor(cut_out(to_pixels(photo), to_pixels(alpha))[..., :3])


def _reference(pixels: NDArray[np.uint8], alpha: NDArray[np.uint8] | None) -> dict[str, Tensor]:
    height, width = pixels.shape[:2]
    ratio = min(1.0, REFERENCE / max(height, width))
    size = max(1, round(height * ratio)), max(1, round(width * ratio))
    if alpha is not None:
        colors, cover = cut(pixels[..., :3], Window(), size), cut(alpha, Window(), size)
    else:
        colors, cover = cut_straight(pixels, Window(), size)
    return {"reference": colors, "reference_alpha": cover}


def needs(settings: SampleSettings) -> Sequence[str]:
    """The roles that the methods cannot do without."""
    roles = dict.fromkeys(role for name in settings.methods for role in method(name).INPUTS)
    if getattr(settings.of("triplet"), "hard", 0) and "triplet" in settings.methods:
        roles |= dict.fromkeys(method("triplet").HARD_INPUTS)
    return [role for role in roles if role not in welcome(settings)]


def welcome(settings: SampleSettings) -> Sequence[str]:
    """The roles that they use where they are there."""
    return [role for name in settings.methods for role in getattr(method(name), "OPTIONAL", ())]
