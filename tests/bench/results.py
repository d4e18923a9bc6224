"""The results table, made again from the shipped weights on data that the reader supplies: `make results DATA=...`.

    python tests/bench/results.py --data ../shared/data [--split validation|test] [--limit N] [--only harmonize,place]

--data: people/photos, people/masks and people/bad.txt, halves/, varied/ and places/ as matte_quality.py reads them; of
people the blocks of ten numbers whose last digit is 8 are the validation, 9 the test. Choices are made on the first
split; the test split is scored once. What `bgswap inpaint` and `bgswap augment` make of them is kept in --cache (empty
it after changes in augmentation/ or inpainting/). Figures but seconds are the same every time. Tables go to stdout as
Markdown, progress to stderr. A dash: no such part, or not here. LPIPS needs SqueezeNet: `bgswap models fetch
squeezenet1_1`, or a row of your own catalog. The whole takes about an hour and a half on two cores.
"""

import argparse
import shlex
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import results_colors
import results_mattes
import results_places
import results_speed
from results_samples import BLOCKS, Source, quiet

from bgswap.evaluation.tables import harmonize_gan, hpbnet

PARTS = {"harmonize": results_colors, "place": results_places, "matte": results_mattes, "speed": results_speed}
DASH = "-"
WIDTH = 120
# iHarmony4, all 7,404 test pictures at 256 x 256, as their authors' leaderboards print them: MSE, PSNR, fMSE
IHARMONY4: dict[str, tuple[float, ...]] = {
    "iHarmony4: composite as given": (172.47, 31.63, 1387.30),
    "iHarmony4: DIH (Tsai et al. 2017)": (76.77, 33.41, 773.18),
    "iHarmony4: DoveNet 2020": (52.36, 34.75, 549.96),
    "iHarmony4: iSSAM": (24.44, 38.19, 264.96),
    "iHarmony4: DucoNet 2023": (18.47, 39.17, 212.53),
}
PAPERS = {"HPBNet's own portraits": hpbnet.ABLATION, "harmonization GAN's report": harmonize_gan.HARMONIZED}


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose columns stand below each other."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    line = [f"{'-' * (width - 1)}:" if column else "-" * width for column, width in enumerate(widths)]

    def shown(cells: Sequence[str]) -> str:
        first, *others = zip(cells, widths, strict=True)
        return f"| {first[0]:{first[1]}} " + "".join(f"| {cell:>{width}} " for cell, width in others) + "|"

    return "\n".join(shown(cells) for cells in (head, line, *rows))


def cell(value: float | None, digits: int) -> str:
    """A figure, or a dash where there is none."""
    return DASH if value is None or value != value else f"{value:.{digits}f}"


def filled(text: str) -> str:
    """In lines of at most WIDTH."""
    return textwrap.fill(text, WIDTH, break_on_hyphens=False)


def published() -> str:
    """What papers printed, on their own pictures."""
    rows = [[name, *(f"{value:.2f}" for value in values)] for name, values in IHARMONY4.items()]
    for name, table in PAPERS.items():
        rows += [[f"{name}: {row.system}", *(f"{v:.2f}" for v in row.values[:2]), DASH] for row in table.published]
    return markdown(("published, on other pictures", "MSE", "PSNR", "fMSE"), rows)


def show(name: str, source: Source, chosen: argparse.Namespace) -> None:
    """Measure a part and print its table."""
    part: Any = PARTS[name]
    measure: Callable[..., tuple[list[list[Any]], str]] = part.measure
    named = {"matte": (chosen.matte,), "speed": (chosen.ours, chosen.matte)}.get(name, (chosen.ours,))
    rows, count = measure(source, *named)
    cells = [[str(row[0]), *(cell(v, d) for v, d in zip(row[1:], part.DIGITS, strict=True))] for row in rows]
    print(
        f"### {part.TITLE}\n\n{filled(part.LEGEND)}\n\n{markdown(part.HEAD, cells)}\n\n{filled(count)}.\n", flush=True
    )


def main() -> None:
    """Print every table that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--split", choices=[name for name in BLOCKS if name != "training"], default="validation")
    parser.add_argument("--limit", type=int, metavar="N", help="people and photos of each kind, for a quick look")
    parser.add_argument("--only", default=",".join(PARTS), help="of harmonize, place, matte, speed; by comma")
    parser.add_argument("--ours", default="transform", help="the network of composite: a name, or a run")
    parser.add_argument("--matte", default="people", help="the matting network: a name, or a run")
    parser.add_argument("--cache", type=Path, default=Path("runs/results"))
    parser.add_argument("--jobs", type=int, default=2)
    chosen = parser.parse_args()
    wanted = chosen.only.split(",")
    if unknown := [name for name in wanted if name not in PARTS]:
        parser.error(f"--only knows {', '.join(PARTS)}, not {', '.join(unknown)}")
    if not (chosen.data / "people").is_dir():
        raise SystemExit(f"nothing to measure: no photos at {chosen.data}")
    quiet()
    source = Source(chosen.data, chosen.cache, chosen.split, chosen.limit, chosen.jobs)
    command = shlex.join(["python", *sys.argv])
    few = f", {chosen.limit} of each kind" if chosen.limit else ""
    print(filled(f"Split: {chosen.split}{few}. Made by `{command}`.") + "\n")
    for name in PARTS:
        if name in wanted:
            show(name, source, chosen)
    if "harmonize" in wanted:
        print(f"### Published, and not measured here\n\n{published()}")


if __name__ == "__main__":
    main()
