"""One record measured: every system's picture made or read, every metric's value of it."""

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bgswap import extensions
from bgswap.errors import PictureError
from bgswap.evaluation import conventions
from bgswap.evaluation.conventions import Convention
from bgswap.evaluation.metric import Metric
from bgswap.evaluation.scene import BOXES, KINDS, ONE, RGB, Scene, strips, tensor
from bgswap.evaluation.settings import BASELINES, ScoreSettings
from bgswap.evaluation.systems import TRUTH, System
from bgswap.evaluation.trained import maker
from bgswap.folders.decode import narrow
from bgswap.folders.picture import Picture
from bgswap.folders.records import Record
from bgswap.folders.task import Made
from bgswap.zoo.choice import ModelOptions

CUT = {"predicted", "predicted_alpha"}  # what takes both takes cut-outs


class Scorer:
    """Measures one record after another; may be called from several threads."""

    def __init__(self, settings: ScoreSettings, model: ModelOptions, threads: int) -> None:
        """Raises NotReady where a trunk's weights cannot be had."""
        self.settings = settings
        self.trunks = {
            metric: metric.trunk([model.network(name, threads) for name in metric.models])
            for metric in settings.metrics
        }
        self.notes: tuple[str, ...] = ()
        self.ways = {one: extensions.load(BASELINES, one.baseline) for one in settings.systems if one.baseline}
        self.runs = {}
        for system in settings.systems:
            if system.run:
                loaded = model.load(system.run, threads)
                self.runs[system] = maker(system.run, loaded)
                self.notes += loaded.notes

    @torch.inference_mode()
    def work(self, pictures: Mapping[str, Picture], record: Record) -> Made:
        """Scores of every system, as fields."""
        settings = self.settings
        scene = Scene(record, pictures, settings)
        scores: dict[str, dict[str, float]] = {}
        features: dict[str, dict[str, list[float]]] = {}
        seconds: dict[str, float] = {}
        warnings: list[str] = []
        for system in settings.systems:
            if system.baseline or system.run:
                began = perf_counter()
                self._make(system, scene)
                seconds[system.name] = perf_counter() - began
            scores[system.name], features[system.name] = self._measure(system, scene, warnings)
        features[TRUTH.name] = self._features(TRUTH, scene, [m for m in settings.metrics if m.against_true])
        fields = {"scores": scores, "features": features, "size": list(scene.size), "seconds": seconds}
        if settings.thumbnail:
            fields |= self._thumbnails(scene)
        return Made({}, list(dict.fromkeys(warnings)), fields)

    def _make(self, system: System, scene: Scene) -> None:
        """Make the picture of a system that is no folder."""
        if system.baseline:
            way = self.ways[system]
            given = [scene.array(role, KINDS[role]) for role in way.ROLES]
            role = "predicted" if way.OF == "picture" else "predicted_alpha"
            scene.put(f"{system.name}/{role}", way.make(*(_eight(pixels) for pixels in given if pixels is not None)))
        else:
            role, made = self.runs[system](scene)
            scene.put(f"{system.name}/{role}", made)

    def _measure(
        self, system: System, scene: Scene, warnings: list[str]
    ) -> tuple[dict[str, float], dict[str, list[float]]]:
        """Scores by metric, and features by metric of a whole set."""
        if system.number >= 0 and any(set(m.roles) & CUT == {"predicted"} for m in self.settings.metrics):
            scene.refuse_cut_out(system.role())
            scene.refuse_cut_out("true")
        metrics = [m for m in self.settings.metrics if not m.of_set]
        known = [m for m in metrics if self._has_all(m, system, scene)]
        found = dict.fromkeys((m.name for m in metrics), float("nan"))
        found |= self._added_up([m for m in known if m.adds_up], system, scene)
        read = self._reader(system, scene)
        for metric in known:
            if not metric.adds_up:
                given = [read(role, slice(None)) for role in metric.roles]
                found[metric.name] = self._value(metric, given, warnings)
        return found, self._features(system, scene, [m for m in self.settings.metrics if m.of_set])

    def _features(self, system: System, scene: Scene, metrics: Sequence[Metric]) -> dict[str, list[float]]:
        made = {}
        read = self._reader(system, scene)
        for metric in metrics:
            if self._has_all(metric, system, scene):
                given = [read(role, slice(None)) for role in metric.roles]
                made[metric.name] = self._called(metric, given)[0].tolist()
        return made

    def _value(self, metric: Metric, given: Sequence[Tensor | None], warnings: list[str]) -> float:
        try:
            return float(self._called(metric, given))
        except PictureError as cause:  # what a network cannot measure, others can
            warnings.append(f"{metric.name}: {cause}")
            return float("nan")

    def _called(self, metric: Metric, given: Sequence[Tensor | None]) -> Tensor:
        """A metric's value, or a set's features, where its network is."""
        trunk = self.trunks[metric]
        home = next((weight.device for one in trunk.values() for weight in one.parameters()), torch.device("cpu"))
        return metric(*(None if one is None else one.to(home) for one in given), **trunk)

    def _has_all(self, metric: Metric, system: System, scene: Scene) -> bool:
        return all(role == "region" or _get(role, system, scene) is not None for role in metric.roles)

    def _reader(self, system: System, scene: Scene) -> "Reader":
        return Reader(system, scene, self.settings.counting)

    def _added_up(self, metrics: Sequence[Metric], system: System, scene: Scene) -> dict[str, float]:
        """Metrics that add up over pixels, strip by strip; what several of them sum is summed once."""
        found: dict[str, float] = {}
        for halo in sorted({metric.halo for metric in metrics}):
            mine = [metric for metric in metrics if metric.halo == halo]
            distinct = {_key(metric): metric for metric in mine}
            totals: dict[Any, Tensor] = {}
            read = self._reader(system, scene)
            for rows, inner in strips(*scene.size, halo):
                read.forget()
                for key, metric in distinct.items():
                    given = [read(role, rows) for role in metric.roles]
                    part = metric.sums(*given, **({"rows": inner} if halo else {}))
                    totals[key] = totals[key] + part if key in totals else part
            found |= {metric.name: float(metric.score(totals[_key(metric)])) for metric in mine}
        return found

    def _thumbnails(self, scene: Scene) -> dict[str, Any]:
        from bgswap.evaluation.report.thumbnails import outline, small

        side = self.settings.thumbnail
        shown: dict[str, NDArray[Any] | None] = {"input": scene.array("input", RGB)}
        for system in self.settings.systems:
            if system.number >= 0 or system.baseline or system.run:
                shown[system.name] = _shown("predicted", system, scene)
        shown["true"] = _shown("true", TRUTH, scene)
        mask = scene.array("mask", ONE)
        mask = scene.array("true_alpha", ONE) if mask is None else mask
        pictures = {name: small(pixels, side) for name, pixels in shown.items() if pixels is not None}
        return {"pictures": pictures, "outline": [] if mask is None else outline(_eight(mask))}


def _key(metric: Metric) -> Any:
    """What metrics that sum the same share."""
    return metric.module.sums, metric.roles, tuple(metric.accepted(metric.module.sums))


def _shown(role: str, system: System, scene: Scene) -> NDArray[Any] | None:
    found = scene.pixels(role, system)
    return scene.pixels(f"{role}_alpha", system) if found is None else found


def _eight(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    return pixels if pixels.dtype == np.uint8 else narrow(pixels)


def _get(role: str, system: System, scene: Scene) -> Any:
    return scene.numbers(role, system) if role in BOXES else scene.pixels(role, system)


class Reader:
    """Roles of one system as tensors, strip by strip; several metrics ask for the same ones."""

    def __init__(self, system: System, scene: Scene, convention: Convention) -> None:
        self.system, self.scene, self.convention = system, scene, convention
        self._kept: dict[str, Tensor] = {}

    def forget(self) -> None:
        """Go on to another strip."""
        self._kept.clear()

    def __call__(self, role: str, rows: slice) -> Tensor | None:
        """A role's rows, (1, C, h, W) float32; None for a region that is everywhere."""
        if role == "region":
            return self._region(rows)
        return self.known(role, rows)

    def _region(self, rows: slice) -> Tensor | None:
        pixels = self.scene.region()
        return None if pixels is None else torch.from_numpy(pixels[rows])[None, None].float()

    def known(self, role: str, rows: slice) -> Tensor:
        """The same of a role that every record has that came so far."""
        if role not in self._kept:
            self._kept[role] = self._tensor(role, rows)
        return self._kept[role]

    def _tensor(self, role: str, rows: slice) -> Tensor:
        if role in BOXES:
            numbers = self.scene.numbers(role, self.system)
            assert numbers is not None
            return numbers
        pixels = self.scene.pixels(role, self.system)
        if pixels is None:
            raise PictureError(f"there is no {role.replace('_', ' ')} to measure")
        made = tensor(pixels[rows])
        if role == "predicted" and self.convention.under_mask:
            return conventions.apply(self.convention, made, self.known("true", rows), self.known("mask", rows))
        return made
