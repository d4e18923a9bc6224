"""`bgswap eval`: options become a request, results become tables, lines and a page."""

from typing import Any

import click

from bgswap import operands
from bgswap import options as shared
from bgswap.evaluation.study.command import study

METRICS = "bgswap.evaluation.metrics"
BASELINES = "bgswap.evaluation.baselines"
TABLES = "bgswap.evaluation.tables"


class Eval(click.Command):
    """A command whose first word "study" is a group of its own; a folder of that name is ./study."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """As click does, for whichever of the two was meant."""
        if args[:1] == ["study"]:
            return study.make_context(f"{info_name} study", args[1:], parent=parent, **extra)
        return super().make_context(info_name, args, parent=parent, **extra)


@click.command("eval", cls=Eval)
@click.argument("predicted", nargs=-1, metavar="PREDICTED...")
@click.option("--true", metavar="TRUE", help="The truth by key: a folder, a file, or a folder of augment's samples.")
@click.option("--input", metavar="IN", help="What systems were given, by key: the row that does nothing.")
@click.option("--mask", metavar="MASKS", help="Mattes or masks of the person, by key; white is the person.")
@click.option("--background", metavar="PLACES", help="The places that people were set into, by key.")
@click.option(
    "--trimap",
    metavar="TRIMAPS|auto",
    help="Measure mattes over the unknown band alone: the grays of TRIMAPS; auto: around the true matte's edge.",
)
@shared.ways_option(
    "--metric",
    METRICS,
    "What is measured; NAME:VARIANT where one has several, the first unless told. Without it: of pictures l1, mse "
    "and psnr, with a mask fmse and fpsnr; of mattes alpha-mad, alpha-mse, sad, grad, conn, dice and iou.",
    type=str,
    metavar="NAME[:VARIANT]",
)
@shared.ways_option("--baseline", BASELINES, "Classical ways as further rows.")
@shared.way_option("--table", TABLES, None, "A seed system's tables: published rows, and ours beside them.")
@click.option("--by", metavar="FIELD", help="A table for every value of a field; 'folder' is the key's first folder.")
@click.option(
    "--at",
    type=shared.Frame(),
    metavar="N|WxH|native",
    default="native",
    show_default=True,
    help="Bring everything to this size before it is measured, as papers do (256).",
)
@click.option(
    "--resize",
    type=click.Choice(["nearest", "bilinear", "bicubic", "area", "lanczos"]),
    help="Bring pictures of another size than the truth to its size, by this filter; without it they fail.",
)
@click.option(
    "--convention",
    type=click.Choice(["plain", "dovenet", "idih"]),
    default="plain",
    show_default=True,
    help="How harmonization errors are counted; dovenet: the whole picture at 256, PSNR's peak its range; idih: the "
    "person alone, as if the place were right.",
)
@click.option(
    "--per-image",
    type=shared.PATH,
    multiple=True,
    metavar="FILE",
    help="Write a line a picture and system: .csv or .jsonl.",
)
@click.option("--html", type=shared.PATH, metavar="FILE", help="Write a page to look at: tables, plots, all pictures.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["table", "csv", "json"]),
    help="On standard output.  [default: table on a terminal, else csv]",
)
@shared.model_options
@shared.measure_options
def eval_(predicted: tuple[str, ...], **options: Any) -> int:
    """Write how near pictures come to the truth, as a table, beside what doing nothing gives.

    PREDICTED are folders of a system's pictures, one folder each (NAME=FOLDER names its row), single pictures, videos,
    runs of train, or .jsonl files of decisions; two alone are PREDICTED and TRUE. Pictures meet by key. `bgswap eval
    study` asks people instead; a folder of that name is ./study.

    \b
    bgswap eval mattes/ truth/
    bgswap eval ours=composites/ --true samples/ --baseline reinhard --html report.html
    bgswap eval composites/ --true samples/ --convention dovenet --per-image scores.csv --by method
    """
    from dataclasses import replace

    from bgswap.evaluation import output
    from bgswap.evaluation.measure import measure
    from bgswap.evaluation.report.thumbnails import side_for
    from bgswap.evaluation.request import Request, request_of_table, resolve
    from bgswap.evaluation.stage import ScoreStage
    from bgswap.folders.plan import RunOptions
    from bgswap.zoo.choice import ModelOptions

    wanted = output.Output(*(options.pop(word) for word in ("format_", "per_image", "html", "table")))
    wanted.check()
    listed = options.pop("records_from")
    request, model, run = shared.split({"predicted": predicted, **options}, Request, ModelOptions, RunOptions)
    if wanted.table and not (predicted or listed or request.true):
        wanted.write_tables(None)
        return 0
    request, left_out = request_of_table(request, wanted.tables, model)
    settings, records, more = resolve(request, operands.stream(listed) if listed else None)
    if wanted.html:
        settings = replace(settings, thumbnail=side_for(len(records) * (len(settings.systems) + 1)))
    results, code = measure(ScoreStage(settings, model), records, replace(run, depth=16), [*left_out, *more])
    notes = wanted.write(results, request.by)
    for note in notes if run.verbose >= 0 else ():
        click.echo(f"bgswap eval: {note}", err=True)
    return int(code)
