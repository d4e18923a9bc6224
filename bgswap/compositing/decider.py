"""Networks that decide: what a trained run tells of a person's place, colors and shadow, from small pictures.

The names of a card's `gives` that composite reads, for one picture:

    picture  (3, H, W) sRGB 0..1   the composite, or the person's colors in it, painted
    box      (5,)                  x, y, height, rotation, logit of the mirror: of the one place that it would choose
    places   (N, 6)                the same five and a score, higher is better, of all places that it knows
    globals  (4,)                  exposure, temperature, tint, saturation
    grid     (rows, columns, bins, 12)   as ColorMap has it
    shading  (rows, columns)       likewise
    shadow   (5,)                  azimuth, length, softness, density, contact, as ShadowLayer has them

All in the units of decisions.py, by position in the window that the network was shown.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.scene import Layers, Scene, Window
from bgswap.errors import UsageError
from bgswap.zoo.card import Card
from bgswap.zoo.choice import ModelOptions
from bgswap.zoo.loader import Model, describe

PLACES = frozenset(("box", "places"))
COLORS = frozenset(("picture", "globals", "grid", "shading"))
SHADOWS = frozenset(("shadow",))
TASKS = ("harmonize", "place", "transform")  # of the cards whose networks decide
WHAT = {"place": PLACES, "harmonize": COLORS, "shadow": SHADOWS}
LEAST = 32  # pixels: sides of what networks are shown are multiples of this, or of what their card says
USUAL = {"place": "triple-unet-small", "harmonize": "transform", "blend": "multi-stream-small"}


def decides(card: Card, part: str) -> bool:
    """Whether a card's network tells of "place", "harmonize" or "shadow"."""
    return card.task in TASKS and bool(WHAT[part] & set(card.gives))


def network_for(part: str, name: str = "") -> str:
    """The name of the network that decides of "place", "harmonize" or "shadow", known without loading it.

    name: a run, a file or a catalog name; "" for the usual one.

    Raises:
        UsageError: it decides of something else, or no network is usual for this part.
    """
    name = name or USUAL.get(part, "")
    if not name:
        raise UsageError(f"no network for the {part} comes with bgswap: name a run that decides of it with --model RUN")
    card, _ = describe(name)
    if not decides(card, part):
        told = f"it is for the task '{card.task}' and gives {', '.join(card.gives)}"
        raise UsageError(f"{name} does not decide of the {part}: {told}")
    return name


def coloring(model: str) -> str:
    """A run of --model where it decides of colors, else "": the usual network then does, as it does without a run."""
    return model if model and decides(describe(model)[0], "harmonize") else ""


@dataclass(frozen=True)
class Decider:
    """A network and its card, called on a scene's layers."""

    name: str
    model: Model

    @property
    def card(self) -> Card:
        """What is known of the network."""
        return self.model.card

    @property
    def side(self) -> int:
        """Longer side in pixels of the pictures that it was trained on."""
        return self.card.input.side

    def look(self, scene: Scene, window: Window) -> Layers:
        """A window at the size that the network was trained on, stretched to sides that it takes without padding.

        Padding would be a part of what it sees, with a person in it where the person touches the border.
        """
        layers = scene.layers(window, self.side)
        multiple = max(LEAST, self.card.input.multiple)
        height, width = (max(1, round(side / multiple)) * multiple for side in layers.alpha.shape)
        return layers.stretched((height, width))

    def outputs(self, layers: Layers) -> Mapping[str, NDArray[np.float32]]:
        """What the network gives for layers, by name, as numpy arrays; a picture as (h, w, 3).

        A network that takes a background gets the person's layer premultiplied, the alpha and the background; one that
        does not gets cut-and-paste and the alpha.
        """
        from bgswap.zoo.planes import PICTURE, answers  # wakes up only where a network decides

        cover = layers.alpha[..., None]
        apart = "background" in self.card.takes
        planes = {
            "photo": cover * layers.foreground if apart else layers.composite,
            "alpha": cover,
            "background": layers.background,
        }
        stacked = np.concatenate([planes[name].transpose(2, 0, 1) for name in self.card.takes])
        given = answers(self.model, stacked)
        return {
            name: np.ascontiguousarray(one.transpose(1, 2, 0)) if name == PICTURE else one
            for name, one in given.items()
        }


@dataclass
class Networks:
    """Networks by name, each loaded when it is first asked for. May be called from several threads.

    notes: what the user should be told of those that were loaded.
    """

    options: ModelOptions = field(default_factory=ModelOptions)
    threads: int = 1
    notes: tuple[str, ...] = ()
    _loaded: dict[str, Model] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def model(self, name: str) -> Model:
        """A model; raises as `loader.load` does."""
        with self._lock:
            if name not in self._loaded:
                model = self.options.load(name, self.threads)
                self._loaded[name] = model
                self.notes = (*self.notes, *(note for note in model.notes if note not in self.notes))
            return self._loaded[name]

    def decider(self, part: str, name: str) -> Decider:
        """The network that decides of "place", "harmonize" or "shadow"; name and errors as of `network_for`."""
        name = network_for(part, name)
        return Decider(name, self.model(name))
