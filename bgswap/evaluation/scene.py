"""One picture's pixels under every role that metrics ask for, all of one size, and cut into strips as tensors."""

from collections.abc import Iterator, Mapping
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bgswap.errors import PictureError
from bgswap.evaluation import boxes
from bgswap.evaluation.settings import ScoreSettings
from bgswap.evaluation.systems import NOTHING, TRUTH, System
from bgswap.folders.picture import Picture
from bgswap.folders.records import Record, show
from bgswap.matting.trimap import UNKNOWN, read_trimap, trimap_from_alpha

STRIP = 1 << 17  # ours: pixels a strip, so that a few float pictures of it fit a core's cache
WIDE_STRIP = 1 << 20  # ours: the same for metrics that need rows around, which would else be read again and again
FILTERS = {"nearest": 0, "bilinear": 2, "bicubic": 3, "area": 4, "lanczos": 1}  # Pillow's numbers
RGB, ONE = "picture", "mask"
KINDS = {  # role -> how its file is read
    **dict.fromkeys(("predicted", "true", "input", "background", "previous", "true_previous"), RGB),
    **dict.fromkeys(("predicted_alpha", "true_alpha", "previous_alpha", "true_previous_alpha", "mask", "trimap"), ONE),
}
BOXES = ("predicted_box", "true_box", "candidates", "true_score", "moved_scores")
FILES = {  # metric's role -> the record's role, of what does not differ by system
    "true_previous": "true/previous",
    "true_previous_alpha": "true_alpha/previous",
}
OF_SYSTEM = {"predicted": "", "predicted_alpha": "alpha", "previous": "previous", "previous_alpha": "alpha/previous"}


def file_role(role: str, system: System) -> str:
    """The record's role whose file gives a metric's role."""
    if role not in OF_SYSTEM:
        return FILES.get(role, role)
    if system.number < 0:
        return "input/previous" if role.startswith("previous") else "input"
    return system.role(OF_SYSTEM[role])


class Scene:
    """The pictures of one record at one size, each made when first asked for."""

    def __init__(
        self,
        record: Record,
        pictures: Mapping[str, Picture],
        settings: ScoreSettings,
    ) -> None:
        self.record, self.pictures, self.settings = record, pictures, settings
        first = next((pictures[role] for role in ("true", "true_alpha", "input") if role in pictures), None)
        first = first or next(iter(pictures.values()), None)
        self.own = first.size if first else (1, 1)  # of records that are numbers alone
        self.size = settings.at or self.own
        self._made: dict[str, NDArray[Any]] = {}
        self._numbers: dict[tuple[str, System], Tensor | None] = {}

    def array(self, file: str, kind: str) -> NDArray[Any] | None:
        """(H, W, 3) or, of masks, (H, W), uint8 or uint16, at the scene's size; None where the record has no file."""
        if file not in self.pictures:
            return None
        if file not in self._made:
            picture = self.pictures[file]
            pixels = picture.rgb if kind == RGB else picture.pixels
            hard = file == "mask" and self.settings.counting.hard_mask
            self._made[file] = self._fit(pixels, self.record.paths[file], "nearest" if hard else None)
        return self._made[file]

    def put(self, file: str, pixels: NDArray[Any]) -> None:
        """Add what was made here, such as a baseline's picture."""
        self._made[file] = pixels

    def _fit(self, pixels: NDArray[Any], path: object, filter_name: str | None) -> NDArray[Any]:
        if pixels.shape[:2] != self.own and self.settings.resize is None:
            mine, true = (f"{size[1]}x{size[0]}" for size in (pixels.shape[:2], self.own))
            raise PictureError(f"{show(path)} is {mine}, the truth is {true}: make it that size, or say --resize HOW")
        if pixels.shape[:2] == self.size:
            return np.ascontiguousarray(pixels)
        return resized(pixels, self.size, filter_name or self.settings.resize or "bicubic")

    def is_cut_out(self, file: str) -> bool:
        """Whether a picture has hidden pixels, which have no color."""
        alpha = self.pictures[file].alpha if file in self.pictures else None
        return alpha is not None and int(alpha.min()) < np.iinfo(alpha.dtype).max

    def refuse_cut_out(self, file: str) -> None:
        """PictureError for a cut-out whose colors are to be measured."""
        if self.is_cut_out(file):
            name = show(self.record.paths[file])
            raise PictureError(f"{name} is a cut-out: measure its matte (--metric alpha-mad), or composite it first")

    def region(self) -> NDArray[np.uint8] | None:
        """(H, W), 1 in the trimap's unknown band; None where matte metrics count everywhere."""
        if "region" not in self._made and self.settings.trimap is not None:
            self._made["region"] = self._band()
        return self._made.get("region")

    def _band(self) -> NDArray[np.uint8]:
        if self.settings.trimap == "auto":
            alpha = self.array("true_alpha", ONE)
            assert alpha is not None
            return (trimap_from_alpha(alpha) == UNKNOWN).astype(np.uint8)
        given = self.array("trimap", ONE)
        assert given is not None
        return (read_trimap(given, *self.size) == UNKNOWN).astype(np.uint8)

    def numbers(self, role: str, system: System) -> Tensor | None:
        """Boxes and scores, from the fields of system and truth, or boxes of their mattes where fields have none."""
        if (role, system) not in self._numbers:
            self._numbers[role, system] = self._found(role, system)
        return self._numbers[role, system]

    def _found(self, role: str, system: System) -> Tensor | None:
        fields = self.record.fields
        mine = fields.get(TRUTH.name if role.startswith("true") else system.name, {})
        given = boxes.of_fields(mine, role, self._person())
        if role not in ("predicted_box", "true_box") or not bool(given.isnan().all()):
            return given
        layer = self.pictures["input"].alpha if system == NOTHING and "input" in self.pictures else None
        if role == "predicted_box" and layer is not None:
            return boxes.box_of_alpha(tensor(layer))
        pixels = self.pixels(role.replace("_box", "_alpha"), system)
        return given if pixels is None else boxes.box_of_alpha(tensor(pixels))

    def _person(self) -> boxes.Silhouette | float:
        """The form of the person, from the layer that was given or the mask: places tell no width."""
        layer = self.pictures["input"].alpha if "input" in self.pictures else None
        matte = self.array("mask", ONE) if layer is None else layer
        return float("nan") if matte is None else boxes.Silhouette(tensor(matte), self.size)

    def pixels(self, role: str, system: System) -> NDArray[Any] | None:
        """A metric's role as an array, None where this record has nothing for it (a video's first frame)."""
        if role == "region":
            return self.region()
        if system == TRUTH:
            role = role.replace("predicted", "true")
        if role in OF_SYSTEM and (system.baseline or system.run):
            return self._made.get(f"{system.name}/{role}")
        if role in OF_SYSTEM and system == NOTHING:
            if role.endswith("_alpha"):
                return np.full(self.size, 255, np.uint8)  # the photo as it was given: nothing is cut away
            if self.is_cut_out(file_role(role, system)):
                return None  # a layer that was to be placed is no picture
        return self.array(file_role(role, system), KINDS[role])


def resized(pixels: NDArray[Any], size: tuple[int, int], filter_name: str) -> NDArray[Any]:
    """(H, W[, 3]) at another (height, width) by Pillow's antialiasing filters; 16 bits a channel by channel."""
    from PIL import Image

    how, (height, width) = Image.Resampling(FILTERS[filter_name]), size
    if pixels.dtype == np.uint8:
        return np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).resize((width, height), how))
    planes = [pixels] if pixels.ndim == 2 else list(np.moveaxis(pixels, 2, 0))
    made = [np.asarray(Image.fromarray(plane.astype(np.float32)).resize((width, height), how)) for plane in planes]
    whole = np.rint(np.stack(made, -1)).clip(0, 65535).astype(pixels.dtype)
    return whole[..., 0] if pixels.ndim == 2 else whole


def tensor(pixels: NDArray[Any]) -> Tensor:
    """(H, W, 3) or (H, W) of whole numbers -> (1, 3 or 1, H, W) float32 0..1."""
    planes = pixels[None] if pixels.ndim == 2 else np.stack(cv2.split(pixels))
    top = np.iinfo(pixels.dtype).max
    return torch.from_numpy(np.require(planes, None, ["C", "W"]))[None].float().mul_(1 / top)


def strips(height: int, width: int, halo: int) -> Iterator[tuple[slice, slice]]:
    """Rows to read, and of these the rows that count, of one strip after another."""
    rows = max(16, (WIDE_STRIP if halo else STRIP) // width)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        first, last = max(0, top - halo), min(height, bottom + halo)
        yield slice(first, last), slice(top - first, bottom - first)
