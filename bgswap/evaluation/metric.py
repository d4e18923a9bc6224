"""What a metric is: a file of metrics/, seen as one value.

A file `metrics/mse.py` holds a pure function of the same name, `mse(predicted, true) -> Tensor`: batches of
(B, C, H, W) in, one number a picture (B,) out, NaN where no pixel counts. Beside it stand

    ROLES = ("predicted", "true")   what the function takes, in this order; see below. By variant: {"a": (...), ...}
    BETTER = "lower"                or "higher"
    BEST = 0.0                      the value of a perfect prediction
    UNIT = "levels²"                as tables print it; "" for pure numbers and shares
    VARIANTS = ("255", "range")     where there are several: `psnr:range`; the first is the default. It comes as
                                    `variant=` to every function of the file that takes it

A metric that adds up over pixels is cut in two, so that big pictures are measured in strips:

    sums(predicted, true) -> (B, K) float64, and score(sums) -> (B,);   mse(...) is what score(sums(...)) is
    HALO = 5                        rows of context that `sums` needs above and below; it then takes `rows`, the slice
                                    of the rows it is given that count
    WHOLE = ("range",)              variants that do not add up after all

One that needs a trained network names it, and gets it as `trunk=`:

    models(variant) -> names in the zoo's catalog, make_trunk(networks, variant) -> nn.Module

One that only a whole set has (FID, a video's spectrum) has, in place of the function,

    features(...) -> (B, K) of each picture, and of_set(predicted, true) -> float, (N, K) each
    AGAINST_TRUE = True             features are taken of the truth as well; else `true` is None
    SEQUENCE = True                 the set is one video at a time, its frames in order
    CURVES = ("person", "place")    names of what curves(features) -> (x, y, ...) gives a report to draw
    note(count) -> str              what a reader must know of the value of so many pictures, "" where nothing

Roles, all float32: predicted, true, input, background, previous, true_previous (B, 3, H, W) sRGB 0..1; predicted_alpha,
true_alpha, previous_alpha, true_previous_alpha, mask (B, 1, H, W) 0..1; region (B, 1, H, W), 1 where pixels count and 0
elsewhere, None: all count; predicted_box, true_box (B, 4): x of the middle, y of the lower edge, width, height, as
shares of the frame's sides; candidates (B, K, 4), boxes best first; true_score (B, 1), moved_scores (B, K).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from inspect import signature
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from bgswap import extensions
from bgswap.errors import UsageError

METRICS = "bgswap.evaluation.metrics"


@dataclass(frozen=True)
class Metric:
    """One metric in one variant. Hashed and compared by its name, as it is written: "psnr", "lpips:squeeze"."""

    name: str

    @property
    def module(self) -> ModuleType:
        """The file of metrics/."""
        return _file(self.name.partition(":")[0])

    @property
    def variant(self) -> str:
        """The variant, spelled out; "" where there is only one."""
        return self.name.partition(":")[2] or next(iter(self.variants), "")

    @property
    def variants(self) -> tuple[str, ...]:
        """All variants, the default first."""
        return tuple(getattr(self.module, "VARIANTS", ()))

    @property
    def roles(self) -> tuple[str, ...]:
        """What it takes, in order."""
        told = self.module.ROLES
        return tuple(told[self.variant] if isinstance(told, Mapping) else told)

    @property
    def lower_is_better(self) -> bool:
        """Which way is better."""
        return bool(self.module.BETTER == "lower")

    @property
    def unit(self) -> str:
        """As tables print it; "" for pure numbers."""
        return str(self.module.UNIT)

    @property
    def best(self) -> float:
        """The value of a perfect prediction."""
        return float(self.module.BEST)

    @property
    def of_set(self) -> bool:
        """Only a whole set has a value."""
        return hasattr(self.module, "of_set")

    @property
    def sequence(self) -> bool:
        """The set is a video's frames in order."""
        return bool(getattr(self.module, "SEQUENCE", False))

    @property
    def against_true(self) -> bool:
        """The truth's features are needed as well."""
        return bool(getattr(self.module, "AGAINST_TRUE", False))

    @property
    def models(self) -> tuple[str, ...]:
        """The catalog's names of the networks that it needs."""
        named = getattr(self.module, "models", None)
        return tuple(named(self.variant)) if named else ()

    @property
    def adds_up(self) -> bool:
        """Whether it is cut in two: sums over pixels, and their score."""
        return hasattr(self.module, "sums") and self.variant not in getattr(self.module, "WHOLE", ())

    def sums(self, *pictures: Tensor | None, **more: Any) -> Tensor:
        """Its sums over some rows, (B, K)."""
        added: Tensor = self.module.sums(*pictures, **self.accepted(self.module.sums), **more)
        return added

    def score(self, sums: Tensor) -> Tensor:
        """The values of summed sums, (B,)."""
        values: Tensor = self.module.score(sums, **self.accepted(self.module.score))
        return values

    def of_features(self, predicted: Tensor, true: Tensor | None) -> float:
        """The value of a whole set, of the features of its pictures."""
        return float(self.module.of_set(predicted, true, **self.accepted(self.module.of_set)))

    @property
    def halo(self) -> int:
        """Rows of context that its sums need above and below."""
        return int(getattr(self.module, "HALO", 0))

    def trunk(self, networks: Sequence[nn.Module]) -> dict[str, nn.Module]:
        """The keyword of its function that is made of its networks; none where it has none."""
        return {"trunk": self.module.make_trunk(networks, self.variant)} if networks else {}

    def accepted(self, function: Callable[..., Any]) -> dict[str, str]:
        """The keyword `variant` where a function of its file takes it."""
        return {"variant": self.variant} if _takes_variant(function) else {}

    def __call__(self, *pictures: Tensor | None, **trunk: nn.Module) -> Tensor:
        """Its values of a batch, (B,), or the features (B, K) of a metric of sets."""
        called = self.module.features if self.of_set else getattr(self.module, self.module.__name__.rpartition(".")[2])
        values: Tensor = called(*pictures, **self.accepted(called), **trunk)
        return values


@cache
def _file(name: str) -> ModuleType:
    return extensions.load(METRICS, name)


@cache
def _takes_variant(function: Callable[..., Any]) -> bool:
    return "variant" in signature(function).parameters


def find(names: Iterable[str]) -> tuple[Metric, ...]:
    """Metrics by name, each once. UsageError lists what there is where a name or variant is unknown."""
    found = []
    for name in dict.fromkeys(names):
        metric = Metric(name)
        _, colon, variant = name.partition(":")
        if colon and variant not in metric.variants:
            known = f"knows: {', '.join(metric.variants)}" if metric.variants else "has no variants"
            raise UsageError(f"--metric {name}: {name.partition(':')[0]} {known}")
        found.append(metric)
    return tuple(found)


def ratio(part: Tensor, whole: Tensor) -> Tensor:
    """part / whole, NaN where whole is 0: no pixel counted."""
    return torch.where(whole != 0, part / torch.where(whole != 0, whole, torch.ones_like(whole)), torch.nan)
