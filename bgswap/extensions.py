"""Extension folders: a folder of small files is a list of choices.

One file is one choice, its name the option's value (`_` is typed as `-`), the first line of its docstring its
line in the help. Installed packages join through the entry point group of the same name
(`bgswap.matting.refine`, ...).
"""

import re
from functools import cache
from importlib import import_module, metadata
from pathlib import Path
from types import ModuleType

from bgswap.errors import UsageError


@cache
def _folder(package: str) -> Path:
    # The folder is found from the package's name, so that listing choices for --help imports none of them.
    return Path(__file__).parent.joinpath(*package.split(".")[1:])


@cache
def _plugins(package: str) -> dict[str, metadata.EntryPoint]:
    return {point.name: point for point in metadata.entry_points(group=package)}


def names(package: str) -> list[str]:
    """The choices of an extension folder such as "bgswap.matting.refine", sorted."""
    own = (path.stem for path in _folder(package).glob("*.py") if not path.stem.startswith("_"))
    return sorted({name.replace("_", "-") for name in own} | set(_plugins(package)))


def load(package: str, name: str) -> ModuleType:
    """Import one choice. An unknown name is a UsageError that lists the known ones."""
    if name not in names(package):
        raise UsageError(f"{package.rsplit('.', 1)[1]} has no '{name}'. Choose one of: {', '.join(names(package))}")
    file = _folder(package) / f"{name.replace('-', '_')}.py"
    if file.exists():
        return import_module(f"{package}.{file.stem}")
    module: ModuleType = _plugins(package)[name].load()
    return module


def summary(package: str, name: str) -> str:
    """The first line of a choice's docstring, which is its file's first line: read without importing it."""
    file = _folder(package) / f"{name.replace('-', '_')}.py"
    if not file.exists():
        return f"(plug-in {_plugins(package)[name].value})"
    with file.open(encoding="utf-8") as lines:
        return lines.readline().strip().strip('"')


def variants(package: str, name: str) -> tuple[str, ...]:
    """The words of a choice's VARIANTS, the default first, read without importing it; none where it has none."""
    file = _folder(package) / f"{name.replace('-', '_')}.py"
    found = re.search(r"^VARIANTS = \(([^)]*)\)", file.read_text(encoding="utf-8"), re.M) if file.exists() else None
    return tuple(re.findall(r'"([^"]+)"', found[1])) if found else ()
