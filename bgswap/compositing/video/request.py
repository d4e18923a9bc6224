"""`bgswap composite` where a video is named: one person, one place, one result."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from bgswap.compositing.backdrop import blurred, plain
from bgswap.compositing.cutter import Cutter
from bgswap.compositing.decide import CompositeSettings
from bgswap.compositing.decider import Networks
from bgswap.compositing.saved import DecisionWriter, SavedDecisions, to_line
from bgswap.compositing.stage import CompositeStage
from bgswap.compositing.video.composite import Told, VideoFiles, composite_video
from bgswap.errors import Exit, UsageError
from bgswap.folders.records import named, show
from bgswap.folders.reporter import FrameReporter
from bgswap.folders.workers import usable_cpus
from bgswap.matting.predict import MatteSettings
from bgswap.options import Naming, backdrop
from bgswap.zoo.choice import ModelOptions

if TYPE_CHECKING:
    from bgswap.compositing.request import CompositeRequest
    from bgswap.folders.plan import RunOptions


def run_video(
    request: "CompositeRequest",
    naming: Naming,
    settings: CompositeSettings,
    matte: MatteSettings,
    model: ModelOptions,
    options: "RunOptions",
) -> int:
    """The same for one video: one person, one place, one result."""

    beyond = {
        "several --person": len(request.person) > 1,
        "--candidates": request.candidates,
        "--records-from, --files0-from": naming.records_from or naming.files0_from,
        "--records, --report, --depfile": options.records or options.report or options.depfile,
        "--cluster": options.cluster,
        "--shard, --keys, --exclude": options.shard != (1, 1) or options.keys or options.exclude,
        "-u": options.update,
        "--depth 16": options.depth != 8,
    }
    if wrong := [name for name, given in beyond.items() if given]:
        raise UsageError(f"a video is one result of one person and one place: leave out {wrong[0]}")
    if not request.person or not request.bg:
        raise UsageError("a video needs --person P and --bg B")
    person, place = named(request.person[0]), backdrop(request.bg)
    out = _video_name(request, naming)
    if options.no_clobber and out.exists():
        return int(Exit.DONE)
    background = named(request.bg) if place is None else _backdrop_of(place)
    files = VideoFiles(person, background, out, Path(request.alpha) if request.alpha else None)
    if options.dry_run:
        sys.stdout.write(f"{show(person)}\t{show(out)}\tmake\n")
        return int(Exit.DONE)
    jobs = options.jobs or usable_cpus()
    cutter, networks = Cutter(matte, model, 1), Networks(model, 1)
    saved = SavedDecisions(request.decisions) if request.decisions else None
    given = (lambda number: saved.of(f"{number:06d}")[0]) if saved else None
    writer = DecisionWriter(request.save_decisions) if request.save_decisions else None
    bar = FrameReporter(CompositeStage.command, options.verbose, debug=options.debug)
    keep = (lambda one: writer.add(one.key, [to_line(one)])) if writer else None
    try:
        told = Told(bar.progress, keep)
        done = composite_video(
            files, settings, cutter.cut, networks, smooth=request.smooth, jobs=jobs, given=given, told=told
        )
    finally:
        bar.close()
        if writer:
            writer.close()
    bar.finish(out, done.frames, [*cutter.notes, *networks.notes], done.warnings)
    return int(Exit.DONE)


def _video_name(request: "CompositeRequest", naming: Naming) -> Path:
    """OUT as typed, or in the folder that it is, <person>_<bg>.mp4."""
    usual = f"{Path(request.person[0]).stem}_{Path(str(request.bg).lstrip('#')).stem}.mp4"
    out = naming.target_directory or request.output or usual
    if out == "-":
        raise UsageError("a video needs a file: name one that ends in .mp4, .mov, .mkv or .webm")
    return Path(out, usual) if out.endswith("/") or Path(out).is_dir() or naming.target_directory else Path(out)


def _backdrop_of(place: tuple[int, int, int] | str) -> Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]:
    if isinstance(place, tuple):
        return lambda _photo, cut: plain(place, cut.shape[:2], cut.dtype)
    return lambda photo, cut: blurred(photo, cut[..., 3])
