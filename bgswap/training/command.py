"""`bgswap train`: a recipe, samples and a run folder become one order, and one call follows."""

from pathlib import Path
from typing import Any

import click

from bgswap import options as shared
from bgswap.errors import UsageError

RECIPES = "bgswap.training.recipes"
METHODS = "bgswap.augmentation.methods"


@click.command()
@click.argument("names", nargs=-1, metavar="RECIPE DATA RUN")
@click.option(
    "--list", "list_", is_flag=True, help="Tell what each recipe is, needs and makes; of RECIPE: its settings."
)
@click.option("--set", "set_", multiple=True, metavar="NAME=VALUE", help="A setting of the recipe (see --list RECIPE).")
@click.option("--size", metavar="N|WxH,...", help="Short for --set size=...; several sizes are trained in turn.")
@click.option("--batch", metavar="N,...", help="Short for --set batch=...: samples a step, over all devices.")
@click.option("--steps", type=click.IntRange(1), metavar="N", help="Short for --set steps=...; a run's may be raised.")
@click.option("--seed", type=int, metavar="S", help="Short for --set seed=...")
@click.option("--init", metavar="RUN|WEIGHTS", help="Start from these weights; what does not fit is named.")
@click.option("--foreground", metavar="CUTOUTS", help="DATA is photos: their cut-outs by key.")
@click.option("--alpha", metavar="MATTES", help="Mattes or masks by key instead; white is the person.")
@click.option(
    "--plate", metavar="PLATES", help="The photos without their people by key, as bgswap inpaint writes them."
)
@click.option("--background", metavar="PLACES", help="Pictures of other places.")
@shared.ways_option("--method", METHODS, "How samples are made on the fly, where not as the recipe says.")
@click.option("--train-keys", type=shared.PATH, metavar="FILE", help="Train on these keys, one a line.")
@click.option("--validation-keys", type=shared.PATH, metavar="FILE", help="Validate on these.")
@click.option("--devices", default=1, show_default=True, type=click.IntRange(1), metavar="N", help="On this machine.")
@click.option("--nodes", default=1, show_default=True, type=click.IntRange(1), metavar="N", help="Machines.")
@click.option(
    "-j", "--jobs", default=0, type=click.IntRange(0), metavar="N",
    help="Threads that make samples; 0: one a usable processor.  [default: 0]",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Print what is resolved and train nothing.")
@shared.model_options
@shared.talk_options
def train(names: tuple[str, ...], **options: Any) -> int:
    """Write a run folder: RUN holds the weights that RECIPE learns from DATA, a model for the commands of its task.

    DATA is a folder of samples as bgswap augment writes them, or photos, of which samples are made on the fly. The
    same command again goes on where it was stopped. RUN holds run.json (what made it), best.safetensors (the moving
    average of the weights at the best validation), last.pt and previous.pt (all that going on needs), log.jsonl,
    curve.png, samples/STEP.png (input, output, truth) and the keys of both halves of the split. On several machines:
    torchrun --nnodes N --nproc-per-node M -m bgswap.cli train ... --devices M --nodes N, or srun.

    \b
    bgswap train --list
    bgswap train people photos/ runs/people --alpha mattes/ --background places/ --size 64 --batch 4 --steps 20
    bgswap train harmonize-gan samples/ runs/harmonize --size 64 --batch 4 --steps 20 --set width=8
    """
    from bgswap.training import listing

    names_left = list(names)
    if options.pop("list_"):
        click.echo(listing.settings_of(names_left[0]) if names_left else listing.table(), nl=False)
        return 0
    if len(names_left) != 3:
        raise UsageError("name a recipe, what to train on, and the run folder: RECIPE DATA RUN (recipes: --list)")
    from bgswap.training import start
    from bgswap.training.sources import SourceOptions
    from bgswap.zoo.choice import ModelOptions

    short = {word: options.pop(word) for word in ("size", "batch", "steps", "seed")}
    words = [*options.pop("set_"), *(f"{word}={value}" for word, value in short.items() if value is not None)]
    roles = {word: options.pop(word) for word in ("foreground", "alpha", "plate", "background")}
    source = SourceOptions(**roles, methods=tuple(options.pop("method")))
    model, more = shared.split(options | {"source": source}, ModelOptions, start.TrainOptions)
    recipe, folder, run = names_left
    return start.train(recipe, Path(folder).expanduser(), Path(run).expanduser(), words, more, model)
