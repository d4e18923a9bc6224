"""The pictures that results.py measures: who belongs to a split, and what bgswap itself makes of them, in a cache."""

import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
from matte_quality import Sample, cutouts, others, pair

BLOCKS = {"training": range(8), "validation": (8,), "test": (9,)}  # last digit of a block of ten numbers
PLACES = 8  # behind each cut-out


@dataclass(frozen=True)
class Source:
    """The reader's data, and where what is made of them is kept. limit: people a split, spread evenly; None: all."""

    data: Path
    cache: Path
    split: str = "validation"
    limit: int | None = None
    jobs: int = 2

    def numbers(self, split: str = "", limit: int | None = None) -> list[str]:
        """The numbers of a split's people, less bad.txt, in order."""
        lines = (self.data / "people/bad.txt").read_text().splitlines()
        bad = {line.split()[0] for line in lines if line and not line.startswith("#")}
        stems = sorted(path.stem for path in (self.data / "people/photos").glob("*.jpg"))
        blocks = BLOCKS[split or self.split]
        return spread([one for one in stems if one not in bad and int(one) // 10 % 10 in blocks], limit or self.limit)

    @property
    def folder(self) -> Path:
        """Where this split's samples lie; those of other limits lie elsewhere, as they are drawn from other people."""
        return self.cache / (self.split if self.limit is None else f"{self.split}-{self.limit}")

    def plates(self) -> Path:
        """`bgswap inpaint` of the split's photos; shared by all limits."""
        out = self.cache / f"{self.split}-plates"
        bgswap("inpaint", self._photos, out, "--mask", self.data / "people/masks", *self._shared())
        return out

    def recolored(self) -> Path:
        """Two harmonization pairs a person, 256 x 256."""
        return self._augmented("recolored", "--method", "recolor", "--method", "relight")

    def moved(self) -> Path:
        """Two samples of placement a person, 256 x 256, their centers uniform in the frame."""
        return self._augmented("moved", "--method", "placement", "--plate", self.plates())

    def _augmented(self, name: str, *options: Any) -> Path:
        out = self.folder / name
        masks = self.data / "people/masks"
        drawn = ("--seed", 6, "--copies", 2, "--size", 256)
        bgswap("augment", self._photos, out, "--alpha", masks, *options, *drawn, *self._shared())
        return out

    @property
    def _photos(self) -> Path:
        return self.data / "people/photos"

    def _shared(self) -> tuple[Any, ...]:
        self.folder.mkdir(parents=True, exist_ok=True)
        keys = self.folder / "keys.txt"
        keys.write_text("".join(f"{number}\n" for number in self.numbers()))
        return "--keys", keys, "--jobs", self.jobs, "-u", "-q"

    def mattes(self) -> dict[str, list[Sample]]:
        """Photos with true mattes: street people; others (for the test split testing_only, see its README); cut-outs.

        Cut-outs over places are the same in every split.
        """
        street = [pair(self.data / "people", f"{number}.jpg") for number in self.numbers()]
        rest = scoring_only(self.data) if self.split == "test" else others(self.data)
        cut = cutouts(self.data, PLACES)
        return {
            "street": street,
            "others": spread(list(rest), self.limit),
            "cut-outs": spread(list(cut), self.limit),
        }


def scoring_only(data: Path) -> Iterator[Sample]:
    """Photos that may be scored and nothing else."""
    for path in sorted((data / "testing_only/photos").iterdir()):
        yield pair(data / "testing_only", path.name)


def spread(several: list[Any], limit: int | None) -> list[Any]:
    """At most `limit` of them, evenly apart."""
    if limit is None or limit >= len(several):
        return several
    return [several[number * len(several) // limit] for number in range(limit)]


def named(model: str) -> str:
    """How our row is called: by the name of the network or of its run."""
    return f"ours: {Path(model).name}"


def bgswap(*words: Any) -> None:
    """Run a command; what it complains of is shown, and its failure ends the benchmark."""
    command = [str(Path(sys.executable).parent / "bgswap"), *map(str, words)]
    print("$", shlex.join(command), file=sys.stderr)
    print(
        "$",
        " ".join(command[:1] + [one if len(one) < 80 else "..." + one[-60:] for one in command[1:]]),
        file=sys.stderr,
    )
    if subprocess.run(command).returncode:
        raise SystemExit(f"{words[0]} failed: see above")


def quiet() -> None:
    """One thread each, so that figures do not hang on the machine."""
    import torch

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
