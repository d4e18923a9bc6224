"""The augment stage: a photo with its companions in; one sample out."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from bgswap.augmentation import flow, models, samples
from bgswap.augmentation.cutting import REFERENCE
from bgswap.augmentation.masks import mask_of
from bgswap.augmentation.ranges import PlacementRanges
from bgswap.augmentation.samples import Sample, SampleSettings, Tools
from bgswap.augmentation.tensors import to_pixels
from bgswap.errors import PictureError
from bgswap.folders.picture import Picture
from bgswap.folders.records import Record
from bgswap.folders.task import Made, Work
from bgswap.inpainting.fill import InpaintSettings
from bgswap.inpainting.stage import load_filler, network_of
from bgswap.zoo.choice import ModelOptions

ALIGNED = ("foreground", "alpha", "plate", "normals", "previous_photo", "previous_foreground", "previous_alpha")
# what is read as it is, what as a matte, and what as labels that an outline makes a matte of
PICTURES = ("photo", "foreground", "plate", "normals", "background", "busy", "reference", "reference_foreground")
BEFORE = ("previous_photo", "previous_foreground")
MATTES = ("alpha", "previous_alpha", "reference_alpha")
LABELS = "_labels"


@dataclass(frozen=True)
class AugmentStage:
    """What `bgswap augment` does to the pictures of one sample.

    fill: how decoys are filled: as the plates were. run, normals: networks by name or path, for methods that use them.
    """

    settings: SampleSettings
    model: ModelOptions = field(default_factory=ModelOptions)
    fill: InpaintSettings = field(default_factory=InpaintSettings)
    run: str | None = None
    normals: str | None = None
    command: ClassVar[str] = "augment"

    def inputs(self) -> Mapping[str, str]:
        """Whatever a sample may be made from; a record has what its methods need."""
        decoys = [f"decoy_{number}" for number in range(self.decoys)]
        read = dict.fromkeys((*PICTURES, *BEFORE), "picture") | dict.fromkeys((*MATTES, *decoys), "mask")
        return read | dict.fromkeys((role + LABELS for role in (*MATTES, *decoys)), "picture")

    @property
    def decoys(self) -> int:
        """How many other people's mattes a sample reads."""
        ranges = self.settings.of("placement") if "placement" in self.settings.methods else None
        return ranges.decoys if isinstance(ranges, PlacementRanges) else 0

    def enough(self, role: str, _read: Mapping[str, Picture]) -> tuple[int, int] | None:
        """Pictures that end up small need not be decoded large, unless the method crops as it likes."""
        if role == "reference":
            return REFERENCE, REFERENCE
        own = hasattr(samples.method(self.settings.methods[0]), "draw_window")
        if self.settings.size is None or own or role not in ("photo", "background", "busy"):
            return None
        side = math.ceil(max(self.settings.size) / self.settings.frame.crop[0])
        return side, side

    def models(self) -> Sequence[Mapping[str, str]]:
        """The weights of the networks that were asked for."""
        fill = network_of(self.fill.model) if self.decoys else ""
        return [row for name in (self.run, self.normals, fill) if name for row in self.model.weights(name)]

    def prepare(self, threads: int) -> tuple[Work, Sequence[str]]:
        """Load the methods, and networks where they are asked for."""
        torch.set_num_threads(1)  # sums come out alike however many samples are made at a time
        tools, notes = self.tools(threads)

        def work(pictures: Mapping[str, Picture], record: Record) -> Made:
            torch.set_num_threads(1)  # this thread's own: something else may have set the process's since
            sample = self.sample(pictures, record, tools)
            lone = self.decoys > 0 and not any(role.startswith("decoy_") for role in pictures)
            warnings = ["there is nobody else whose shape could be a decoy: its plate may tell the place"] * lone
            return Made(
                {role: Picture(levels(role, made)) for role, made in sample.pictures.items()}, warnings, sample.fields
            )

        return work, notes

    def sample(self, pictures: Mapping[str, Picture], record: Record, tools: Tools) -> Sample:
        """One sample as tensors, its fields as its line in metadata.jsonl has them."""
        facts = record.fields["sample"]
        read = _read(pictures, facts["outlines"])
        made = samples.make(read, facts["key"], facts["copy"], self.settings, tools, facts["step"])
        free = {name: value for name, value in record.fields.items() if name != "sample"}
        told = {"method": self.settings.name, "seed": self.settings.seed, "copy": facts["copy"]}
        parameters = {**made.fields["parameters"], "sources": facts["sources"]}
        return Sample(made.pictures, {**free, **told, **made.fields, "parameters": parameters})

    def tools(self, threads: int) -> tuple[Tools, list[str]]:
        """What samples are made with, loaded, and what the user should hear of it."""
        notes: list[str] = []
        fuse = models.load_fusion(self.run, self.model) if self.run else None
        normals = models.load_normals(self.normals, self.model) if self.normals else None
        notes += [note for one in (fuse, normals) if one for note in one.model.notes]
        fill = None
        if self.decoys:
            fill, told = load_filler(self.fill, self.model, threads)
            notes += told
        for name in self.settings.methods:
            samples.method(name)
        return Tools(fuse, normals, fill), notes


def levels(role: str, picture: torch.Tensor) -> NDArray[Any]:
    """A sample's picture as its file holds it: uint8, or uint16 for a flow."""
    if role == "flow_true":
        return flow.to_pixels(picture)
    return to_pixels(picture)


def _read(pictures: Mapping[str, Picture], outlines: Mapping[str, Any]) -> dict[str, NDArray[np.uint8]]:
    """The pictures of a sample as samples.make takes them. PictureError where they do not fit the photo."""
    read: dict[str, NDArray[np.uint8]] = {}
    for role, picture in pictures.items():
        if role.endswith(LABELS):
            matte = role.removesuffix(LABELS)
            read[matte] = mask_of(picture.pixels, outlines[matte])
        elif role.endswith("foreground"):
            read["reference" if role == "reference_foreground" else role] = _cut_out(role, picture, pictures)
        else:
            read[role] = picture.pixels if role in MATTES or role.startswith("decoy_") else picture.rgb
    for role, outline in outlines.items():
        if role not in read:
            read[role] = mask_of(None, outline)
    height, width = pictures["photo"].full_size
    for role in ALIGNED:
        if role in read:
            high, wide = pictures[role].full_size if role in pictures else read[role].shape[:2]
            if (high, wide) != (height, width):
                sizes = f"{wide}x{high}, the photo {width}x{height}"
                raise PictureError(f"its {role} is {sizes}: make it again from this photo")
    return read


def _cut_out(role: str, picture: Picture, pictures: Mapping[str, Picture]) -> NDArray[np.uint8]:
    """A cut-out (H, W, 4); data sets for matting have its colors and its matte apart."""
    matte = pictures.get(role.replace("foreground", "alpha"))
    if matte is not None and picture.size == matte.size:
        return np.dstack([picture.rgb, matte.pixels])
    if picture.alpha is None:
        raise PictureError(f"its {role} is no cut-out, it has no alpha: name mattes with --alpha instead")
    return picture.pixels
