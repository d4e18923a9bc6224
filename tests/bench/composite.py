"""Seconds and peak memory of each of compose's steps and of the whole, beside its rivals; each in its own process.

    python -m tests.bench.composite [--megapixels 1,12,50] [--repeat 3] [--only "over;jpeg"]

Person and place have the same size, the person a third of the place's area, set at its own position but for "place",
where it is scaled to seven tenths. Every step works on strips, as in compose; what it is given is made outside the
clock. One call before the clock starts lets numba compile (once a machine) and load; rivals get it, too, but for
seamlessClone and plain NumPy, which have nothing to load. Peak memory is the process's whole resident size; "above
inputs" leaves out what Python, the libraries and both decoded pictures take, and holds the strips that a step is given.

"harmonize + shadow + blend" is compose with these three: a local 16x16x8 grid, a cast shadow, over; its yardsticks are
"jpeg", the place's decoding and encoding at quality 95, and "numpy float", the same arithmetic in whole pictures of
float32. "whole" decodes, decides, composes with these and with defocus and grain, and encodes.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))  # for who runs the file itself

from tests.bench import composite_rivals as rivals  # noqa: E402
from tests.bench.composite_cases import decisions, pictures  # noqa: E402

STRIP = 256
LIMIT = 300  # seconds, after which a rival is given up
STEPS = (
    "place",
    "harmonize",
    "shadow contact",
    "shadow cast",
    "over",
    "over, linear light",
    "feather",
    "laplacian",
    "match-grain",
    "defocus",
)
BEHIND = ("shadow contact", "shadow cast", "defocus")  # steps that work on the place
THREE = "harmonize + shadow + blend"
WHOLES = ("decide", THREE, f"{THREE}, 2 threads", "all steps", "jpeg", "whole")
RIVALS = ("pillow paste", "numpy float", "seamlessClone")
ONCE = ("seamlessClone", "numpy float")  # slow, and nothing to warm up: measured by one call


def memory_mib() -> float:
    """Peak resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def step(name: str, person: Any, place: Any) -> float:
    """Seconds that one step takes for the frame, in strips; what it is prepared with counts, what it is given does not.

    Strips come with the step's reach, as in compose.
    """
    from bgswap.compositing.geometry import placement_matrix
    from bgswap.compositing.outline import trace
    from bgswap.compositing.resample import PlacedCutout

    frame = place.shape[:2]
    decided = decisions(person, scaled=name == "place", lens=True, way=name.removeprefix("shadow "))
    outline = trace(person)
    matrix = placement_matrix(decided.place, outline, frame)
    cutout = PlacedCutout(person, matrix, outline, frame)
    start = time.perf_counter()
    apply, reach = prepared(name, decided, person, (matrix, outline, frame))
    spent = time.perf_counter() - start
    behind = name in BEHIND
    halo = -(-reach // 64) * 64
    top, left, bottom, right = (0, 0, *frame) if behind else cutout.region
    for row in range(top, bottom, STRIP):
        high, low = max(0, row - halo), min(bottom, row + STRIP + halo)
        piece = place[high:low, left:right]
        if name == "place":
            given: tuple[Any, ...] = (cutout, (high, left, low, right))
        else:
            given = (piece,) if behind else (*cutout.piece(high, left, low, right, place.dtype), piece)
        start = time.perf_counter()
        apply(*given, (high, left))
        spent += time.perf_counter() - start
    return spent


def prepared(name: str, decided: Any, person: Any, where: tuple[Any, Any, Any]) -> tuple[Callable[..., Any], int]:
    """A step's apply(what it is given, at), and its reach. where: matrix, outline, frame."""
    from bgswap import extensions
    from bgswap.compositing.colors import Recolor
    from bgswap.compositing.lens import Defocus, PersonLens
    from bgswap.compositing.shading import Shading

    frame = where[2]
    if name == "place":
        return lambda cutout, piece, at: cutout.piece(*piece, "uint8"), 0
    if name == "harmonize":
        recolor = Recolor(decided.harmonize, frame)
        return lambda colors, alpha, piece, at: recolor.apply(colors, alpha, *at), 0
    if name == "match-grain":
        lens = PersonLens.of(decided.lens, frame)
        return lambda colors, alpha, piece, at: lens.apply(colors, alpha, at), lens.reach
    if name == "defocus":
        defocus = Defocus.of([decided], frame)
        return defocus.apply, defocus.reach
    if name.startswith("shadow"):
        shading = Shading(decided.shadow, person[..., 3], *where)
        return lambda piece, at: shading.apply(piece, *at), 0
    way, _, light = name.partition(", ")
    module = extensions.load("bgswap.compositing.blend", way)
    width_px = module.WIDTH * frame[0]
    blend = partial(module.blend, light="linear" if light else "srgb", width_px=width_px)
    return lambda colors, alpha, piece, at: blend(colors, alpha, piece), int(module.reach(width_px))


def whole(name: str, person: Any, place: Any) -> Callable[[], Any]:
    """The call to time."""
    from bgswap.compositing.compose import compose
    from bgswap.compositing.decide import CompositeSettings, decide
    from bgswap.compositing.decider import Networks

    if name == "pillow paste":
        return partial(rivals.paste, person, place)
    if name == "seamlessClone":
        return partial(rivals.seamless_clone, person, place)
    if name == "numpy float":
        return partial(_plain, person, place)
    settings = CompositeSettings(place="keep", harmonize="reinhard", shadow="cast", match_grain=True)
    if name == "decide":
        return partial(decide, person, place, settings)
    if name.startswith(THREE):
        networks = Networks(threads=2 if "threads" in name else 1)
        return lambda: compose(person, place, decisions(person), out=place, networks=networks)

    def everything() -> None:
        decide(person, place, settings)
        compose(person, place, decisions(person, lens=True), out=place)

    return everything


def _plain(person: Any, place: Any) -> Any:
    from bgswap.compositing.geometry import placement_matrix
    from bgswap.compositing.outline import trace
    from bgswap.compositing.shading import Shading

    decided, outline = decisions(person), trace(person)
    matrix = placement_matrix(decided.place, outline, place.shape[:2])
    shading = Shading(decided.shadow, person[..., 3], matrix, outline, place.shape[:2])
    return rivals.plain_numpy(person, place, decided.harmonize.grid, shading)


def codec(person: Any, place: Any, steps: bool) -> Callable[[], Any]:
    """Decode and encode the place as JPEG; with `steps`, all of them in between. The decoded place is let go first."""
    import cv2

    file = cv2.imencode(".jpg", place, [cv2.IMWRITE_JPEG_QUALITY, 95])[1]

    def run() -> Any:
        pixels = cv2.imdecode(file, cv2.IMREAD_COLOR_RGB)
        if steps:
            whole("all steps", person, pixels)()
        return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])[1]

    return run


def timed(name: str, person: Any, place: Any) -> Callable[[], float]:
    """A call that tells its seconds."""
    if name in STEPS:
        return partial(step, name, person, place)
    call = codec(person, place, name == "whole") if name in ("jpeg", "whole") else whole(name, person, place)

    def run() -> float:
        start = time.perf_counter()
        call()
        return time.perf_counter() - start

    return run


def measure(name: str, megapixels: float, repeat: int) -> dict[str, float]:
    """One child's work: best seconds of `repeat`, peak MiB, MiB above what inputs and libraries had taken."""
    import cv2

    cv2.setNumThreads(1)
    if name not in ONCE:
        timed(name, *pictures(0.05))()  # loads and compiles, on pictures that leave no mark on the peak
    person, place = pictures(megapixels)
    decoded = place.nbytes / 2**20
    run = timed(name, person, place)
    del person, place
    before = memory_mib()
    best = min(run() for _ in range(1 if name in ONCE else repeat))
    return {"seconds": best, "peak": memory_mib(), "above": memory_mib() - before, "decoded": decoded}


def child(name: str, megapixels: str, repeat: int) -> dict[str, float] | None:
    """One row, from a process of its own; None where it took longer than LIMIT or failed, which is told."""
    command = [sys.executable, "-m", "tests.bench.composite", "--repeat", str(repeat), "--child", name, megapixels]
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=LIMIT, cwd=ROOT)
    except subprocess.TimeoutExpired:
        print(f"{name}: more than {LIMIT} s", file=sys.stderr)
    except subprocess.CalledProcessError as error:
        print(f"{name}: {error.stderr.strip().splitlines()[-1]}", file=sys.stderr)
    else:
        row: dict[str, float] = json.loads(done.stdout)
        return row
    return None


def main() -> None:
    """Run every way at every size and print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--megapixels", default="1,12,50")
    options.add_argument("--repeat", type=int, default=3)
    options.add_argument("--only", default=";".join((*STEPS, *WHOLES, *RIVALS)), help="names with ; between")
    options.add_argument("--child", nargs=2)
    chosen = options.parse_args()
    if chosen.child:
        print(json.dumps(measure(chosen.child[0], float(chosen.child[1]), chosen.repeat)))
        return
    for megapixels in chosen.megapixels.split(","):
        rows = {name: row for name in chosen.only.split(";") if (row := child(name, megapixels, chosen.repeat))}
        print(f"\n{megapixels + ' megapixels':40}seconds   x jpeg  x paste  x numpy   peak MiB   above inputs")
        for name, row in rows.items():
            ratios = "".join(
                f"{row['seconds'] / rows[by]['seconds']:9.2f}" if by in rows else f"{'-':>9}"
                for by in ("jpeg", "pillow paste", "numpy float")
            )
            print(f"{name:38}{row['seconds']:9.3f}{ratios}{row['peak']:11.0f}{row['above']:15.0f}")
        if "whole" in rows:
            allowed = 400 + 4 * rows["whole"]["decoded"]
            print(f"peak of the whole: {rows['whole']['peak']:.0f} MiB, allowed {allowed:.0f}")


if __name__ == "__main__":
    main()
