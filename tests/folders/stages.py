"""Stages for the pipeline's own tests: real pictures in and out, no network."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from bgswap.errors import NotReady
from bgswap.folders.picture import Picture
from bgswap.folders.records import Record
from bgswap.folders.task import Made, Work


@dataclass(frozen=True)
class Negative:
    """Turns every picture into its negative. Its settings can make it slow, die or refuse."""

    level: int = 255
    seconds: float = 0
    die_once: str = ""  # a file: the first process that can make it dies
    ready: bool = True
    command: ClassVar[str] = "negative"

    def inputs(self) -> Mapping[str, str]:
        """One picture, and a mask where the record has one."""
        return {"photo": "picture", "mask": "mask"}

    def enough(self, _role: str, _read: Mapping[str, Picture]) -> tuple[int, int] | None:
        """All of it."""
        return None

    def models(self) -> Sequence[Mapping[str, str]]:
        """A pretended model."""
        return [{"name": "none", "sha256": "0" * 64, "path": ""}]

    def prepare(self, threads: int) -> tuple[Work, Sequence[str]]:
        """Nothing to load."""
        if not self.ready:
            raise NotReady("fetch it first")

        def work(pictures: Mapping[str, Picture], record: Record) -> Made:
            time.sleep(self.seconds)
            if self.die_once:
                try:
                    os.close(os.open(self.die_once, os.O_CREAT | os.O_EXCL))
                except FileExistsError:
                    pass
                else:
                    os._exit(1)
            photo = pictures["photo"]
            return Made({"negative": replace(photo, pixels=self.level - photo.rgb)}, [], {"negated": record.key})

        return work, ["on the cpu"]
