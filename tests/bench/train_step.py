"""A training step of ours beside the plainest loop over the same networks: python tests/bench/train_step.py

Both train a copy of the same method on the same batch, with the same losses, optimizers, clipping, moving average and
dtype; steps alternate in one process. Printed: seconds a step of both, and the median ratio with its 95 % interval.
--fly DATA: `people` on photos with masks in DATA/people, samples made while training: seconds a step against those of
the step alone plus those of the making alone, in rounds of each in turn; below 1 where the making overlaps.
"""

import argparse
import copy
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bgswap.folders.workers import usable_cpus
from bgswap.training.batches import Batches, Plan
from bgswap.training.homes import Alone
from bgswap.training.recipe import Batch, Method
from bgswap.training.sources import SourceOptions, open_source
from bgswap.training.start import precision_of, recipe_of
from bgswap.training.steps import Stepper, rate
from bgswap.training.tools import Tools
from bgswap.zoo.choice import ModelOptions
from tests.training.recipes.harness import eight

CASES = {  # recipe -> (method of augment, batch, settings): widths at which 2 cores make a step in about a second
    "harmonize-gan": ("recolor", 4, {"width": 32}),
    "triple-unet": ("placement", 2, {"width": 16, "perceptual": "self", "size": ((256, 256),), "batch": (2,)}),
    "people": ("matting", 16, {"size": ((256, 256),), "batch": (16,), "shares": ()}),
}


class Plain:
    """The loop that one would write first: no channels-last, no fused optimizer, every gradient of every loss."""

    def __init__(self, method: Method, settings: Any, home: Alone):
        self.method, self.settings, self.home = method, settings, home
        for network in (*method.networks.values(), *method.frozen.values()):
            network.to(home.device)
        self.network = next(iter(method.networks.values()))
        self.average = copy.deepcopy(self.network).eval().requires_grad_(False)
        self.parameters = [
            [p for name in phase.networks for p in method.networks[name].parameters() if p.requires_grad]
            for phase in method.phases
        ]
        self.optimizers = []
        for phase, parameters in zip(method.phases, self.parameters, strict=True):
            told = phase.optimizer
            kind = torch.optim.AdamW if told.kind == "adamw" else torch.optim.Adam
            self.optimizers.append(
                kind(parameters, lr=told.lr, betas=told.betas, eps=told.eps, weight_decay=told.weight_decay)
            )

    def step(self, batch: Batch, index: int, steps: int) -> None:
        height, width = next(v for v in batch.values() if v.ndim == 4).shape[-2:]
        where = Stepper.where(self, index, steps, (height, width), counts=self.method.counts(batch))  # type: ignore[arg-type]
        for network in self.method.networks.values():
            network.train()
        with self.home.autocast():
            outputs = self.method.outputs(batch, where)
        for phase, optimizer, parameters in zip(self.method.phases, self.optimizers, self.parameters, strict=True):
            optimizer.zero_grad()
            with self.home.autocast():
                losses = phase.losses(batch, outputs, where)
            total = sum(value.float() * phase.weights.get(name, 1.0) for name, value in losses.items())
            assert isinstance(total, torch.Tensor)
            total.backward()
            if self.settings.clip:
                torch.nn.utils.clip_grad_norm_(parameters, self.settings.clip)
            for group in optimizer.param_groups:
                group["lr"] = phase.optimizer.lr * rate(phase.optimizer.schedule, index, steps)
            optimizer.step()
        with torch.no_grad():
            for kept, fresh in zip(self.average.parameters(), self.network.parameters(), strict=True):
                kept.lerp_(fresh, 1 - self.settings.ema)
            for kept, fresh in zip(self.average.buffers(), self.network.buffers(), strict=True):
                kept.copy_(fresh)


def measure(name: str, steps: int, device: str, precision: str, size: int, batch: int) -> str:
    """One row."""
    recipe = recipe_of(name)
    method, usual, changes = CASES[name]
    settings = replace(recipe.settings, **changes)
    one = {
        role: value.repeat(4, *[1] * (value.ndim - 1))[: batch or usual] for role, value in eight(method, size).items()
    }
    one = {role: value.to(device) for role, value in one.items()}
    ready = {
        role: value.contiguous(memory_format=torch.channels_last) if value.ndim == 4 else value
        for role, value in one.items()
    }
    home = Alone(device, torch.bfloat16 if precision == "bf16" else None)
    torch.manual_seed(0)
    first: Method = recipe.method(settings, Tools())
    torch.manual_seed(0)
    second: Method = recipe.method(settings, Tools())
    ours, plain = Stepper(first, settings, home), Plain(second, settings, home)
    took: dict[str, list[float]] = {"ours": [], "plain": []}
    for index in range(-3, steps):
        order = [("ours", lambda i: ours.step([ready], i, steps)), ("plain", lambda i: plain.step(one, i, steps))]
        for who, go in order if index % 2 else reversed(order):
            began = time.perf_counter()
            go(max(index, 0))
            if device != "cpu":
                torch.cuda.synchronize()
            if index >= 0:
                took[who].append(time.perf_counter() - began)
    ratios = np.array(took["ours"]) / np.array(took["plain"])
    drawn = np.random.default_rng(0).choice(ratios, (2000, len(ratios)))
    low, high = np.percentile(np.median(drawn, axis=1), [2.5, 97.5])
    speeds = "  ".join(f"{np.median(took[who]) * 1000:8.1f}" for who in ("ours", "plain"))
    return f"{name:14s} {size:4d} {batch or usual:5d}  {speeds}   {np.median(ratios):.3f} [{low:.3f}, {high:.3f}]"


def fly(folder: Path, rounds: int, size: int, batch: int, precision: str) -> str:
    """One row: steps with samples made on the fly, beside the step alone plus the making alone."""
    recipe = recipe_of("people")
    changes: dict[str, Any] = {"size": ((size, size),), "batch": (batch,), "shares": ()}
    settings = replace(recipe.settings, **changes)
    people = folder / "people"
    named = SourceOptions(alpha=people / "masks", background=folder / "places")
    source = open_source(people / "photos", recipe, settings, named, ModelOptions())
    home, cpus = Alone("cpu", torch.bfloat16 if precision == "bf16" else None), usable_cpus()
    stepper = Stepper(recipe.method(settings, Tools()), settings, home)
    ready = next(iter(Batches(source, range(64), Plan(settings, 1), home, workers=cpus)))
    ratios, each = [], 10
    for turn in range(rounds + 1):
        plan = Plan(settings, (turn + 1) * 2 * each)
        took = []
        for part in ("making", "both", "step"):
            start = turn * 2 * each + (each if part == "both" else 0)
            with Batches(source, range(64), replace(plan, steps=start + each), home, workers=cpus, start=start) as made:
                began = time.perf_counter()
                for index in range(each):
                    batch_now = ready if part == "step" else next(made)
                    if part != "making":
                        stepper.step(batch_now, index, 1000)
                took.append((time.perf_counter() - began) / each)
        if turn:  # the first one fills memory with decoded photos
            ratios.append(took[1] / (took[0] + took[2]))
    low, high = np.percentile(ratios, [2.5, 97.5])
    told = f"people, on the fly, {size} pixels, batch {batch}"
    told += f": making {took[0] * 1000:.0f} ms, step {took[2] * 1000:.0f} ms"
    told += f", both {took[1] * 1000:.0f} ms; both / (making + step) {np.median(ratios):.3f}"
    return f"{told} [{low:.3f}, {high:.3f}]"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=list(CASES))
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=0, help="0: the case's own")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--fly", type=Path)
    given = parser.parse_args()
    precision = precision_of(given.precision, given.device != "cpu")
    if given.fly:
        print(fly(given.fly, max(3, given.steps // 20), given.size, given.batch or 8, precision))
        return
    print(f"{given.device}, {precision}, {torch.get_num_threads()} threads, {given.steps} steps of each in turn")
    print("recipe         side batch  ours ms   plain ms   ratio [95 % interval]")
    for name in given.names or list(CASES):
        print(measure(name, given.steps, given.device, precision, given.size, given.batch), flush=True)


if __name__ == "__main__":
    main()
