"""Answers of a study, read back: rows of names become systems again, by the study's key."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bgswap.errors import UsageError
from bgswap.folders.records import show

COLUMNS = {
    "pairs": ("study", "rater", "pair", "left", "right", "choice", "milliseconds"),
    "top3": ("study", "rater", "set", "first", "second", "third", "milliseconds"),
}
CHOICES = {"left": (0,), "right": (1,), "tie": ()}


@dataclass(frozen=True)
class Answer:
    """One question, answered. shown: systems as they stood; picked: the best first, none for a tie.

    repeats: the question that this one asked again, "" for first askings.
    """

    rater: str
    question: str
    key: str
    shown: tuple[str, ...]
    picked: tuple[str, ...]
    repeats: str = ""


@dataclass(frozen=True)
class Answers:
    """All answers of one study. kind: "pairs" or "top3"; notes: what the user should hear of the files."""

    study: str
    kind: str
    systems: tuple[str, ...]
    answers: tuple[Answer, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Line:
    place: str  # "file.csv, line 3"
    cells: Mapping[str, str]


def read_answers(files: Sequence[Path], key: Path | None = None) -> Answers:
    """The answers in CSV files that a study's page wrote, with its key: `key`, or the NAME.key.json that fits them.

    A row that stands in several files, as when somebody saved twice, counts once. The key is looked for beside the
    answers and in the working directory.

    Raises:
        UsageError: every file that cannot be used, with its line and what is wrong; answers of another study; one
            rater's two different answers to one question; no key.
    """
    problems: list[str] = []
    lines: list[_Line] = []
    for file in dict.fromkeys(files):
        try:
            lines += _lines(file)
        except UsageError as cause:
            problems.append(str(cause))
    studies: dict[str, str] = {}
    for line in lines:
        studies.setdefault(line.cells["study"], line.place)
    known = _key(key) if key else None
    if known is None and len(studies) == 1:
        known = _found([*(file.parent for file in files), Path()], next(iter(studies)))
    for study, place in studies.items():
        if known and study != known["study"]:
            problems.append(f"{place}: answers of study {show(study)}, and the key is that of {show(known['study'])}")
    if not known and len(studies) > 1:
        listed = "; ".join(f"{show(study)} in {place}" for study, place in studies.items())
        problems.append(f"answers of {len(studies)} studies cannot be fitted together: {listed}")
    if problems:
        raise UsageError("\n".join(problems))
    if not known:
        raise UsageError("these files hold no answers")
    return _understood(lines, known)


def _lines(file: Path) -> list[_Line]:
    try:
        text = file.read_bytes().decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except OSError as cause:
        raise UsageError(f"{show(file)}: {cause.strerror}") from cause
    except (UnicodeDecodeError, csv.Error) as cause:
        raise UsageError(f"{show(file)} is no CSV file of answers: {cause}") from cause
    head = tuple(rows[0]) if rows else ()
    if head not in COLUMNS.values():
        raise UsageError(f"{show(file)} is no file of answers: its first line is not {','.join(COLUMNS['pairs'])}")
    lines = []
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(head):
            raise UsageError(f"{show(file)}, line {number}: {len(row)} cells where {len(head)} should be")
        lines.append(_Line(f"{show(file)}, line {number}", dict(zip(head, row, strict=True))))
    return lines


def _key(file: Path) -> dict[str, Any]:
    try:
        known = json.loads(file.read_bytes())
        if known["kind"] in COLUMNS and {"study", "systems", "pictures", "questions"} <= set(known):
            return dict(known)
    except OSError as cause:
        raise UsageError(f"{show(file)}: {cause.strerror}") from cause
    except (ValueError, KeyError, TypeError):
        pass
    raise UsageError(f"{show(file)} is not the key of a study, as bgswap eval study make writes it")


def _found(folders: Iterable[Path], study: str) -> dict[str, Any]:
    for folder in dict.fromkeys(folders):
        for file in sorted(folder.glob("*.key.json")):
            try:
                known = _key(file)
            except UsageError:
                continue  # another file of that ending
            if known["study"] == study:
                return known
    raise UsageError(
        f"no key of study {show(study)} beside the answers: give the file beside its page, --key NAME.key.json"
    )


def _understood(lines: Sequence[_Line], known: Mapping[str, Any]) -> Answers:
    """Rows as answers. UsageError with every row that the key contradicts."""
    answers: dict[tuple[str, str], Answer] = {}
    places: dict[tuple[str, str], str] = {}
    problems: list[str] = []
    twice = 0
    for line in lines:
        try:
            answer = _answer(line.cells, known)
        except ValueError as cause:
            problems.append(f"{line.place}: {cause}")
            continue
        asked = answer.rater, answer.question
        if asked in answers and answers[asked] != answer:
            problems.append(
                f"{line.place}: {show(answer.rater)} answered {answer.question} otherwise in {places[asked]}. "
                f"If two people share the name, change it in one file; else leave the older file out"
            )
        twice += asked in answers
        answers.setdefault(asked, answer)
        places.setdefault(asked, line.place)
    if problems:
        more = [f"and {len(problems) - 10} lines more"] if len(problems) > 10 else []
        raise UsageError("\n".join(problems[:10] + more))
    notes = (f"{twice} answers stand in more than one place, and count once",) if twice else ()
    return Answers(str(known["study"]), str(known["kind"]), tuple(known["systems"]), tuple(answers.values()), notes)


def _answer(cells: Mapping[str, str], known: Mapping[str, Any]) -> Answer:
    """ValueError says what is wrong with a row."""
    number = cells.get("pair") or cells.get("set") or ""
    question = known["questions"].get(number)
    if question is None or ("pair" in cells) != (known["kind"] == "pairs"):
        raise ValueError(f"the study has no question '{show(number)}'")
    shown = list(question["shown"])
    if "pair" in cells:
        if [cells["left"], cells["right"]] != shown:
            raise ValueError(f"{number} showed other pictures: the file was changed, or is of another page")
        if cells["choice"] not in CHOICES:
            raise ValueError(f"the choice is '{show(cells['choice'])}', not left, right or tie")
        picked = [shown[place] for place in CHOICES[cells["choice"]]]
    else:
        picked = [cells["first"], cells["second"], cells["third"]]
        if not set(picked) <= set(shown) or len(set(picked)) < len(picked):
            raise ValueError(f"the picks are not three of the pictures that {number} showed")
    owner = {name: str(known["pictures"][name]["system"]) for name in shown}
    systems, chosen = tuple(owner[name] for name in shown), tuple(owner[name] for name in picked)
    rater = cells["rater"] or "somebody"
    return Answer(rater, number, str(question["key"]), systems, chosen, question.get("repeats") or "")
