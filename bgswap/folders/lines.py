"""What a finished record looks like to others: the journal, a report, the next command, and make."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bgswap.errors import Exit
from bgswap.folders.journal import Journal
from bgswap.folders.plan import Plan
from bgswap.folders.records import STREAM
from bgswap.folders.task import Outcome


def journal_entry(journal: Journal, outcome: Outcome, inputs: str, settings: str) -> dict[str, Any]:
    """What -u needs to know of a record, and what went wrong with it."""
    entry: dict[str, Any] = {"key": outcome.record.key, "status": outcome.status, "inputs": inputs}
    entry["settings"] = settings
    entry["outputs"] = {journal.name(outcome.outputs[role]): size for role, size in outcome.sizes.items()}
    entry["seconds"] = outcome.seconds
    if outcome.warnings:
        entry["warnings"] = outcome.warnings
    if outcome.fields:
        entry["fields"] = outcome.fields
    if outcome.error:
        entry["error"] = outcome.error
    return entry


def report_line(outcome: Outcome, models: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """One line of --report; bgswap(1) tells the fields under REPORT."""
    failed = outcome.status == "failed"
    return {
        "key": outcome.record.key,
        "src": str(outcome.record.source),
        "dst": str(next(iter(outcome.outputs.values()))),
        "outputs": {role: str(path) for role, path in outcome.outputs.items()},
        "status": outcome.status,
        "error": {"code": int(Exit.FAILED), "message": outcome.error} if failed else None,
        "model": [model["name"] for model in models],
        "sha256": [model["sha256"] for model in models],
        "size": outcome.size,
        "seconds": outcome.seconds,
        "warnings": outcome.warnings,
        **outcome.fields,
    }


def record_line(outcome: Outcome) -> dict[str, Any]:
    """A finished record as a metadata.jsonl line with absolute names; the roles of its source go along."""
    given = {role: path for role, path in outcome.record.paths.items() if path != STREAM}
    roles: Mapping[str, Path] = {**given, **outcome.outputs}
    names = {f"{role}_file_name": str(path.absolute()) for role, path in roles.items()}
    main = next(iter(outcome.outputs.values()))
    return {"file_name": str(main.absolute()), "key": outcome.record.key, **names, **outcome.fields}


def make_rules(plans: Sequence[Plan], models: Sequence[Mapping[str, str]]) -> str:
    """A make rule an output, naming the pictures and weights that it was made from."""
    weights = [model["path"] for model in models if model.get("path")]
    rules = []
    for plan in plans:
        needs = [str(path) for path in plan.record.paths.values() if path != STREAM] + weights
        for path in plan.outputs.values():
            if path != STREAM:
                rules.append(f"{_escaped(str(path))}: {' '.join(map(_escaped, needs))}\n")
    return "".join(rules)


def _escaped(name: str) -> str:
    return name.replace("$", "$$").replace("\\", "\\\\").replace(" ", "\\ ").replace("#", "\\#").replace(":", "\\:")
