"""`bgswap augment`: options become settings, photos become samples' records, and one call follows."""

from collections.abc import Callable
from dataclasses import Field, fields, replace
from pathlib import Path
from typing import Any

import click

from bgswap import operands
from bgswap import options as shared
from bgswap.augmentation.ranges import RANGES, FrameRanges
from bgswap.errors import UsageError

METHODS = "bgswap.augmentation.methods"
LAYOUTS = "bgswap.augmentation.layouts"
FILLS = "bgswap.inpainting.ways"


def _option(spelling: str, name: str, one: "Field[Any]") -> Callable[[shared.Command], shared.Command]:
    """The option of one field of a dataclass of ranges."""
    default = ",".join(f"{value:g}" for value in one.default) if isinstance(one.default, tuple) else str(one.default)
    kind: Any = shared.Span() if isinstance(one.default, tuple) else type(one.default)
    source = one.metadata["source"]
    return click.option(
        spelling, name, default=one.default, type=kind, help=f"{one.metadata['help']} ({source})  [default: {default}]"
    )


def range_options(function: shared.Command) -> shared.Command:
    """An option for every range: --<method>-<field>; those of the frame have no prefix."""
    for method, kind in reversed([("", FrameRanges), *RANGES.items()]):
        for one in reversed(fields(kind)):
            words = one.name.replace("_", "-")
            spelling = f"--{method}-{words}" if method else f"--{words}"
            function = _option(spelling, f"{method or 'frame'}_{one.name}", one)(function)
    return function


@click.command()
@click.argument("names", nargs=-1, metavar="PHOTOS SAMPLES")
@shared.way_option("--layout", LAYOUTS, None, "PHOTOS is a data set, laid out as its makers have it:")
@click.option("--category", metavar="NAME", help="Of a layout that has classes: this one instead of people.")
@click.option("--foreground", metavar="CUTOUTS", help="Cut-outs of the photos by key, as bgswap matte writes them.")
@click.option("--alpha", metavar="MATTES", help="Mattes or masks by key instead; white is the person.")
@click.option(
    "--plate", metavar="PLATES", help="The photos without their people by key, as bgswap inpaint writes them."
)
@click.option("--background", metavar="PLACES", help="Pictures of other places, drawn from for every sample.")
@click.option(
    "--normals", metavar="NORMALS|MODEL", help="Of relight: pictures of the photos' normals by key, or a network."
)
@click.option("--run", metavar="RUN", help="Of triplet: a trained fusion network, which makes the hard ones.")
@shared.ways_option("--method", METHODS, "What is made; recolor and relight can follow one another.", required=True)
@click.option("--copies", default=1, show_default=True, type=click.IntRange(1, 999), metavar="N", help="Of each photo.")
@click.option("--seed", default=0, show_default=True, metavar="S", help="The same seed gives the same samples.")
@click.option(
    "--size", default="256", show_default=True, type=shared.Frame(), metavar="N|WxH|native", help="In pixels."
)
@click.option("--people", type=click.IntRange(0), metavar="N", help="Only photos with exactly N people.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only N photos, drawn by the seed.")
@shared.way_option("--fill", FILLS, "patchmatch", "Of placement: how decoys are filled, as plates were.", or_run=True)
@range_options
@shared.model_options
@shared.sample_options
def augment(names: tuple[str, ...], **options: Any) -> int:
    """Write training samples made from PHOTOS: pictures in SAMPLES/ROLE/, a line a sample in SAMPLES/metadata.jsonl.

    A line has file_name (the first role), ROLE_file_name of the others, key, method, seed, copy, parameters (all that
    made the sample) and, of placement, box_true: x, y, height, rotation and flip of the person's place, as composite
    has them. Roles of placement: foreground, mask, plate, composite_true; recolor and relight: composite, alpha,
    composite_true; triplet: image, alpha, background, composite_true; matting: image, alpha_true; frames: composite,
    alpha, previous_composite, previous_alpha, composite_true, previous_composite_true, flow_true; shadow: foreground,
    plate, shadow_true, composite_true; portrait: portrait; hole: holed, mask, photo_true. The sample of a seed, key
    and copy is always the same.

    \b
    bgswap augment photos/ samples/ --foreground cutouts/ --method recolor --method relight --copies 4
    bgswap augment photos/ moved/ --foreground cutouts/ --plate plates/ --method placement --people 1
    bgswap augment photos/ mattes320/ --alpha mattes/ --background places/ --method matting --size 240x320
    """
    from bgswap.augmentation import sources
    from bgswap.augmentation.samples import SampleSettings, outputs
    from bgswap.augmentation.stage import AugmentStage
    from bgswap.folders.plan import RunOptions
    from bgswap.folders.records import select
    from bgswap.inpainting.fill import InpaintSettings
    from bgswap.zoo.choice import ModelOptions
    from bgswap.zoo.runs import is_run

    own = {word: options.pop(word) for word in ("layout", "category", "background", "normals", "run", "fill")}
    joined = {role: options.pop(role) for role in ("foreground", "alpha", "plate")}
    frame, *ranges = _ranges(options)
    methods: tuple[str, ...] = options.pop("method")
    settings = SampleSettings(methods, options["seed"], options.pop("size"), frame, _used(ranges, methods))
    settings = settings if own["run"] else settings.easy()
    naming, choice, model, run = shared.split(options, shared.Naming, sources.Choice, ModelOptions, RunOptions)
    found = operands.resolve_layout(names, naming, LAYOUTS, own["layout"], own["category"])
    for word, method in (("run", "triplet"), ("normals", "relight")):
        if own[word] and method not in methods:
            raise UsageError(f"--{word} is for --method {method}")
    if joined["foreground"] and joined["alpha"]:
        raise UsageError("--foreground and --alpha exclude each other: a cut-out has its matte")
    if own["normals"] and Path(own["normals"]).is_dir() and not is_run(Path(own["normals"])):
        joined["normals"] = own.pop("normals")
    if joined["foreground"] or joined["alpha"]:
        found.records = map(sources.without_outline, found.records)
    for role, name in joined.items():
        if name:
            found.join(role, name)
    places = operands.pictures(own["background"], found) if own["background"] else []
    photos = list(select(found.records, run.keys, run.exclude, (1, 1)))
    found.records = sources.samples(photos, places, choice, settings)
    where = operands.sample_layout(found, outputs(settings))
    stage = AugmentStage(settings, model, InpaintSettings(model=own["fill"]), own["run"], own.get("normals"))
    return operands.go(stage, found, where, replace(run, keys=None, exclude=None))


def _ranges(options: dict[str, Any]) -> list[Any]:
    """The dataclasses of ranges, the frame's first, from the options that are theirs."""
    kinds: dict[str, type[Any]] = {"frame": FrameRanges, **RANGES}
    return [
        kind(**{one.name: options.pop(f"{method}_{one.name}") for one in fields(kind)})
        for method, kind in kinds.items()
    ]


def _used(ranges: list[Any], methods: tuple[str, ...]) -> tuple[Any, ...]:
    """The ranges that these methods draw from."""
    names = {*methods, *(["recolor"] if "frames" in methods else [])}
    return tuple(one for one in ranges if one.method in names)
