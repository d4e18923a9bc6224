"""`bgswap inpaint`: options become settings, and one call follows."""

from typing import Any

import click

from bgswap import operands
from bgswap import options as shared

WAYS = "bgswap.inpainting.ways"


@click.command()
@click.argument("names", nargs=-1, metavar="IN OUT")
@click.option("--mask", metavar="MATTES", help="Mattes by key, or one file; white is filled. Cut-outs serve too.")
@shared.way_option("--model", WAYS, "patchmatch", "How the hole is filled; or a run of ffc-inpaint.", or_run=True)
@click.option(
    "--dilate",
    default=0.02,
    show_default=True,
    metavar="X",
    help="Growth of the mask: pixels from 1 on, below 1 a share of the short side.",
)
@click.option(
    "--below",
    default=0.04,
    show_default=True,
    metavar="SHARE",
    help="How far feet are stretched down and aside, of the person's height.",
)
@click.option("--side", default=512, show_default=True, metavar="PX", help="Longest side of a hole while it is filled.")
@click.option(
    "--threshold", default=0.05, show_default=True, metavar="0-1", help="Coverage above which a pixel is filled."
)
@click.option("--seed", default=0, show_default=True, metavar="N", help="Of ways that draw.")
@click.option("--filled", metavar="DIR", help="Also write what was changed, as a mask.")
@click.option("--invert", is_flag=True, help="Black is filled instead.")
@shared.model_options
@shared.run_options
def inpaint(names: tuple[str, ...], mask: str | None, filled: str | None, **options: Any) -> int:
    """Write every photo of IN without its person: the hole is filled from what surrounds it.

    \b
    bgswap inpaint photos/ plates/ --mask mattes/
    bgswap inpaint me.jpg empty.png --mask me-alpha.png
    """
    from bgswap.folders.plan import RunOptions
    from bgswap.inpainting.fill import InpaintSettings
    from bgswap.inpainting.stage import InpaintStage
    from bgswap.zoo.choice import ModelOptions

    invert = options.pop("invert")
    naming, settings, model, run = shared.split(options, shared.Naming, InpaintSettings, ModelOptions, RunOptions)
    found = operands.resolve(names, naming, "photo")
    if mask:
        found.join("mask", mask)
    else:
        found.records = map(operands.piped_matte, found.records)
    layout = operands.layout(found, naming, "png", "plate", [("filled", filled, "png")])
    return operands.go(InpaintStage(settings, model, tuple(layout.targets), invert), found, layout, run)
