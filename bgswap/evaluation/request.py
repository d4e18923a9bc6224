"""What a user asked to be measured becomes settings and records, or a sentence that says what is missing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import IO

from bgswap import extensions
from bgswap.errors import UsageError
from bgswap.evaluation import systems as names
from bgswap.evaluation.conventions import CONVENTIONS, Convention
from bgswap.evaluation.metric import Metric, find
from bgswap.evaluation.published import Table
from bgswap.evaluation.scene import BOXES
from bgswap.evaluation.settings import BASELINES, ScoreSettings
from bgswap.evaluation.systems import NOTHING, System, fields_of
from bgswap.folders import picture, records
from bgswap.folders.records import Record
from bgswap.zoo.choice import ModelOptions

# what is measured where nobody says: nothing that needs a download or an extra
OF_PICTURES, OF_PEOPLE = ("l1", "mse", "psnr"), ("fmse", "fpsnr")
OF_MATTES = ("alpha-mad", "alpha-mse", "sad", "grad", "conn", "dice", "iou")
NEEDED = {  # metric's role -> (the record's role that must be there, what to type)
    "true": ("true", "--true TRUE"),
    "true_alpha": ("true_alpha", "--true TRUE"),
    "input": ("input", "--input IN"),
    "mask": ("mask", "--mask MASKS"),
    "background": ("background", "--background PLACES"),
    "true_previous": ("true", "--true TRUE"),
    "true_previous_alpha": ("true_alpha", "--true TRUE"),
}


@dataclass(frozen=True)
class Request:
    """The options of `bgswap eval` that say what is measured, by their names."""

    predicted: tuple[str, ...]
    true: str | None = None
    input: str | None = None
    mask: str | None = None
    background: str | None = None
    trimap: str | None = None
    metric: tuple[str, ...] = ()
    baseline: tuple[str, ...] = ()
    convention: str = "plain"
    at: tuple[int, int] | None = None
    resize: str | None = None
    by: str | None = None
    if_possible: tuple[str, ...] = ()  # baselines of a seed's table, left out where what they need is not given


def resolve(request: Request, stream: IO[bytes] | None = None) -> tuple[ScoreSettings, list[Record], list[str]]:
    """Settings, records, and notes for the reader of the figures. stream: records of another command, as a system.

    Raises UsageError: a folder or field is missing, names clash, or a metric lacks what it needs.
    """
    operands, true = list(request.predicted), request.true
    if true is None and stream is None and len(operands) == 2 and not names.is_named(operands[1]):
        true = operands.pop()  # two bare folders are PREDICTED and TRUE; NAME=PATH is a system
    truth = names.of_truth(true) if true is not None else None
    systems, found = _systems(operands, request.baseline)
    if stream is not None:
        piped = System("piped", len(found))
        systems, found = [*systems, piped], {**found, piped: names.of_stream(stream)}
    if truth is None and not found:
        raise UsageError("name what to measure: PREDICTED... --true TRUE")
    given = {"input": request.input, "mask": request.mask, "background": request.background}
    given["trimap"] = None if request.trimap == "auto" else request.trimap
    joined = names.join(truth, found, {role: name for role, name in given.items() if name is not None})
    metrics, notes = _metrics(request.metric, joined), list[str]()
    systems[1:1] = _possible(request.if_possible, joined, notes)
    names.check_names(systems)
    _check(metrics, joined, [system for system in systems if system != NOTHING])
    _check_field(request.by, joined)
    if any("previous" in role for metric in metrics for role in metric.roles):
        joined = names.with_previous(joined)
    convention = CONVENTIONS[request.convention]
    metrics = find(_counted(metric.name, convention) for metric in metrics)
    if convention.name != "plain":
        notes.append(f"convention {convention.name}: {convention.summary}")
        if convention.under_mask and not _has("mask", joined):
            raise UsageError(f"--convention {convention.name} needs --mask MASKS")
    at = request.at or ((convention.at, convention.at) if convention.at else None)
    if at:
        notes.append(f"everything was brought to {at[1]}x{at[0]} pixels before it was measured")
    if request.resize:
        notes.append(f"pictures of other sizes than the truth's were brought to its size ({request.resize})")
    if request.trimap:
        notes.append("mattes were measured over the trimap's unknown band alone")
    settings = ScoreSettings(metrics, tuple(systems), request.convention, at, request.resize, request.trimap)
    return settings, joined, notes


def request_of_table(request: Request, tables: Sequence[Table], model: ModelOptions) -> tuple[Request, list[str]]:
    """The request with the metrics and baselines of a seed's tables where none were named; notes on what is left out.

    A table does not fail for a trunk that is not on this disk: its column stands as published only, and a note says
    how the trunk is had.
    """
    if not tables:
        return request, []
    asked = request.metric or tuple(dict.fromkeys(name for one in tables for name in one.metrics))
    kept, notes = [], []
    for metric in find(asked):
        absent = [name for name in metric.models if not all(w["path"] for w in model.weights(name))]
        if absent:
            notes.append(f"{metric.name} is not measured: bgswap models fetch {' '.join(absent)}")
        else:
            kept.append(metric.name)
    wanted = () if request.baseline else dict.fromkeys(name for one in tables for name in one.baselines)
    return replace(request, metric=tuple(kept), if_possible=tuple(wanted)), notes


def _systems(operands: Sequence[str], baselines: Sequence[str]) -> tuple[list[System], dict[System, list[Record]]]:
    """All rows of the table in order, and the records of those that are folders."""
    rows = [NOTHING, *(System(name, baseline=name) for name in dict.fromkeys(baselines))]
    found: dict[System, list[Record]] = {}
    for name, path in names.name_systems(operands):
        if names.is_trained(path):
            rows.append(System(name, run=path))
            continue
        system = System(name, len(found))
        found[system] = names.of_system(path)
        rows.append(system)
    return rows, found


def _metrics(asked: Sequence[str], joined: Sequence[Record]) -> tuple[Metric, ...]:
    if asked:
        return find(asked)
    first = next((record for record in joined if not record.error), None)
    if first is None:
        raise UsageError("no picture has both a prediction and a truth of its key: compare the names in both folders")
    if "true" not in first.paths and "true_alpha" not in first.paths:
        raise UsageError("name the truth with --true TRUE, or a metric that needs none with --metric NAME")
    if "true" not in first.paths or _is_matte(first):
        return find(OF_MATTES)
    return find(OF_PICTURES + (OF_PEOPLE if _has("mask", joined) else ()))


def _counted(name: str, convention: Convention) -> str:
    """A metric's name with the convention's variant, where neither the user nor the default says which."""
    return f"psnr:{convention.psnr}" if name == "psnr" and convention.psnr != "255" else name


def _is_matte(record: Record) -> bool:
    """Whether a truth is a matte: gray, or with transparency."""
    if record.paths["true"] != record.paths.get("true_alpha"):
        return False  # a sample says itself which is which
    shown = picture.read(record.paths["true"]) if record.paths["true"] != records.STREAM else None
    if shown is None:
        return False
    clear = shown.alpha is not None and bool((shown.alpha < shown.alpha.max()).any())
    return clear or bool((shown.rgb[..., :1] == shown.rgb[..., 1:]).all())


def _has(role: str, joined: Iterable[Record]) -> bool:
    return any(role in record.paths for record in joined)


def _check(metrics: Sequence[Metric], joined: Sequence[Record], systems: Sequence[System]) -> None:
    """UsageError where a metric could not have a value on any record."""
    known = {role for record in joined if not record.error for role in record.paths}
    if not known and joined:
        return  # every record has its own error, which is told by name
    for metric in metrics:
        for role in metric.roles:
            needed, option = NEEDED.get(role, (role, ""))
            if option and needed not in known:
                raise UsageError(f"--metric {metric.name} needs {option}")
    for system in systems:
        if system.run and "input" not in known:
            raise UsageError(f"{system.name} is a run, which makes its pictures from photos: name them with --input IN")
        if system.baseline and (lacking := _lacking(system.baseline, joined)):
            raise UsageError(f"--baseline {system.baseline} needs {lacking}")
    boxes = [metric.name for metric in metrics if set(metric.roles) & set(BOXES)]
    if boxes and len(boxes) < len(metrics) and not {"true", "true_alpha"} & known:
        raise UsageError(f"--metric {boxes[0]} measures numbers and the others pixels: measure them in two runs")


def _possible(baselines: Iterable[str], joined: Sequence[Record], notes: list[str]) -> list[System]:
    """The rows of those baselines that have what they need; a note on each of the others."""
    lacking = {name: _lacking(name, joined) for name in baselines}
    notes += [f"{name} is not measured: it needs {options}" for name, options in lacking.items() if options]
    return [System(name, baseline=name) for name, options in lacking.items() if not options]


def _lacking(name: str, joined: Sequence[Record]) -> str:
    """The options that a baseline needs and nobody gave; "" where all are there."""
    lacking = [role for role in extensions.load(BASELINES, name).ROLES if not _has(role, joined)]
    return " and ".join(NEEDED[role][1] for role in lacking)


def _check_field(by: str | None, joined: Sequence[Record]) -> None:
    if by is None or by == "folder":
        return
    known = {name for record in joined for name in fields_of(record)}
    if by not in known:
        listed = ", ".join(sorted(known)) or "none: write a metadata.jsonl with file_name and fields"
        raise UsageError(f"no record has a field '{by}'. Fields: {listed}; 'folder' is the key's first folder")
