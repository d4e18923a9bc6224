"""`bgswap models` and `bgswap doctor`: options become a call, rows become a table or plain lines."""

import sys
from collections.abc import Iterable
from typing import Literal

import click


def _names(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """For the TAB key: names of the catalog, never of the network."""
    from bgswap.zoo.catalog import catalog

    return [name for name in catalog() if name.startswith(begun)]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def models() -> None:
    """List, fetch, verify and remove the weights that commands use.

    \b
    bgswap models list
    bgswap models fetch u2netp birefnet-portrait
    """


@models.command("list")
def list_() -> None:
    """Print every known model.

    A table on a terminal; elsewhere one line a model, separated by tabs: name, task, state, bytes, license,
    about.
    """
    from bgswap.zoo.inventory import rows

    found = rows()
    if not sys.stdout.isatty():
        for row in found:
            click.echo("\t".join((row.name, row.task, row.state, str(row.bytes), row.license, row.about)))
        return
    lines = [(row.name, row.task, row.state, _size(row.bytes), row.license, row.about) for row in found]
    _table(("model", "task", "here", "size", "license", "about"), lines)


@models.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=_names)
@click.option("--accept-license", multiple=True, metavar="NAME", help="Accept the license of this model's weights.")
@click.option("--offline", is_flag=True, help="Never use the network; look only on this machine.")
def fetch(names: tuple[str, ...], accept_license: tuple[str, ...], offline: bool) -> None:
    """Download models and print where their files are.

    A download that is cut short goes on at the next try; a file gets its name only when its checksum is
    right.
    """
    from bgswap.zoo import inventory

    for name in names:
        for path in inventory.fetch(name, accept_license, offline):
            click.echo(path)


@models.command()
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=_names)
def verify(names: tuple[str, ...]) -> None:
    """Compare weights with their checksums.

    Reads every copy of these models in full; without a name, of all that bgswap keeps. Prints model, ok or WRONG,
    SHA-256 and path, separated by tabs. Status 3 when a file is wrong.
    """
    from bgswap.errors import NotReady
    from bgswap.zoo.inventory import verify as verify_

    checks = verify_(names)
    for check in checks:
        click.echo("\t".join((check.model, "WRONG" if check.problem else "ok", check.sha256, str(check.path))))
    wrong = [f"{check.path}: {check.problem}" for check in checks if check.problem]
    if wrong:
        names = tuple(dict.fromkeys(check.model for check in checks if check.problem))
        raise NotReady("\n".join([*wrong, f"Fetch again: bgswap models fetch {' '.join(names)}"]))


@models.command()
@click.argument("name", required=False, shell_complete=_names)
def path(name: str | None) -> None:
    """Print where a model's files are.

    Without a name: the folder of fetched models.
    """
    from bgswap.zoo import inventory, store

    for one in inventory.path(name) if name else [store.models_folder()]:
        click.echo(one)


@models.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=_names)
def remove(names: tuple[str, ...]) -> None:
    """Delete fetched models and print which files.

    Other programs' files and recorded checksums stay.
    """
    from bgswap.zoo import inventory

    for name in names:
        for one in inventory.remove(name):
            click.echo(one)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
def doctor() -> None:
    """Tell what works on this machine, what does not, and why.

    Nothing is sent anywhere. Off a terminal: one line a fact, separated by tabs: ok or !! or -, fact, value,
    advice.
    """
    from bgswap.zoo.doctor import facts

    marks = {True: "ok", False: "!!", None: "-"}
    lines = [(marks[fact.ok], fact.what, fact.value, fact.advice) for fact in facts()]
    if sys.stdout.isatty():
        _table(("", "what", "found", "to do"), lines)
        return
    for line in lines:
        click.echo("\t".join(line).rstrip("\t"))


def _size(count: int) -> str:
    return f"{count / 1e6:.0f} MB" if count else ""


def _table(heads: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for head in heads:
        # names are to be copied: they stay on one line
        justify: Literal["right", "left"] = "right" if head == "size" else "left"
        table.add_column(head, overflow="fold", justify=justify, no_wrap=head == "model")
    for line in lines:
        table.add_row(*map(Text, line))  # Text: a user's own catalog may hold what rich takes for markup
    Console().print(table)
