"""The pictures that the battery works on, and how each stage command is called on them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

# key with suffix -> crop of the astronaut (left, top, right, bottom), scaled to (width, height)
PHOTOS = {
    "a.jpg": ((0, 0, 512, 512), (128, 128)),
    "b.png": ((0, 0, 400, 512), (96, 123)),
    "sub/c.jpg": ((60, 0, 460, 400), (144, 144)),
    "sub/deep/d.webp": ((0, 40, 480, 512), (160, 157)),
}
# for what the three share to the last line and a child has to show: all three are tried among the slow tests
ONE_FOR_ALL = pytest.mark.parametrize(
    "command",
    ["inpaint", *(pytest.param(name, marks=pytest.mark.slow) for name in ("matte", "composite"))],
    indirect=True,
)
PLACES = {"coffee.jpg": ("coffee.png", (150, 100)), "chelsea.png": ("chelsea.png", (120, 80))}


@dataclass(frozen=True)
class World:
    """The folders: photos/, and by the same keys cutouts/ (RGBA), mattes/ (gray) and holes/ (RGBA); places/."""

    home: Path

    @property
    def photos(self) -> Path:
        """Photos of a person."""
        return self.home / "photos"

    @property
    def cutouts(self) -> Path:
        """The same people, cut out."""
        return self.home / "cutouts"

    @property
    def holes(self) -> Path:
        """The same photos with holes where the people were."""
        return self.home / "holes"

    @property
    def place(self) -> Path:
        """One place."""
        return self.home / "places" / "coffee.jpg"


@dataclass(frozen=True)
class Command:
    """A stage command, and how it reads a folder that it can work on without anything else."""

    name: str
    feed: str  # the folder of World that suits it
    suffix: str
    place: Path
    other: tuple[str, ...]  # options that change every output
    format: str  # another format that it can write
    quick: tuple[str, ...] = ()  # options for tests that are not about the default way

    @property
    def default(self) -> tuple[str, ...]:
        """Options that undo `quick`."""
        undo = {"matte": ("--passes", "auto", "--refine", "guided"), "inpaint": ("--model", "patchmatch")}
        return undo.get(self.name, ())

    def line(self, source: Path, out: Path, *more: object) -> list[object]:
        """The command line that reads `source` and writes into the folder `out`."""
        if self.name == "composite":
            return ["composite", "--person", source, "--bg", self.place, "-o", f"{out}/", *more]
        return [self.name, source, out, *self.quick, *more]

    def listed(self, out: Path, *more: object) -> list[object]:
        """The command line that takes its sources from a list."""
        if self.name == "composite":
            return ["composite", "--bg", self.place, "-t", out, *more]
        return [self.name, "-t", out, *self.quick, *more]


def outline() -> Image.Image:
    """A soft matte of the astronaut in the full frame: head, neck and suit, drawn by hand."""
    matte = Image.new("L", (512, 512))
    draw = ImageDraw.Draw(matte)
    draw.ellipse((150, 5, 300, 215), fill=255)
    draw.polygon([(185, 190), (265, 190), (400, 250), (470, 511), (20, 511), (70, 270)], fill=255)
    return matte.filter(ImageFilter.GaussianBlur(4))


def make(home: Path, astronaut_file: Path) -> World:
    """Write all folders below `home`."""
    astronaut = Image.open(astronaut_file).convert("RGB")
    for name, (crop, size) in PHOTOS.items():
        photo, matte = (picture.crop(crop).resize(size, Image.Resampling.LANCZOS) for picture in (astronaut, outline()))
        save(photo, home / "photos" / name)
        key = Path(name).with_suffix(".png")
        save(matte, home / "mattes" / key)
        for folder, alpha in (("cutouts", matte), ("holes", Image.fromarray(255 - np.asarray(matte)))):
            cut = photo.copy()
            cut.putalpha(alpha)
            save(cut, home / folder / key)
    for name, (source, size) in PLACES.items():
        place = Image.open(astronaut_file.parent / source).convert("RGB")
        save(place.resize(size, Image.Resampling.LANCZOS), home / "places" / name)
    return World(home)


def save(picture: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, quality=92)


def commands(world: World) -> dict[str, Command]:
    """The three stage commands."""
    fast = ("--passes", "1", "--refine", "none")
    return {
        "matte": Command("matte", "photos", "png", world.place, ("--grow", "3"), "webp", fast),
        "inpaint": Command(
            "inpaint", "holes", "png", world.place, ("--model", "navier-stokes"), "jpg", ("--model", "telea")
        ),
        "composite": Command("composite", "cutouts", "jpg", world.place, ("--harmonize", "reinhard"), "png"),
    }
