"""The Python calls: PIL images or arrays in, PIL images out; the same engines as the commands, no disk, no exit."""

from collections.abc import Sequence
from dataclasses import fields
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageOps

from bgswap.compositing.backdrop import blurred, plain
from bgswap.compositing.compose import compose_people
from bgswap.compositing.decide import CompositeSettings, decide_people
from bgswap.compositing.decider import Networks
from bgswap.compositing.placement import farthest_first
from bgswap.errors import UsageError
from bgswap.inpainting.fill import InpaintSettings
from bgswap.inpainting.stage import load_filler
from bgswap.matting.colors import cut_out
from bgswap.matting.predict import Matte, Matter, MatteSettings, load_matter
from bgswap.options import backdrop, split
from bgswap.zoo.choice import ModelOptions

Picture = Image.Image | ArrayLike


def matte(photo: Picture, /, **settings: Any) -> Image.Image:
    """Cut the people out of a photo.

    Args:
        photo: a PIL image (turned upright by its EXIF) or an array (H, W, 3 or 4), uint8 sRGB.
        **settings: fields of MatteSettings and ModelOptions, named as the options of `bgswap matte`.

    Returns:
        RGBA, straight alpha, sRGB, uint8, as large as the photo.
    """
    chosen, model = split(settings, MatteSettings, ModelOptions)
    pixels = _pixels(photo)
    return Image.fromarray(cut_out(pixels, _estimate(pixels, chosen, model).alpha, chosen.colors))


def inpaint(photo: Picture, mask: Picture, /, **settings: Any) -> Image.Image:
    """Fill what `mask` covers from what surrounds it.

    Args:
        photo: as for `matte`.
        mask: (H, W), white where to fill; a cut-out (H, W, 4) counts by its alpha.
        **settings: fields of InpaintSettings and ModelOptions, named as the options of `bgswap inpaint`; model is a
            way, or a run of ffc-inpaint.

    Returns:
        RGB, sRGB, uint8, as large as the photo; equal to it outside the widened mask.
    """
    chosen, model = split(settings, InpaintSettings, ModelOptions)
    filler, _ = load_filler(chosen, model)
    cover = _pixels(mask)
    cover = cover[..., 3] if cover.shape[2] == 4 else cover[..., 0]
    return Image.fromarray(filler.fill(_pixels(photo)[..., :3], cover).pixels)


def composite(
    person: Picture | Sequence[Picture], background: Picture | str, /, *, who: str = "largest", **settings: Any
) -> Image.Image:
    """Set a person into a place.

    Args:
        person: a photo, matted on the way, or a cut-out with alpha; a list or tuple of them for several people.
        background: the place: a picture, a color ("#rrggbb" or a CSS name) or "blur" for the photo's own background.
        who: which people of a photo: "all", "largest", "X,Y" or "N".
        **settings: fields of CompositeSettings and ModelOptions, named as the options of `bgswap composite`.

    Returns:
        RGB, sRGB, uint8, at the place's size, or the photo's with frame="person".
    """
    if isinstance(background, str):
        settings = {"place": "keep", "shadow": "none", "frame": "person", **settings}
    chosen, model = split(settings, CompositeSettings, ModelOptions)
    several: Sequence[Any] = person if isinstance(person, list | tuple) else [person]
    people = [_pixels(one) for one in several]
    cuts = [_cut_person(pixels, who, model) for pixels in people]
    place = _background(background, people[0], cuts[0])
    networks = Networks(model)
    decided = decide_people(cuts, place, chosen, networks)
    order = farthest_first([one.place for one in decided])
    made, _ = compose_people([(cuts[n], decided[n]) for n in order], place, chosen, out=place, networks=networks)
    return Image.fromarray(made)


def _cut_person(pixels: NDArray[np.uint8], who: str, model: ModelOptions) -> NDArray[np.uint8]:
    if pixels.shape[2] == 4 and bool((pixels[..., 3] < 255).any()):
        return pixels
    found = _estimate(pixels[..., :3], MatteSettings(who=who), model)
    return cut_out(pixels[..., :3], found.alpha, "own")


def augment(
    photo: Picture, foreground: Picture, /, method: str = "recolor", **settings: Any
) -> tuple[dict[str, Image.Image | NDArray[Any]], dict[str, Any]]:
    """Make one training sample.

    Args:
        photo: a photo of a person.
        foreground: its cut-out, RGBA, or its matte.
        method: recolor, relight, placement, triplet, matting, frames, shadow, portrait or hole.
        **settings: plate, background (pictures); others (a list of other people's cut-outs, to take colors or shapes
            from); seed, copy, size (of a square, (height, width), or None for the photo's own), fill (of decoys); and
            the fields of the method's ranges and of FrameRanges, such as gain=(0.5, 2).

    Returns:
        The sample's pictures by role (flow_true as an array (H, W, 3) uint16), and its line: method, seed, copy,
        parameters, and box_true of placement.

    Raises:
        UsageError: the method needs a picture that was not given.
    """
    from bgswap.augmentation.fly import make_one

    images = {"photo": _pixels(photo)[..., :3], "foreground": _cut_out(photo, foreground)}
    for role in ("plate", "background"):
        if role in settings:
            images[role] = _pixels(settings.pop(role))[..., :3]
    others = [_pixels(other) for other in settings.pop("others", ())]
    pictures, line = make_one(images, others, method, settings)
    return {r: p if r == "flow_true" else Image.fromarray(p) for r, p in pictures.items()}, line


def evaluate(predicted: Picture, true: Picture | None = None, /, *metrics: str, **settings: Any) -> dict[str, float]:
    """Measure one picture, or one matte, against the truth.

    Args:
        predicted: a picture, a cut-out or a matte.
        true: the truth; None for metrics that need none.
        *metrics: names as `bgswap eval --metric` has them, such as "psnr" or "lpips:squeeze"; mse, l1 and psnr without.
        **settings: mask, input, background (pictures), and fields of ScoreSettings and ModelOptions, named as the
            options of `bgswap eval`, such as convention="idih" or at=(256, 256).

    Returns:
        The value of each metric by name, NaN where no pixel counts.

    Raises:
        UsageError: a metric lacks a picture, or is one of whole sets.
    """
    from bgswap.evaluation.request import OF_PICTURES  # torch wakes up here, and only for this call
    from bgswap.evaluation.stage import score_one

    given: dict[str, Picture | None] = {"predicted": predicted, "true": true}
    given |= {role: settings.pop(role, None) for role in ("mask", "input", "background")}
    model = ModelOptions(**{one.name: settings.pop(one.name) for one in fields(ModelOptions) if one.name in settings})
    pixels = {role: _pixels(one) for role, one in given.items() if one is not None}
    return score_one(pixels, metrics or OF_PICTURES, model, settings)


def _cut_out(photo: Picture, foreground: Picture) -> NDArray[Any]:
    given = _pixels(foreground)
    return given if given.shape[2] == 4 else cut_out(_pixels(photo)[..., :3], given[..., 0])


def _background(place: Picture | str, photo: NDArray[Any], cut: NDArray[Any]) -> NDArray[Any]:
    if not isinstance(place, str):
        return _pixels(place)[..., :3].copy()
    chosen = backdrop(place)
    if isinstance(chosen, tuple):
        return plain(chosen, cut.shape[:2], cut.dtype)
    if chosen != "blur" or photo is cut:
        raise UsageError("a place is a picture, a color, or 'blur' where the person is a photo")
    return blurred(photo[..., :3], cut[..., 3])


def _pixels(picture: Picture) -> NDArray[Any]:
    if isinstance(picture, Image.Image):
        upright = ImageOps.exif_transpose(picture)
        return np.array(upright.convert("RGBA" if upright.has_transparency_data else "RGB"))
    pixels = np.asarray(picture)
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, 2)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in (3, 4):
        raise UsageError(f"a picture is (H, W, 3 or 4) uint8, not {pixels.shape} {pixels.dtype}")
    return pixels


def _estimate(pixels: NDArray[Any], settings: MatteSettings, model: ModelOptions) -> Matte:
    return _matter(settings, model).estimate(pixels)


@lru_cache(maxsize=2)
def _matter(settings: MatteSettings, model: ModelOptions) -> Matter:
    return load_matter(settings, model)[0]
