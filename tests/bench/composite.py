"""Seconds and peak memory of compose beside Pillow's paste and plain NumPy, each in a process of its own.

    python tests/bench/composite.py [--megapixels 1,12,50] [--repeat 3]

Person and place have the same size, the person a third of the place's area. Peak memory is the process's whole
resident size; "above inputs" leaves out what Python, the libraries and both decoded pictures take. JPEG is the time to
decode the place and to encode the result at quality 95, the yardstick for all steps together.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WAYS = (
    "numpy float",
    "pillow paste",
    "over",
    "over, scaled",
    "linear light",
    "feather",
    "laplacian",
    "all steps",
    "jpeg",
    "whole",
)


def pictures(megapixels: float) -> tuple[Any, Any]:
    """A cut-out (H, W, 4) and a place (H, W, 3), uint8: the astronaut tiled, without ever holding more than both."""
    import cv2
    import numpy as np
    import skimage
    from PIL import Image

    width = round((megapixels * 1e6 * 4 / 3) ** 0.5)
    height = round(width * 3 / 4)
    tile = np.asarray(Image.open(Path(skimage.__file__).parent / "data" / "astronaut.png").convert("RGB"))
    place = np.empty((height, width, 3), np.uint8)
    person = np.zeros((height, width, 4), np.uint8)
    for y in range(0, height, 512):
        for x in range(0, width, 512):
            part = place[y : y + 512, x : x + 512]
            part[...] = tile[::-1][: part.shape[0], : part.shape[1]]
            person[y : y + 512, x : x + 512, :3] = tile[: part.shape[0], : part.shape[1]]
    alpha = np.zeros((height, width), np.uint8)
    cv2.ellipse(alpha, (width // 2, height // 2), (width // 4, int(height * 0.42)), 0, 0, 360, 255, -1)
    person[..., 3] = cv2.blur(alpha, (9, 9))
    return person, place


def memory_mib() -> float:
    """Peak resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def method(way: str, person: Any, place: Any) -> Callable[[], Any]:
    """The call to time."""
    import numpy as np
    from PIL import Image

    from bgswap.compositing.compose import compose
    from bgswap.compositing.decide import CompositeSettings, decide

    if way == "numpy float":

        def plain() -> Any:
            alpha = person[..., 3:].astype(np.float32) / 255
            mixed = alpha * person[..., :3].astype(np.float32) + (1 - alpha) * place.astype(np.float32)
            return np.rint(mixed).astype(np.uint8)

        return plain
    if way == "pillow paste":

        def paste() -> Any:
            canvas, cutout = Image.fromarray(place), Image.fromarray(person)
            canvas.paste(cutout, (0, 0), cutout)
            return np.asarray(canvas)

        return paste
    steps = {
        "over": {"place": "keep", "shadow": "none"},
        "over, scaled": {"place": "0.5,0.95,0.7", "shadow": "none"},
        "linear light": {"place": "keep", "shadow": "none", "light": "linear"},
        "feather": {"place": "keep", "shadow": "none", "blend": "feather"},
        "laplacian": {"place": "keep", "shadow": "none", "blend": "laplacian"},
        "all steps": {"harmonize": "reinhard", "place": "0.5,0.95,0.7"},
    }[way]
    settings = CompositeSettings(**steps)  # type: ignore[arg-type]
    return lambda: compose(person, place, decide(person, place, settings), settings, out=place)


def codec(person: Any, place: Any, whole: bool) -> Callable[[], Any]:
    """Decode and encode the place as JPEG; with `whole`, all steps between them. The decoded place is let go first."""
    import cv2

    file = cv2.imencode(".jpg", place, [cv2.IMWRITE_JPEG_QUALITY, 95])[1]

    def run() -> Any:
        pixels = cv2.imdecode(file, cv2.IMREAD_COLOR_RGB)
        if whole:
            method("all steps", person, pixels)()
        return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])[1]

    return run


def measure(way: str, megapixels: float, repeat: int) -> dict[str, float]:
    """One child's work: best seconds of `repeat`, peak MiB, MiB above what the inputs had taken."""
    import cv2

    cv2.setNumThreads(1)
    person, place = pictures(megapixels)
    decoded = place.nbytes / 2**20
    call = codec(person, place, way == "whole") if way in ("jpeg", "whole") else method(way, person, place)
    if way in ("jpeg", "whole"):
        del place
    before, best = memory_mib(), float("inf")
    for _ in range(repeat):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return {"seconds": best, "peak": memory_mib(), "above": memory_mib() - before, "decoded": decoded}


def main() -> None:
    """Run every way at every size and print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--megapixels", default="1,12,50")
    options.add_argument("--repeat", type=int, default=3)
    options.add_argument("--child", nargs=2)
    chosen = options.parse_args()
    if chosen.child:
        print(json.dumps(measure(chosen.child[0], float(chosen.child[1]), chosen.repeat)))
        return
    for megapixels in chosen.megapixels.split(","):
        rows = {}
        for way in WAYS:
            command = [sys.executable, __file__, "--repeat", str(chosen.repeat), "--child", way, megapixels]
            rows[way] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        allowed = 400 + 4 * rows["whole"]["decoded"]
        print(f"\n{megapixels} megapixels{'':12}seconds   x paste   x numpy   peak MiB   above inputs")
        for way, row in rows.items():
            paste, numpy = (row["seconds"] / rows[name]["seconds"] for name in ("pillow paste", "numpy float"))
            print(f"{way:24}{row['seconds']:10.3f}{paste:10.2f}{numpy:10.2f}{row['peak']:11.0f}{row['above']:15.0f}")
        print(f"allowed peak of the whole: {allowed:.0f} MiB")


if __name__ == "__main__":
    main()
