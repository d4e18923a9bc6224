"""Decisions as JSON lines: written, read, looked up by key. bgswap-composite(1) tells the form under DECISIONS."""

import base64
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.decisions import PARTS, Blend, ColorMap, Decisions, Globals, Lens, Place, ShadowLayer
from bgswap.errors import PictureError, UsageError
from bgswap.folders.records import STREAM, show

VERSION = 1
Part = TypeVar("Part")


def to_line(decisions: Decisions) -> str:
    """One JSON line, without the line end. Warnings are for the reader of this run and are not saved.

    Raises:
        UsageError: the person was painted, and pixels are no decision.
    """
    if decisions.painting is not None:
        raise UsageError("painted pixels are no decision and cannot be saved: leave out --paint")
    line: dict[str, Any] = {"version": VERSION, "key": decisions.key}
    line |= {"person": decisions.person, "background": decisions.background}
    if decisions.size is not None:
        line["size"] = list(decisions.size)
    parts = {
        "place": decisions.place and asdict(decisions.place),
        "harmonize": decisions.harmonize and _color_to_json(decisions.harmonize),
        "shadow": decisions.shadow and asdict(decisions.shadow),
        "blend": asdict(decisions.blend),
        "lens": decisions.lens and asdict(decisions.lens),
    }
    line |= {name: part for name, part in parts.items() if name not in decisions.missing}
    return json.dumps(line, allow_nan=False)


def from_line(line: str | bytes) -> Decisions:
    """Read one line; any part may be missing. UsageError says what is wrong with it."""
    try:
        parts = json.loads(line)
    except ValueError as error:
        raise UsageError(f"not a JSON line of decisions: {error}") from error
    if not isinstance(parts, dict) or parts.get("version") != VERSION:
        raise UsageError(f'a line of decisions is an object with "version": {VERSION}')
    size = parts.get("size")
    if size is not None and (not isinstance(size, list) or [type(n) for n in size] != [int, int]):
        raise UsageError(f'"size" is [height, width] in pixels, not {size}')
    names = {name: parts.get(name, "") for name in ("key", "person", "background")}
    if wrong := [name for name, value in names.items() if not isinstance(value, str)]:
        raise UsageError(f'"{wrong[0]}" is a text, not {names[wrong[0]]}')
    return Decisions(
        place=_part(Place, parts, "place"),
        harmonize=_color_from_json(parts["harmonize"]) if parts.get("harmonize") else None,
        shadow=_part(ShadowLayer, parts, "shadow"),
        blend=_part(Blend, parts, "blend") or Blend(),
        lens=_part(Lens, parts, "lens"),
        size=None if size is None else (size[0], size[1]),
        missing=frozenset(PARTS - set(parts)),
        **names,
    )


def read_lines(lines: Iterable[str | bytes]) -> Iterator[Decisions]:
    """Decisions of a file's lines, one after another; empty lines are passed over, a bad one is named by its number."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield from_line(line)
            except UsageError as error:
                raise UsageError(f"decisions, line {number}: {error}") from error


class SavedDecisions:
    """A file of decisions, looked up by key; only where its lines begin is kept in memory.

    Several lines of one key are several people of one picture, in order.
    """

    def __init__(self, path: Path) -> None:
        """Raises UsageError for a file that cannot be read, or a line that cannot be applied."""
        self.path = path
        self.named: list[Decisions] = []  # the lines without their grids: key, person and background
        self._lines: dict[str, list[int]] = {}
        try:
            with path.open("rb") as file:
                self._index(file)
        except OSError as cause:
            raise UsageError(f"{show(path)}: {cause.strerror}") from cause

    def _index(self, file: IO[bytes]) -> None:
        start = 0
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    one = from_line(line)
                except UsageError as error:
                    raise UsageError(f"{show(self.path)}, line {number}: {error}") from error
                self._lines.setdefault(one.key, []).append(start)
                self.named.append(Decisions(None, key=one.key, person=one.person, background=one.background))
            start += len(line)

    def of(self, key: str) -> list[Decisions]:
        """The decisions of a key. PictureError where the file has none."""
        return [from_line(line) for line in self.lines(key)]

    def lines(self, key: str) -> list[bytes]:
        """The lines of a key as they stand in the file."""
        if key not in self._lines:
            raise PictureError(f"{show(self.path)} has no decisions for the key '{show(key)}'")
        with self.path.open("rb") as file:
            found = []
            for start in self._lines[key]:
                file.seek(start)
                found.append(file.readline().rstrip(b"\n"))
        return found

    def __contains__(self, key: object) -> bool:
        return key in self._lines


class DecisionWriter:
    """--save-decisions: lines as they come, into a file that is replaced whole at the end; "-" is standard output.

    keep: lines of keys that this run leaves alone stay, as with -u.
    """

    def __init__(self, path: Path, *, keep: bool = False) -> None:
        self.path, self._written = path, set[str]()
        self._old = SavedDecisions(path) if keep and path != STREAM and path.exists() else None
        self._temporary = path.with_name(f".bgswap-{os.getpid()}-{path.name}.tmp")
        try:
            self._file = sys.stdout.buffer if path == STREAM else self._temporary.open("wb")
        except OSError as cause:
            raise UsageError(f"{show(path)} cannot be written: {cause.strerror}") from cause

    def add(self, key: str, lines: Sequence[str]) -> None:
        """The lines of one picture, one for each person; those of one that was left alone are the file's old ones."""
        told = [line.encode() for line in lines] or (self._old.lines(key) if self._old and key in self._old else [])
        self._written.add(key)
        for line in told:
            self._file.write(line + b"\n")
        self._file.flush()

    def close(self) -> None:
        """Put the file in its place. What an interrupted run did not come to keeps its old lines.

        A run that came to nothing at all leaves the file that was there.
        """
        if self.path == STREAM:
            return
        if not self._written:
            self._file.close()
            self._temporary.unlink(missing_ok=True)
            return
        for key in dict.fromkeys(one.key for one in self._old.named) if self._old else ():
            if key not in self._written:
                self.add(key, ())
        self._file.close()
        os.replace(self._temporary, self.path)


def _part(kind: type[Part], parts: Mapping[str, Any], name: str) -> Part | None:
    given = parts.get(name)
    if given is None:
        return None
    try:
        made = kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in given.items()})
    except (TypeError, AttributeError) as error:
        raise UsageError(f'"{name}": {str(error).split(".__init__() ")[-1]}') from error
    for key, value in vars(made).items():
        if not _fits(value, getattr(kind, key, 0.0)):  # x, y and height have no default: they are numbers
            raise UsageError(f'"{name}": {key} cannot be {value!r}')
    return made


def _fits(value: Any, default: Any) -> bool:
    if isinstance(default, tuple):
        return isinstance(value, tuple) and len(value) == len(default) and all(_fits(one, 0.0) for one in value)
    if isinstance(default, str | bool):
        return isinstance(value, type(default))
    if isinstance(value, bool):
        return False
    return (isinstance(value, float | int) and bool(np.isfinite(value))) or (value is None and default is None)


def _color_to_json(color: ColorMap) -> dict[str, Any]:
    line: dict[str, Any] = {"way": color.way, "strength": color.strength}
    if color.globals is not None:
        line["globals"] = asdict(color.globals)
    for name in ("grid", "shading"):
        numbers = getattr(color, name)
        if numbers is not None:
            packed = base64.b64encode(numbers.astype("<f2").tobytes()).decode("ascii")
            line[name] = {"shape": list(numbers.shape), "f16": packed}
    return line


def _color_from_json(line: Any) -> ColorMap:
    strength = line.get("strength", 1.0) if isinstance(line, dict) else None
    if isinstance(strength, bool) or not isinstance(strength, float | int) or not 0 <= strength <= 1:
        raise UsageError('"harmonize" is an object with a strength of 0 to 1')
    # A part that this version cannot apply is refused: passing over it would give other pixels than were decided.
    if unknown := set(line) - {"way", "strength", "globals", "grid", "shading"}:
        raise UsageError(f'"harmonize" cannot be applied: {", ".join(sorted(unknown))} is not known here')
    arrays = {name: _array(line[name], name) for name in ("grid", "shading") if line.get(name)}
    return ColorMap(str(line.get("way", "none")), float(strength), _part(Globals, line, "globals"), **arrays)


def _array(given: Any, name: str) -> NDArray[np.float32]:
    try:
        flat = np.frombuffer(base64.b64decode(given["f16"], validate=True), "<f2")
        return flat.reshape(given["shape"]).astype(np.float32)
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f'"harmonize": the {name} cannot be read: {error}') from error
