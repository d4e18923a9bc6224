"""From pictures as they were read, uint8 and of any size, to a sample's tensors, all of the frame's size."""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bgswap.augmentation.edges import is_hard, softened
from bgswap.augmentation.frame import Window, span
from bgswap.augmentation.tensors import as_file, resize, to_pixels, to_tensor
from bgswap.compositing.outline import Outline, trace
from bgswap.errors import PictureError
from bgswap.matting.colors import cut_out

PLACES = ("background", "busy")  # cut to cover the frame, anywhere; all else is cut as the photo is
OUTLINED = 320  # ours: longest side of a matte whose box is looked for; all that follows is told in shares of it
REFERENCE = 256  # ours: longest side at which another person's colors are looked at

Read = Mapping[str, NDArray[np.uint8]]


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
    photo, alpha = pictures[f"{before}photo"], pictures[f"{before}alpha"]
    colors, hard = pictures.get(f"{before}foreground"), soften > 0 and is_hard(alpha)
    if colors is None:  # a softened edge takes its colors from further inside: there they are the photo's
        colors = photo if hard else own_colors(photo, alpha)
    if hard:
        colors, alpha = softened(colors, alpha, soften)
    return {f"{before}foreground": colors, f"{before}alpha": as_file(alpha)}


def own_colors(photo: Tensor, alpha: Tensor) -> Tensor:
    """The person's straight colors (3, H, W), without the old background's in soft edges."""
    return to_tensor(cut_out(to_pixels(photo), to_pixels(alpha))[..., :3])


def _reference(pixels: NDArray[np.uint8], alpha: NDArray[np.uint8] | None) -> dict[str, Tensor]:
    """Another person's colors and matte, every so manieth pixel: enough for means and spreads."""
    step = -(-max(pixels.shape[:2]) // REFERENCE)
    both = to_tensor(pixels[::step, ::step])
    if alpha is None:
        return {"reference": both[:3], "reference_alpha": both[3:]}
    apart = -(-max(alpha.shape) // REFERENCE)
    cover = to_tensor(alpha[::apart, ::apart])
    return {"reference": both[:3], "reference_alpha": resize(cover, (both.shape[1], both.shape[2]))}


def cut(pixels: NDArray[np.uint8], window: Window, size: tuple[int, int]) -> Tensor:
    """The window of a picture (H, W) or (H, W, 3) uint8 as (C, *size) 0..1; averaged where it shrinks."""
    return to_tensor(_turned(_resized(_cropped(pixels, window), size), window))


def cut_straight(rgba: NDArray[np.uint8], window: Window, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """The window of a cut-out (H, W, 4) uint8 as straight colors (3, *size) and alpha (1, *size), weighted by alpha."""
    part = _cropped(rgba, window)
    if part.shape[:2] == tuple(size):
        both = to_tensor(_turned(part, window))
        return both[:3], both[3:]
    alpha = cv2.extractChannel(part, 3)
    # products of two bytes are held exactly in 16 bits, so that thin alpha keeps its color
    weighted = cv2.multiply(part, cv2.merge([alpha, alpha, alpha, np.full_like(alpha, 255)]), dtype=cv2.CV_16U)
    small = _turned(_resized(weighted, size), window).astype(np.float32)
    planes = torch.from_numpy(np.moveaxis(small, 2, 0).copy())
    # rounded as its file will be, so that what the file calls 0 changes nothing
    return (planes[:3] / planes[3:].clamp_min(1)).clamp_(0, 1), as_file(planes[3:] / (255 * 255))


def _cropped(pixels: NDArray[np.uint8], window: Window) -> NDArray[np.uint8]:
    rows = span(window.top, window.height, pixels.shape[0])
    return pixels[rows, span(window.left, window.width, pixels.shape[1])]


def _resized(part: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    if part.shape[:2] == tuple(size):
        return part
    shrinks = size[0] * size[1] < part.shape[0] * part.shape[1]
    way = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    resized: NDArray[Any] = cv2.resize(part, (size[1], size[0]), interpolation=way)
    return resized


def _turned(part: NDArray[Any], window: Window) -> NDArray[Any]:
    return part[:, ::-1] if window.flip else part
