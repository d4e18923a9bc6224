"""`bgswap composite`: options become settings, and one call follows."""

from dataclasses import replace
from typing import Any

import click

from bgswap import operands
from bgswap import options as shared
from bgswap.errors import UsageError

HARMONIZE, SHADOW, BLEND = (f"bgswap.compositing.{step}" for step in ("harmonize", "shadow", "blend"))


@click.command()
@click.option("--person", metavar="P", help="A photo, a cut-out, a folder of either, or -.")
@click.option("--bg", "--background", metavar="B", help="A place, a folder of places, a COLOR, 'blur', or -.")
@click.option("-o", "--output", metavar="OUT", help="A file, a folder, or -.  [default: <person>_<bg>.jpg]")
@click.option(
    "--pair",
    type=click.Choice(["product", "zip", "random"]),
    default="product",
    show_default=True,
    help="Who goes where.",
)
@click.option("--seed", default=0, show_default=True, metavar="N", help="Of --pair random.")
@click.option(
    "--frame",
    type=click.Choice(["background", "person"]),
    default="background",
    show_default=True,
    help="Whose size the result has.",
)
@click.option(
    "--place",
    metavar="WAY",
    default="fit",
    show_default=True,
    help="fit, keep, or X,Y,H[,ROTATION[,flip]]: middle of the box's lower edge and its height, as shares of the "
    "frame, and degrees.",
)
@shared.way_option("--harmonize", HARMONIZE, "none", "The person's colors.", "--harmonise")
@click.option(
    "--strength",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    metavar="0-1",
    help="Of --harmonize.",
)
@shared.way_option("--shadow", SHADOW, "contact", "What falls on the ground.")
@shared.way_option("--blend", BLEND, "over", "How edges mix.")
@click.option("--feather", type=float, metavar="PX", help="Width of --blend feather.")
@click.option(
    "--light",
    type=click.Choice(["srgb", "linear"]),
    default="srgb",
    show_default=True,
    help="Where edges mix.",
)
@click.option(
    "--max-enlarge",
    default=1.5,
    show_default=True,
    metavar="X",
    help="Warn where the person is enlarged more.",
)
@click.option(
    "--matte-model",
    metavar="MODEL",
    shell_complete=shared.model_names,
    default="people",
    show_default=True,
    help="For people who are not cut out yet.",
)
@click.option("--who", default="largest", show_default=True, metavar="WHO", help="all, largest, X,Y or N, as in matte.")
@shared.model_options
@shared.run_options
@click.pass_context
def composite(ctx: click.Context, /, person: str | None, bg: str | None, output: str | None, **options: Any) -> int:
    """Write finished pictures: the people of P set into the places of B.

    \b
    bgswap composite --person me.jpg --bg beach.jpg
    bgswap composite --person cutouts/ --bg places/ --pair random --seed 7 -o out/
    """
    from bgswap.compositing.decide import CompositeSettings
    from bgswap.compositing.pairs import named_after_both, pair, person_of
    from bgswap.compositing.stage import CompositeStage
    from bgswap.folders.plan import RunOptions
    from bgswap.folders.records import from_files, named
    from bgswap.matting.predict import MatteSettings
    from bgswap.zoo.choice import ModelOptions

    matte = MatteSettings(model=options.pop("matte_model"), who=options.pop("who"))
    how, seed = options.pop("pair"), options.pop("seed")
    kinds = (shared.Naming, CompositeSettings, ModelOptions, RunOptions)
    naming, settings, model, run = shared.split(options, *kinds)
    found = operands.resolve([person] if person else [], naming, "person", out=output or "./")
    found.records = map(person_of, found.records)
    backdrop = shared.backdrop(bg)
    places = []
    if backdrop is not None:  # a color or a blur is as big as the photo, and the person stays where they were
        settings = replace(settings, frame="person", **shared.unless_given(ctx, place="keep", shadow="none"))
    elif bg:
        if person == bg == "-":
            raise UsageError("person and place cannot both come from standard input")
        places = from_files([named(bg)], "background")
        found.records = pair(found.records, places, how, seed)
        found.sources = [*found.sources, named(bg)]
        found.several |= how == "product" and len(places) > 1
    elif not found.live:
        raise UsageError("name a place: --bg B, with B a picture, a folder, a color or 'blur'")
    if output is None and naming.target_directory is None:
        found.records = named_after_both(found.records, str(bg))
        naming = replace(naming, in_place=True)
    layout = operands.layout(found, naming, "jpg", "composite")
    stage = CompositeStage(settings, matte, model, backdrop)
    return operands.go(stage, found, layout, run, [path for place in places for path in place.paths.values()])
