"""From what a user asked for to a trainer that is ready: settings, samples, networks, run folder, in this order.

Nothing is written before everything that can be wrong has been looked at.
"""

import hashlib
import math
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from bgswap import __version__, extensions
from bgswap.errors import UsageError
from bgswap.folders.workers import usable_cpus
from bgswap.training.batches import Batches, Plan, held
from bgswap.training.homes import Home, open_home
from bgswap.training.initial import start_from
from bgswap.training.progress import Progress, metrics_line
from bgswap.training.recipe import Method, Recipe
from bgswap.training.run_folder import RunFolder
from bgswap.training.settings import Settings, changed
from bgswap.training.sources import Source, SourceOptions, open_source
from bgswap.training.split import split
from bgswap.training.steps import Stepper
from bgswap.training.tools import Tools
from bgswap.training.trainer import Interrupted, Trainer, networks_of
from bgswap.zoo import devices
from bgswap.zoo.choice import ModelOptions

RECIPES = "bgswap.training.recipes"


@dataclass(frozen=True)
class TrainOptions:
    """What `bgswap train` can be told beside the recipe's settings; fields are named as the options are."""

    devices: int = 1
    nodes: int = 1
    init: str | None = None
    train_keys: Path | None = None
    validation_keys: Path | None = None
    jobs: int = 0
    dry_run: bool = False
    verbose: int = 0
    debug: bool = False
    source: SourceOptions = field(default_factory=SourceOptions)


@dataclass(frozen=True)
class Order:
    """A recipe with everything about it settled: what run.json tells and what is compared when a run goes on."""

    name: str
    recipe: Recipe[Any]
    settings: Settings
    source: Source
    train: list[int]
    held: list[int]
    precision: str

    @property
    def keys(self) -> tuple[list[str], list[str]]:
        """Photos that are trained on, and photos held out."""
        return tuple(  # type: ignore[return-value]
            list(dict.fromkeys(self.source.photos[self.source.photo_of(i)] for i in indices))
            for indices in (self.train, self.held)
        )


def recipe_of(name: str) -> Recipe[Any]:
    """A recipe by name. UsageError lists the known ones."""
    found: Recipe[Any] = extensions.load(RECIPES, name).RECIPE
    return found


def train(name: str, folder: Path, run: Path, words: Sequence[str], options: TrainOptions, model: ModelOptions) -> int:
    """Train a recipe on a folder into a run folder, or go on with it; 0 when its last step is done.

    words: NAME=VALUE settings.

    Raises:
        UsageError: settings, samples and run do not fit each other.
        NotReady: a device, an extra or weights are missing.
        BgswapError: the training diverged, or memory was too small.
    """
    recipe = recipe_of(name)
    settings = changed(recipe.settings, words)
    _check_sizes(recipe, settings)
    recipe = recipe.settled(settings)
    device = devices.choose(model.device, "torch")
    order = settle(name, recipe, settings, folder, options, model, precision_of(model.precision, device.cuda))
    if options.dry_run:
        sys.stdout.write(told_lines(order, options))
        return 0
    home = open_home(device.name, options.devices, options.nodes, order.precision)
    notes = [*order.source.notes, *([device.note] if device.note else [])]
    try:
        return _run(order, run, home, options, model, notes)
    except Interrupted as cause:
        signal.raise_signal(cause.number)  # everything is saved: now it may end us as it would have
        return 128 + cause.number


def _run(order: Order, path: Path, home: Home, options: TrainOptions, model: ModelOptions, notes: Sequence[str]) -> int:
    settings, quiet = order.settings, options.verbose < 0 or home.rank > 0
    tools = Tools(replace(model, device="cpu"))
    torch.manual_seed(settings.seed)
    method: Method = order.recipe.method(settings, tools)
    started = start_from(options.init, method.networks) if options.init else []
    plan = Plan(settings, settings.steps)
    told = _told(order, tools, options)
    with RunFolder.open(path, told, writes=home.rank == 0) as run:
        if home.rank == 0:
            run.split(*order.keys)
        stepper = Stepper(method, settings, home)
        jobs = options.jobs or usable_cpus()
        batches_held = [
            held(order.source, order.held, size, settings.validation, settings.seed, workers=jobs)
            for size in (plan.sizes if home.rank == 0 else [])  # the first process validates
        ]
        progress = Progress(plan.steps, quiet=quiet)
        trainer = Trainer(stepper, plan, run, batches_held, progress)
        trainer.resume()
        if not quiet:
            for note in (*notes, *tools.notes, *method.notes, *run.notes, *(started if not trainer.done else [])):
                progress.say(f"bgswap train: {note}")
            sizes = ", ".join(f"{name} {count:,}" for name, count in networks_of(method).items())
            progress.say(
                f"{order.name} on {home.device} ({order.precision}): {len(order.train)} samples to train on, "
                f"{len(order.held)} held out; parameters: {sizes}"
            )
        if trainer.done < plan.steps:
            progress.begin(trainer.done)
            with Batches(
                order.source, order.train, plan, home, settings.accumulate, jobs, start=trainer.done, seed=settings.seed
            ) as batches:
                try:
                    trainer.train(batches)
                finally:
                    progress.close()
        if not quiet:
            name, _ = method.best
            best = metrics_line({name: trainer.best}) if trainer.best is not None else "nothing yet"
            for note in order.source.notes:
                if note not in notes:
                    progress.say(f"bgswap train: {note}")
            progress.say(f"{path}: {plan.steps} steps done, best {best}; use it with --model {path}")
    return 0


def settle(
    name: str,
    recipe: Recipe[Any],
    settings: Settings,
    folder: Path,
    options: TrainOptions,
    model: ModelOptions,
    precision: str,
) -> Order:
    """Open the samples, split them, and settle how many steps there are."""
    source = open_source(folder, recipe, settings, options.source, model)
    train, held_out = split(
        source.photos, settings.held_out, settings.block, options.train_keys, options.validation_keys
    )
    chosen, apart = set(train), set(held_out)
    train = [i for i in range(len(source)) if source.photo_of(i) in chosen]
    held_out = [i for i in range(len(source)) if source.photo_of(i) in apart]
    if not train or not held_out:
        raise UsageError(f"{folder}: {len(source)} samples are too few to train and to validate on")
    if not settings.steps:
        each = settings.shares or (1 / len(settings.size),) * len(settings.size)
        batches = settings.batch * (len(settings.size) if len(settings.batch) == 1 else 1)
        mean = sum(share * batch for share, batch in zip(each, batches, strict=True)) / sum(each)
        settings = replace(settings, steps=max(1, math.ceil(settings.epochs * len(train) / mean)))
    return Order(name, recipe, settings, source, train, held_out, precision)


def precision_of(wanted: str, cuda: bool) -> str:
    """ "fp32" or "bf16": where auto was asked for, bf16 on devices that compute in it.

    Raises:
        UsageError: fp16, which would need its losses scaled.
    """
    if wanted == "fp16":
        raise UsageError("--precision fp16: training takes bf16 or fp32")
    if wanted != "auto":
        return wanted
    if cuda:
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return "bf16" if any(getattr(torch.cpu, check, bool)() for check in checks) else "fp32"


def _check_sizes(recipe: Recipe[Any], settings: Settings) -> None:
    multiple = recipe.multiple(settings)
    for height, width in settings.size:
        if height % multiple or width % multiple:
            raise UsageError(
                f"size {width}x{height}: both sides must be multiples of {multiple}, such as "
                f"{max(multiple, round(width / multiple) * multiple)}x"
                f"{max(multiple, round(height / multiple) * multiple)}"
            )


def _told(order: Order, tools: Tools, options: TrainOptions) -> dict[str, Any]:
    """run.json: what made this run, and what the zoo reads of a model."""
    recipe, settings = order.recipe, order.settings
    digests = [hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest()[:16] for keys in order.keys]
    side = max(max(size) for size in settings.size)
    return {
        "recipe": order.name,
        "settings": _plain(asdict(settings)) | {"precision": order.precision},
        "init": options.init or "",
        "data": {"fingerprint": order.source.fingerprint, "samples": len(order.source)},
        "split": {"train": digests[0], "validation": digests[1], "photos": [len(keys) for keys in order.keys]},
        "weights_used": dict(tools.used),
        "versions": {"bgswap": __version__, "torch": torch.__version__},
        "task": recipe.task,
        "network": recipe.network,
        "takes": list(recipe.takes),
        "gives": list(recipe.gives),
        "about": f"{order.name}, trained by bgswap train",
        "input": {
            "side": side,
            "fit": "longest",
            "multiple": recipe.multiple(settings),
            "filter": "area",
            "divide": "255",
            "mean": [0.0, 0.0, 0.0],
            "std": [1.0, 1.0, 1.0],
        },
        "output": {"activation": recipe.activation},
    }


def _plain(value: Any) -> Any:
    """The same as JSON has it: tuples are lists."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, tuple | list) else value


def told_lines(order: Order, options: TrainOptions) -> str:
    """What --dry-run prints: every setting with where it comes from, and the samples."""
    from dataclasses import fields

    lines = [f"recipe\t{order.name}"]
    for one in fields(order.settings):
        value = getattr(order.settings, one.name)
        usual = value == getattr(order.recipe.settings, one.name)
        lines.append(f"{one.name}\t{shown(one.name, value)}\t{one.metadata['source'] if usual else 'given'}")
    train, held_out = order.keys
    lines += [
        f"precision\t{order.precision}",
        f"devices\t{options.devices * options.nodes}",
        f"train\t{len(order.train)} samples of {len(train)} photos",
        f"validation\t{len(order.held)} samples of {len(held_out)} photos",
    ]
    return "".join(line + "\n" for line in lines)


def shown(name: str, value: Any) -> str:
    """A setting as --set takes it."""
    if name == "size":
        return ",".join(f"{w}x{h}" if w != h else str(w) for h, w in value)
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
