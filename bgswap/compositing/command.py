"""`bgswap composite`: options become settings, and one call follows."""

from typing import Any

import click

from bgswap import options as shared
from bgswap.compositing.systems import SYSTEMS
from bgswap.errors import UsageError

HARMONIZE, SHADOW, BLEND, PLACE = (f"bgswap.compositing.{step}" for step in ("harmonize", "shadow", "blend", "place"))
REFINE = "bgswap.matting.refine"


@click.command()
@click.option("--person", metavar="P", multiple=True, help="A photo, a cut-out, a folder, a video, or -; or several.")
@click.option("--bg", "--background", metavar="B", help="A place, a folder, a video, a COLOR, 'blur', or -.")
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
    "--system",
    type=click.Choice(sorted(SYSTEMS)),
    help="Another system's chain from end to end: other options' values.\n\n"
    + "\n\n".join(f"{name}: {one.about}." for name, one in sorted(SYSTEMS.items()))
    + "\n\n",
)
@click.option(
    "-m",
    "--model",
    metavar="RUN",
    default="",
    help="A run that decides of place, harmonize or shadow: whatever it can and no option names.",
)
@click.option(
    "--place",
    metavar="WAY",
    multiple=True,
    default=("fit",),
    callback=lambda _ctx, _option, ways: ";".join(ways),
    help=shared.with_ways(
        "Where they stand, fit by default; several times, one for each person. Or X,Y,H[,ROTATION[,flip]]: middle of "
        "the box's lower edge and its height, as shares of the frame, and degrees.",
        PLACE,
    ),
)
@click.option(
    "--candidates", type=click.IntRange(1, 99), metavar="N", help="Write the best N places of --place learned."
)
@shared.way_option("--harmonize", HARMONIZE, "none", "The person's colors; or a run.", "--harmonise", or_run=True)
@click.option(
    "--strength",
    type=click.FloatRange(0, 1),
    metavar="0-1",
    help="Of --harmonize; by default all of what a network decides, and half of what is painted or classical.",
)
@click.option("--paint/--no-paint", help="A network's picture as it is, not its change of color.")
@shared.way_option("--shadow", SHADOW, "cast", "What falls on the ground.")
@click.option(
    "--shadow-azimuth",
    type=float,
    metavar="DEG",
    help="Where the shadow falls: 0 away, 90 right, 180 to the camera; these five: by the place.",
)
@click.option("--shadow-length", type=float, metavar="X", help="Of the shadow, in heights of the person.")
@click.option(
    "--shadow-softness", type=float, metavar="X", help="Blur of the shadow's end, share of the frame's height."
)
@click.option("--shadow-density", type=click.FloatRange(0, 1), metavar="0-1", help="Light that the cast shadow takes.")
@click.option("--shadow-contact", type=click.FloatRange(0, 1), metavar="0-1", help="Light that is lost under the feet.")
@shared.way_option("--blend", BLEND, "over", "How edges mix; or a run.", or_run=True)
@click.option("--feather", type=float, metavar="PX", help="Width of --blend feather, laplacian or poisson.")
@click.option(
    "--light",
    type=click.Choice(["srgb", "linear"]),
    default="srgb",
    show_default=True,
    help="Where edges mix.",
)
@click.option("--match-grain", is_flag=True, help="Give the person the place's grain and sharpness.")
@click.option(
    "--defocus",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    metavar="PX",
    help="Blur the place as a lens does, behind the person by discs of this radius.",
)
@click.option(
    "--max-enlarge",
    default=1.5,
    show_default=True,
    metavar="X",
    help="Warn where the person is enlarged more.",
)
@click.option("--decisions", metavar="FILE", type=shared.PATH, help="Apply these decisions; what they lack is decided.")
@click.option("--save-decisions", metavar="FILE", type=shared.PATH, help="Write all decisions as JSON lines.")
@click.option("--alpha", metavar="OUT", help="Also write where the people are.")
@click.option(
    "--smooth",
    type=click.FloatRange(0),
    default=1.0,
    show_default=True,
    metavar="S",
    help="Seconds over which decisions of a video are averaged; 0: each frame by itself.",
)
@click.option(
    "--matte-model",
    metavar="MODEL",
    shell_complete=shared.model_names,
    default="people",
    show_default=True,
    help="For people who are not cut out yet.",
)
@shared.way_option("--refine", REFINE, "guided", "Of that matte's edges; or a run.", or_run=True)
@shared.colors_option("Of that matte's soft edges: without the old background, or as they are.")
@click.option("--who", default="largest", show_default=True, metavar="WHO", help="all, largest, X,Y or N, as in matte.")
@shared.model_options
@shared.run_options
@click.pass_context
def composite(ctx: click.Context, /, person: tuple[str, ...], bg: str | None, **options: Any) -> int:
    """Write finished pictures: the people of P set into the places of B.

    \b
    bgswap composite --person me.jpg --bg beach.jpg
    bgswap composite --person cutouts/ --bg places/ --pair random --seed 7 -o out/
    """
    from bgswap.compositing import request as asked
    from bgswap.compositing.decide import CompositeSettings
    from bgswap.folders.plan import RunOptions
    from bgswap.matting.predict import MatteSettings
    from bgswap.zoo.choice import ModelOptions

    options |= _system(ctx, options.pop("system"), options["model"])
    options |= _served(ctx, options["model"])
    if (
        shared.backdrop(bg) is not None
    ):  # a color or a blur is as big as the photo, and the person stays where they were
        options |= {"frame": "person"} | shared.unless_given(ctx, place="keep", shadow="none")
    matte = MatteSettings(
        options.pop("matte_model"), **{name: options.pop(name) for name in ("refine", "colors", "who")}
    )
    kinds = (shared.Naming, CompositeSettings, ModelOptions, RunOptions, asked.CompositeRequest)
    naming, settings, model, run, request = shared.split({**options, "person": person, "bg": bg}, *kinds)
    return asked.run(request, naming, settings, matte, model, run)


def _system(ctx: click.Context, name: str | None, run: str) -> dict[str, Any]:
    """What --system stands for, where no option says otherwise; a run takes the place of its own network."""
    if name is None:
        return {}
    system = SYSTEMS[name]
    told = shared.unless_given(ctx, **system.options)
    return told | {"model": "", system.network: run} if run else told


def _served(ctx: click.Context, run: str) -> dict[str, Any]:
    """The parts that --model RUN decides of, where no option names another way."""
    if not run:
        return {}
    from bgswap.compositing.decider import decides
    from bgswap.zoo.loader import describe

    card, _ = describe(run)
    usual = {"place": "learned", "harmonize": "learned", "shadow": "learned"}
    can = {part: way for part, way in usual.items() if decides(card, part)}
    if not can:
        raise UsageError(f"--model {run} is for the task '{card.task}': it decides of no place, color or shadow")
    return shared.unless_given(ctx, **can)
