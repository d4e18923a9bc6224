"""`bgswap matte`: options become settings, and one call follows."""

from typing import Any

import click

from bgswap import operands
from bgswap import options as shared

REFINE = "bgswap.matting.refine"


@click.command()
@click.argument("names", nargs=-1, metavar="IN OUT")
@click.option("--alpha", metavar="DIR", help="Also write the mattes.")
@click.option("--hole", metavar="DIR", help="Also write the photos with the people's holes.")
@click.option("--trimap", metavar="DIR", help="Read trimaps by key: black, gray (unknown), white.")
@click.option("--write-trimap", metavar="DIR", help="Also write trimaps.")
@click.option("--background", metavar="COLOR", help="Flatten on a color: #rrggbb or a CSS name.")
@click.option(
    "-m",
    "--model",
    default="people",
    show_default=True,
    metavar="NAME",
    shell_complete=shared.model_names,
    help="A name of bgswap models list, a file or a run.",
)
@shared.way_option(
    "--refine", REFINE, "guided", "How edges follow the photo; a run of refine works mattes over first.", or_run=True
)
@click.option(
    "--passes",
    type=click.Choice(["auto", "1", "2"]),
    default="auto",
    show_default=True,
    help="2 looks again, closer, at the person.",
)
@shared.colors_option("Of soft edges: without the old background, or as they are.")
@click.option(
    "--who",
    default="all",
    show_default=True,
    metavar="WHO",
    help="all, largest, X,Y (shares of the frame) or N from the left.",
)
@click.option("--grow", default=0, show_default=True, metavar="PX", help="Widen the matte; negative narrows it.")
@click.option("--feather", default=0.0, show_default=True, metavar="PX", help="Soften its edge.")
@click.option(
    "--band",
    type=int,
    metavar="PX",
    help="Widen the unknown band by this much on either side.  [default: by the network's grid]",
)
@click.option("--invert", is_flag=True, help="Keep the background instead.")
@click.option("--ignore-alpha", is_flag=True, help="Look at what the photo's own alpha hides.")
@shared.model_options
@shared.run_options
def matte(names: tuple[str, ...], **options: Any) -> int:
    """Write a cut-out (RGBA) of the people in every photo of IN.

    \b
    bgswap matte me.jpg me.png
    bgswap matte photos/ cutouts/ --alpha mattes/ -u
    """
    from bgswap.folders.plan import RunOptions
    from bgswap.matting.predict import MatteSettings
    from bgswap.matting.stage import MatteStage
    from bgswap.zoo.choice import ModelOptions

    extra = [("alpha", options.pop("alpha"), "png"), ("hole", options.pop("hole"), "png")]
    extra.append(("trimap", options.pop("write_trimap"), "png"))
    trimap, background = options.pop("trimap"), shared.color(options.pop("background"))
    kinds = (shared.Naming, MatteSettings, ModelOptions, RunOptions)
    naming, settings, model, run = shared.split(options, *kinds)
    found = operands.resolve(names, naming, "photo")
    if trimap:
        found.join("trimap", trimap)
    layout = operands.layout(found, naming, "png", "foreground", extra)
    if background is None:
        operands.refuse_opaque(layout, "a cut-out is transparent: use png, webp or tiff, or --background COLOR")
    return operands.go(MatteStage(settings, model, tuple(layout.targets), background), found, layout, run)
