"""The five systems that bgswap implements, each from end to end: --system NAME stands for these options.

A system is nothing but a choice of options, so that any of them can be told otherwise, and so that all systems run on
the same pairs through the same code. Networks are the small ones that come with bgswap; --model RUN puts a run in the
place of a system's own network.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class System:
    """options: values of `bgswap composite`'s options, by name. network: the option that --model RUN sets."""

    about: str
    options: Mapping[str, Any]
    network: str


PASTED = {"place": "fit", "shadow": "none", "blend": "over"}  # cut-and-paste, where a system says nothing else

SYSTEMS = {
    "triple-unet": System(
        "one network places the person and paints the whole picture",
        PASTED | {"place": "learned", "harmonize": "learned", "model": "triple-unet-small", "paint": True},
        "model",
    ),
    "deep-image-compositing": System(
        "segmentation, refinement and multi-stream fusion, which clears old colors from soft edges itself",
        PASTED | {"matte_model": "segment-small", "refine": "refine-small", "colors": "photo", "blend": "multi-stream"},
        "blend",
    ),
    "harmonize-gan": System(
        "cut-and-paste, whose person a generator paints anew",
        PASTED | {"harmonize": "harmonize-gan-small", "paint": True},
        "harmonize",
    ),
    "hpbnet": System(
        "cut-and-paste, whose person a coarse-to-fine generator paints anew",
        PASTED | {"harmonize": "hpbnet-small", "paint": True},
        "harmonize",
    ),
    "matting-unet": System(
        "a matte, and alpha x photo + (1 - alpha) x place: old background in soft edges stays",
        PASTED | {"matte_model": "matting-unet-small", "refine": "none", "colors": "photo"},
        "matte_model",
    ),
}
