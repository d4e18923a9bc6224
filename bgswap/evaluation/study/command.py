"""`bgswap eval study`: options become settings, folders a page, answers a table."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bgswap import options as shared
from bgswap.errors import UsageError

if TYPE_CHECKING:
    from bgswap.evaluation.study.fit import Fit

DIGITS = 6  # of numbers in CSV; JSON has them all


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def study() -> None:
    """Ask people which pictures look better, and fit what they say.

    \b
    bgswap eval study make ours/ theirs/ none/ --out study.html
    bgswap eval study fit answers*.csv
    """


@study.command()
@click.argument("systems", nargs=-1, required=True, metavar="[NAME=]FOLDER...")
@click.option("-o", "--out", required=True, type=shared.PATH, metavar="FILE.html", help="The page.")
@click.option(
    "--kind",
    type=click.Choice(["pairs", "top3"]),
    default="pairs",
    show_default=True,
    help="Two systems' pictures side by side, or all results of a set and three picks in order (seed 001).",
)
@click.option("--pairs", type=click.IntRange(1), metavar="N", help="Questions asked.  [default: all, at most 200]")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), metavar="S", help="Of what is drawn.")
@click.option(
    "--side",
    default=640,
    show_default=True,
    type=click.IntRange(32, 4096),
    metavar="PX",
    help="Longer side of pictures on the page.",
)
@click.option(
    "--hardest", type=click.IntRange(1), metavar="N", help="Only the N pictures that look least of one piece."
)
@click.option("--mask", metavar="MASKS", help="Of --hardest: where the person is, by key; white is the person.")
@click.option(
    "--input", "composites", metavar="COMPOSITES", help="Of --hardest: what it judges, in place of all systems' mean."
)
@click.option("--foreground", metavar="FOLDER", help="Of top3: what was set in, by key, shown beside the results.")
@click.option("--repeats", default=0, type=click.IntRange(0), metavar="N", help="Ask N pairs twice, sides swapped.")
@click.option("--title", default="Picture study", show_default=True, metavar="TEXT", help="Of the page.")
@click.option("--question", metavar="TEXT", help="What is asked.  [default: Which picture looks more real?]")
@shared.read_options
def make(systems: tuple[str, ...], **options: Any) -> None:
    """Write a page that asks people which system's pictures look better.

    The page is one file that needs no network; raters answer by mouse or keyboard and send back a file of answers.
    It shows the folders' pictures of the same names under random names. FILE.key.json, written beside it, says whose
    each is: keep it, and send the page alone.

    --hardest ranks pictures by how far the person's colors lie from those around it (mean and spread in CIELAB).
    Seed 003 chose its 500 hardest by hand; this is ours.

    \b
    bgswap eval study make ours/ theirs/ none/ --out study.html --pairs 60
    bgswap eval study make a/ b/ c/ d/ -o top.html --kind top3 --foreground cutouts/
    bgswap eval study make ours/ theirs/ -o hard.html --hardest 50 --mask masks/ --input none/
    """
    from bgswap.evaluation.study.draw import StudySettings
    from bgswap.evaluation.study.make import Sources, make_study, write
    from bgswap.evaluation.systems import name_systems
    from bgswap.folders.picture import ReadOptions
    from bgswap.folders.records import named, show

    out, quiet, debug = options.pop("out"), options.pop("quiet"), options.pop("debug")
    del debug, options["verbose"]  # bgswap.cli looks for --debug; there is no more to say than is said
    folders = {role: options.pop(role) for role in ("mask", "composites", "foreground")}
    masks, composites, foreground = (named(name) if name else None for name in folders.values())
    if out.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"{show(out)} is to be a page: end its name in .html")
    settings, reading = shared.split(options, StudySettings, ReadOptions)
    found = {name: named(path) for name, path in name_systems(systems)}
    made = make_study(found, settings, Sources(masks, composites, foreground), reading)
    key = write(made, out)
    if not quiet:
        count = f"{len(made.questions)} questions, {len(made.page) / 1e6:.1f} MB"
        told = (*made.notes, f"{show(out)}: {count}. Send it alone: {show(key)} says whose picture each is")
        click.echo("\n".join(f"bgswap eval study make: {note}" for note in told), err=True)


@study.command()
@click.argument("files", nargs=-1, required=True, type=shared.PATH, metavar="ANSWERS.csv...")
@click.option("--key", type=shared.PATH, metavar="FILE", help="The study's NAME.key.json, where it is not beside them.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON line a system.")
@shared.talk_options
def fit(files: tuple[Path, ...], key: Path | None, as_json: bool, quiet: bool, **_: Any) -> None:
    """Print how systems stand by what raters answered.

    Pairs give Bradley-Terry strengths: natural logs, 0 in the mean, higher is better; a tie is half a win each. Top
    threes give mean rank scores (1, 2, 3 points, 8 for every other: lower is better) and sets won. Intervals are 95 %
    bootstraps over raters, or over answers where one person answered. A table on a terminal, else CSV with a column
    for every system that was won against. Published strengths stand on another scale: compare ranks.

    \b
    bgswap eval study fit answers*.csv
    bgswap eval study fit answers*.csv --key study.key.json --json
    """
    from bgswap.evaluation.study.answers import read_answers
    from bgswap.evaluation.study.fit import fit as fit_answers

    fitted = fit_answers(read_answers(files, key))
    if as_json:
        _json(fitted)
    elif sys.stdout.isatty():
        _table(fitted)
    else:
        _csv(fitted)
    if not quiet:
        click.echo("\n".join(f"bgswap eval study fit: {note}" for note in fitted.notes), err=True)


def _rows(fitted: "Fit") -> list[dict[str, Any]]:
    """What all three forms print, a dictionary a system."""
    pairs = fitted.kind == "pairs"
    rows = []
    for one in fitted.standings:
        row: dict[str, Any] = {"rank": one.rank, "system": one.system, "strength" if pairs else "score": one.score}
        row |= {"low": one.low, "high": one.high, "answers": one.answers}
        row |= {"won": one.won, "tied": one.tied, "lost": one.lost} if pairs else {"sets_won": one.won}
        rows.append(row)
    return rows


def _overs(fitted: "Fit") -> list[dict[str, float]]:
    """How often every row's system beat every other."""
    names = [one.system for one in fitted.standings]
    return [
        {other: float(fitted.wins[row, n]) for n, other in enumerate(names) if n != row} for row in range(len(names))
    ]


def _json(fitted: "Fit") -> None:
    import json

    for row, over in zip(_rows(fitted), _overs(fitted), strict=True):
        plain = {name: None if value != value else value for name, value in row.items()}
        click.echo(json.dumps({**plain, "over": over}))


def _csv(fitted: "Fit") -> None:
    import csv

    rows = _rows(fitted)
    names = [one.system for one in fitted.standings]
    lines = csv.writer(sys.stdout, lineterminator="\n")
    lines.writerow([*rows[0], *(f"over {name}" for name in names)])
    for row, over in zip(rows, _overs(fitted), strict=True):
        lines.writerow([_short(value) for value in (*row.values(), *(over.get(name, "") for name in names))])


def _short(value: Any) -> Any:
    if isinstance(value, float):
        return "" if value != value else f"{value:.{DIGITS}g}"
    return value


def _table(fitted: "Fit") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from bgswap.folders.records import show

    def rows_of(heads: list[str], lines: list[list[str]]) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for head in heads:
            table.add_column(
                Text(head), justify="left" if head in ("system", "wins over") else "right", overflow="fold"
            )
        for line in lines:
            table.add_row(*map(Text, line))  # Text: names may hold what rich takes for markup
        return table

    form = "+.2f" if fitted.kind == "pairs" else ".2f"

    def told(name: str, value: object) -> str:
        if not isinstance(value, float):
            return show(value)
        number = form if name in ("strength", "score", "low", "high") else "g"
        return "-" if value != value else f"{value:{number}}"

    rows = _rows(fitted)
    names = [one.system for one in fitted.standings]
    over = [[f"{wins[other]:g}" if other in wins else "" for other in names] for wins in _overs(fitted)]
    console = Console()
    console.print(rows_of([*rows[0]], [[told(name, value) for name, value in row.items()] for row in rows]))
    console.print()
    shown = list(map(show, names))
    console.print(rows_of(["wins over", *shown], [[name, *line] for name, line in zip(shown, over, strict=True)]))
