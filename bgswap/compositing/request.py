"""Who is to be set where, and what is written: the operands of `bgswap composite` become records, and those run."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bgswap import extensions, operands
from bgswap.compositing.decide import CompositeSettings
from bgswap.compositing.pairs import named_after_both, pair, person_of
from bgswap.compositing.placement import WAYS, parse_place, ways_of
from bgswap.compositing.saved import DecisionWriter, SavedDecisions
from bgswap.compositing.stage import CANDIDATE, CompositeStage, fingerprint, networks_of, person_role
from bgswap.compositing.video.footage import is_video
from bgswap.errors import UsageError
from bgswap.folders.records import STREAM, Record, check_key, from_files, named
from bgswap.matting.predict import MatteSettings
from bgswap.options import Naming, backdrop
from bgswap.zoo.choice import ModelOptions

if TYPE_CHECKING:
    from bgswap.folders.plan import RunOptions
    from bgswap.folders.task import Outcome


@dataclass(frozen=True)
class CompositeRequest:
    """The options that say what is read and written, named as they are."""

    person: tuple[str, ...] = ()
    bg: str | None = None
    output: str | None = None
    pair: str = "product"
    seed: int = 0
    candidates: int | None = None
    decisions: Path | None = None
    save_decisions: Path | None = None
    alpha: str | None = None
    smooth: float = 1.0


def run(
    request: CompositeRequest,
    naming: Naming,
    settings: CompositeSettings,
    matte: MatteSettings,
    model: ModelOptions,
    options: "RunOptions",
) -> int:
    """Make every picture that was asked for; the command's exit code."""
    _check(request, settings)
    if any(is_video(Path(name)) for name in (*request.person, request.bg or "")):
        from bgswap.compositing.video.request import run_video  # PyAV wakes up here

        return run_video(request, naming, settings, matte, model, options)
    saved = SavedDecisions(request.decisions) if request.decisions else None
    found = _people(request, naming, saved)
    places = _with_places(request, found)
    if request.output is None and naming.target_directory is None:
        found.records = named_after_both(found.records, str(request.bg))
        naming = replace(naming, in_place=True)
    if request.candidates:
        found.records = _candidates(found.records, request.candidates)
        found.several = True
    layout = operands.layout(found, naming, "jpg", "composite", [("alpha", request.alpha, "png")])
    stage = CompositeStage(
        settings,
        matte,
        model,
        backdrop(request.bg),
        max(1, len(request.person), _most(saved)),
        tuple(layout.targets),
        (request.decisions, fingerprint(request.decisions)) if request.decisions else None,
        request.save_decisions is not None,
    )
    shared = [path for place in places for path in place.paths.values()]
    if request.save_decisions is None or options.dry_run:
        return operands.go(stage, found, layout, options, shared)
    writer = DecisionWriter(request.save_decisions, keep=options.update or options.no_clobber)
    try:
        return operands.go(stage, found, layout, options, shared, _collector(writer))
    finally:
        writer.close()


def _check(request: CompositeRequest, settings: CompositeSettings) -> None:
    """Refuse, before anything is read, what could only fail picture by picture."""
    people = len(request.person) or 1
    for way in ways_of(settings.place, people) if not request.decisions else ():
        if "," in way:
            parse_place(way)
        else:
            extensions.load(WAYS, way)
    networks_of(settings)
    if request.candidates and settings.place != "learned":
        raise UsageError("--candidates needs --place learned: other ways know one place only")
    if request.save_decisions == STREAM and request.output == "-":
        raise UsageError("the picture and its decisions cannot both go to standard output: name a file for one of them")
    if request.save_decisions and settings.paint:
        raise UsageError("painted pixels are no decision and cannot be saved: leave out --paint or --save-decisions")


def _people(request: CompositeRequest, naming: Naming, saved: SavedDecisions | None) -> operands.Operands:
    first, *others = request.person or (None,)
    if saved and first is None and not (naming.files0_from or naming.records_from):
        return _told_by(saved, naming.target_directory or request.output)
    found = operands.resolve([first] if first else [], naming, "person", out=request.output or "./")
    found.records = map(person_of, found.records)
    for number, other in enumerate(others, 1):
        if other is not None:
            found.join(person_role(number), other)
    return found


def _told_by(saved: SavedDecisions, output: str | None) -> operands.Operands:
    """Records of the people and places that the lines of a file name."""
    lines: dict[str, list[tuple[str, str]]] = {}
    for one in saved.named:
        if not (one.key and one.person and one.background):
            raise UsageError(
                f"a line of {saved.path} names no key, person and background: name them with --person and --bg"
            )
        lines.setdefault(check_key(one.key), []).append((one.person, one.background))
    records = []
    for key, people in lines.items():
        paths = {person_role(number): Path(person) for number, (person, _) in enumerate(people)}
        records.append(Record(key, paths | {"background": Path(people[0][1])}))
    sources = [path for record in records for path in record.paths.values()]
    return operands.Operands(records, sources, output or "./", len(records) > 1)


def _with_places(request: CompositeRequest, found: operands.Operands) -> list[Record]:
    """Give the records their places; the places."""
    if backdrop(request.bg) is not None:
        return []
    if not request.bg:
        if not found.live and not request.decisions:
            raise UsageError("name a place: --bg B, with B a picture, a folder, a color or 'blur'")
        return []
    if request.bg == "-" and "-" in request.person:
        raise UsageError("person and place cannot both come from standard input")
    places = from_files([named(request.bg)], "background")
    found.records = pair(found.records, places, request.pair, request.seed)
    found.sources = [*found.sources, named(request.bg)]
    found.several |= request.pair == "product" and len(places) > 1
    return places


def _candidates(records: Iterable[Record], count: int) -> Iterator[Record]:
    for record in records:
        for number in range(1, count + 1):
            fields = {**record.fields, CANDIDATE: number}
            yield replace(record, key=f"{record.key}.{number}", fields=fields)


def _most(saved: SavedDecisions | None) -> int:
    """How many people the lines of a file set into one picture at most."""
    return max(Counter(one.key for one in saved.named).values(), default=0) if saved else 0


def _collector(writer: DecisionWriter) -> Callable[["Outcome"], None]:
    def collect(outcome: "Outcome") -> None:
        if outcome.status != "failed":
            writer.add(outcome.record.key, outcome.lines)

    return collect
