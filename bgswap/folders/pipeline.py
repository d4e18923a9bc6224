"""A whole run: records in, files out, in order, with journal, report, progress and the exit code.

Every command but train goes through `run`. What happens to one record is in task.py, where it runs in
workers.py, where it goes in layout.py, what is left alone in plan.py, what is remembered in journal.py, what
is said in reporter.py.
"""

import os
import queue
import secrets
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from pathlib import Path

import bgswap
from bgswap.errors import BgswapError, Exit
from bgswap.folders import files, lines, workers
from bgswap.folders.journal import Journal, digest, printable
from bgswap.folders.layout import Layout, refuse_clashes
from bgswap.folders.listing import Listing
from bgswap.folders.picture import ReadOptions
from bgswap.folders.plan import Plan, Planner, RunOptions, lines_of_dry_run
from bgswap.folders.records import STREAM, Record, select, show
from bgswap.folders.reporter import Reporter, ReportFile
from bgswap.folders.task import Coding, Outcome, Stage, Task, carry_out, prepared

CHUNK = 8  # ours: records a cluster task; long enough to hide its cost, short enough to lose little with a worker

Submit = Callable[[list[Plan]], Future[list[Outcome]] | None]
_Waiting = queue.Queue[tuple[list[Plan], Future[list[Outcome]] | None] | BaseException | None]


@dataclass
class _Run:
    """One run's fixed parts, so that its steps need not hand them round."""

    stage: Stage
    layout: Layout
    options: RunOptions
    reporter: Reporter
    planner: Planner
    models: Sequence[Mapping[str, str]]  # the stage's, looked up once
    shared: frozenset[Path]  # inputs that several records read
    collect: Callable[[Outcome], None] | None = None
    report: ReportFile | None = None
    listing: Listing | None = None
    finished: list[Plan] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    name: str = field(default_factory=lambda: secrets.token_hex(4))
    folders: set[Path] = field(default_factory=set)  # where outputs went


def run(
    stage: Stage,
    records: Iterable[Record],
    layout: Layout,
    options: RunOptions,
    *,
    live: Iterable[Path] | None = None,
    whole: bool = False,
    collect: Callable[[Outcome], None] | None = None,
) -> Exit:
    """Work on every record and write its outputs.

    live: given when the records come one by one from another command, so that nothing can be known of all of
    them beforehand; it then names the inputs that many records share. whole: the records are all there are, so
    that outputs of others in the journal are stale. collect: gets every outcome, in order. Returns DONE or FAILED.
    Raises UsageError or BgswapError before the first write, NotReady when a model is not to be had,
    KeyboardInterrupt as it comes.
    """
    log = _journal(stage, layout, options)
    models = stage.models()
    planner = Planner(layout, options, log, _settings(stage, models, layout, options))
    if live is not None:
        plans = planner.plan_live(select(records, options.keys, options.exclude, options.shard))
        reporter = Reporter(stage.command, None, options.verbose, debug=options.debug)
        return _carry_on(_Run(stage, layout, options, reporter, planner, models, frozenset(live), collect), plans)
    listed = list(records)
    everything = list(select(listed, options.keys, options.exclude, (1, 1)))
    outputs = [(record, layout.outputs(record)) for record in everything]
    refuse_clashes(outputs)
    mine = [planner.plan(record) for record in select(everything, None, None, options.shard)]
    reporter = Reporter(stage.command, len(mine), options.verbose, debug=options.debug)
    if not mine:
        reporter.say("no pictures fall into this shard" if everything else "no pictures were found")
        return Exit.DONE if everything else Exit.FAILED
    if options.dry_run:
        return _dry_run(mine)
    times = Counter(path for plan in mine for path in plan.record.paths.values())
    shared = frozenset(path for path, count in times.items() if count > 1)
    stale = _stale(log, layout, listed, whole) if log and options.update else []
    exit_code = _carry_on(_Run(stage, layout, options, reporter, planner, models, shared, collect), mine)
    for path in stale:
        reporter.say(f"{show(path)} is no longer made by these settings; it was left where it is")
    return exit_code


def _stale(log: Journal, layout: Layout, listed: Sequence[Record], whole: bool) -> list[Path]:
    # of all that was listed: what --keys and --exclude leave out today is no less made by these settings
    kept = {path for record in listed for path in layout.outputs(record).values()}
    return log.orphans(kept, None if whole else {record.key for record in listed})


def _journal(stage: Stage, layout: Layout, options: RunOptions) -> Journal | None:
    # a single output file gets a journal beside it only when -u asks to be remembered
    if layout.home is None or not (layout.journaled or options.update):
        return None
    return Journal(layout.home, stage.command, options.shard)


def _settings(stage: Stage, models: Sequence[Mapping[str, str]], layout: Layout, options: RunOptions) -> str:
    names = {role: (target.format, target.is_folder) for role, target in layout.targets.items()}
    coding = (options.quality, options.metadata, options.formats, options.depth, layout.name)
    weights = [model["sha256"] for model in models]
    return digest([bgswap.__version__, repr(stage), weights, names, coding])


def _dry_run(plans: Sequence[Plan]) -> Exit:
    failed = False
    for line, fails in lines_of_dry_run(plans):
        sys.stdout.write(line)
        failed |= fails
    return Exit.FAILED if failed else Exit.DONE


def _carry_on(run: _Run, plans: Iterable[Plan]) -> Exit:
    options = run.options
    if run.layout.listed:
        run.listing = Listing(run.layout.listed, options.shard)
    try:
        if options.report:
            head = {"bgswap": bgswap.__version__, "command": run.stage.command, "options": repr(run.stage)}
            run.report = ReportFile(options.report, head)
        to_do = None
        if isinstance(plans, list):  # all are known beforehand
            to_do = sum(plan.action == "make" for plan in plans)
            if options.update and options.verbose >= 0:
                run.reporter.say(f"{to_do} to do, {len(plans) - to_do} unchanged")
            _sweep(plans)
            if run.listing:
                run.listing.add_done(plans, run.planner.journal)
        _execute(run, iter(plans), to_do)
        return _end(run)
    finally:
        run.stop.set()
        run.reporter.close()
        if run.listing:
            run.listing.write()
        if run.report:
            run.report.close()


def _sweep(plans: Sequence[Plan]) -> None:
    """Remove what a killed run left half-written in the folders that this one writes to."""
    for folder in {path.parent for plan in plans if plan.action == "make" for path in plan.outputs.values()}:
        for path in files.leftovers(folder):
            path.unlink(missing_ok=True)


def _execute(run: _Run, plans: Iterator[Plan], to_do: int | None) -> None:
    options = run.options
    if to_do == 0:  # nothing is loaded for nothing
        for plan in plans:
            _finish(run, plan, _skipped(plan))
    elif options.cluster:
        with workers.cluster(options.cluster) as (executor, count):
            chunk = CHUNK if to_do is None else max(1, min(CHUNK, to_do // (2 * count)))
            _loop(run, plans, _submitter(run, executor, 1), window=2 * count, chunk=chunk)
        for path in (path for folder in run.folders for path in files.of_run(folder, run.name)):
            path.unlink(missing_ok=True)  # a worker was killed while it wrote; its record was done by another
    else:
        cpus = workers.usable_cpus()
        jobs = options.jobs or min(cpus, to_do or cpus)
        threads = max(1, cpus // jobs)
        # loaded here, not in the first worker: a model that cannot be had ends the run with its own exit code
        _, notes = prepared(run.stage, threads)
        run.reporter.once(notes)
        with workers.local(jobs) as executor:
            _loop(run, plans, _submitter(run, executor, threads), window=2 * jobs, chunk=1)


def _submitter(run: _Run, executor: Executor, threads: int) -> Submit:
    options, targets = run.options, run.layout.targets
    read = ReadOptions(formats=options.formats, max_pixels=options.max_pixels, depth=options.depth)
    coding = Coding(read, options.quality, options.metadata, run.name)
    formats = {role: target.format for role, target in targets.items()}
    roots = {role: target.path if target.is_folder else target.path.parent for role, target in targets.items()}
    piped: list[bytes] = []

    def submit(plans: list[Plan]) -> Future[list[Outcome]] | None:
        tasks = []
        for plan in plans:
            streams = STREAM in plan.record.paths.values()
            if streams and not piped:
                piped.append(sys.stdin.buffer.read())
            data = piped[0] if streams else None
            tasks.append(Task(plan.record, plan.outputs, formats, roots, run.shared, data))
        return executor.submit(carry_out, run.stage, coding, threads, tasks) if tasks else None

    return submit


def _loop(run: _Run, plans: Iterator[Plan], submit: Submit, *, window: int, chunk: int) -> None:
    """Submit chunks from a thread of its own, as a source may block; take outcomes here, in order."""
    waiting: _Waiting = queue.Queue(maxsize=window)

    def feed() -> None:
        try:
            for group in _chunks(plans, chunk):
                if run.stop.is_set():
                    return
                waiting.put((group, submit([plan for plan in group if plan.action == "make"])))
            waiting.put(None)
        except BaseException as cause:  # noqa: BLE001 - raised again in the main thread
            waiting.put(cause)

    threading.Thread(target=feed, daemon=True, name="bgswap-feed").start()
    while (item := waiting.get()) is not None:
        if isinstance(item, BaseException):
            raise item
        group, future = item
        made = iter(_outcomes(group, future))
        for plan in group:
            outcome = next(made) if plan.action == "make" else _skipped(plan)
            _finish(run, plan, outcome)
            if outcome.status == "failed" and run.options.fail_fast:
                run.stop.set()
                _drain(waiting)
                return


def _drain(waiting: _Waiting) -> None:
    """Cancel what has not begun, which also lets a feeder that waits for room see that it is over."""
    while not waiting.empty():
        item = waiting.get()
        if isinstance(item, tuple) and item[1]:
            item[1].cancel()


def _chunks(plans: Iterable[Plan], size: int) -> Iterator[list[Plan]]:
    group: list[Plan] = []
    for plan in plans:
        group.append(plan)
        if sum(one.action == "make" for one in group) >= size:
            yield group
            group = []
    if group:
        yield group


def _outcomes(group: Sequence[Plan], future: Future[list[Outcome]] | None) -> list[Outcome]:
    if future is None:
        return []
    try:
        return future.result()
    except BgswapError:
        raise
    except Exception as cause:  # noqa: BLE001 - a worker that died again and again: its records fail, the run goes on
        text = f"the worker was lost ({type(cause).__name__}): run again with -u"
        return [Outcome(plan.record, plan.outputs, "failed", text) for plan in group if plan.action == "make"]


def _skipped(plan: Plan) -> Outcome:
    return Outcome(plan.record, plan.outputs, "skipped")


def _finish(run: _Run, plan: Plan, outcome: Outcome) -> None:
    """Everything that follows one record: journal, report, standard output, progress."""
    run.reporter.once(outcome.notes)
    if run.collect:
        run.collect(outcome)
    run.folders |= {path.parent for path in outcome.outputs.values()}
    log = run.planner.journal
    if log and outcome.status != "skipped":
        try:
            log.add(lines.journal_entry(log, outcome, plan.inputs, run.planner.settings))
        except OSError as cause:
            problem = f"the journal cannot be written ({cause.strerror}): -u will do its records again"
            run.reporter.once([problem], level=-1)
    if run.listing:
        run.listing.add(outcome)
    if run.report:
        run.report.add(lines.report_line(outcome, run.models))
    if run.options.depfile:
        run.finished.append(plan)
    if outcome.stream is not None:
        sys.stdout.buffer.write(outcome.stream)
        sys.stdout.buffer.flush()
    if run.options.records and outcome.status != "failed":
        sys.stdout.write(printable(lines.record_line(outcome)))
        sys.stdout.flush()
    run.reporter.count(outcome)


def _end(run: _Run) -> Exit:
    if run.options.depfile:
        rules = lines.make_rules(run.finished, run.models)
        run.options.depfile.write_bytes(os.fsencode(rules))  # names need not be text
    counted = run.reporter.done + run.reporter.skipped + len(run.reporter.failed)
    if not counted:
        run.reporter.say("no records came")
        return Exit.FAILED
    run.reporter.finish()
    return Exit.FAILED if run.reporter.failed else Exit.DONE
