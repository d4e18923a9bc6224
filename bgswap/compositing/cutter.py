"""People as cut-outs: who comes as a photo is matted on the way, by a network loaded for the first of them."""

import threading
from collections import OrderedDict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bgswap.folders.picture import Picture
from bgswap.matting.colors import cut_out
from bgswap.matting.predict import Matter, MatteSettings, load_matter
from bgswap.zoo.choice import ModelOptions

KEPT = 4  # ours: cut-outs of people that come again with other places are kept, this many


def is_cut_out(picture: Picture) -> bool:
    """Whether a picture hides anything by its alpha."""
    return picture.alpha is not None and bool((picture.alpha < np.iinfo(picture.pixels.dtype).max).any())


class Cutter:
    """Cut-outs of people. May be called from several threads.

    notes: what the user should be told of the networks, once they are loaded.
    """

    def __init__(self, settings: MatteSettings, model: ModelOptions, threads: int) -> None:
        self.settings, self.model, self.threads = settings, model, threads
        self._lock = threading.Lock()
        self._matter: Matter | None = None
        self.notes: tuple[str, ...] = ()
        self._kept: OrderedDict[int, tuple[Picture, NDArray[Any], list[str]]] = OrderedDict()

    def cut(self, person: Picture) -> tuple[NDArray[Any], list[str]]:
        """The person's cut-out (H, W, 4) and what to tell the user; a cut-out comes back as it is."""
        if is_cut_out(person):
            return person.pixels, []
        with self._lock:
            kept = self._kept.get(id(person))
            if kept and kept[0] is person:
                return kept[1], kept[2]
        matter = self._load()
        matte = matter.estimate(person.rgb)
        cut = cut_out(person.rgb, matte.alpha, self.settings.colors)
        if not person.pixels.flags.writeable:  # a picture that other records read too: it will come again
            with self._lock:
                self._kept[id(person)] = (person, cut, matte.warnings)
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
        return cut, matte.warnings

    def _load(self) -> Matter:
        with self._lock:
            if self._matter is None:
                self._matter, self.notes = load_matter(self.settings, self.model, self.threads)
            return self._matter
