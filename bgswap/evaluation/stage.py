"""The eval stage: one picture of every system against its truth; numbers out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from bgswap import extensions
from bgswap.errors import UsageError
from bgswap.evaluation.metric import find
from bgswap.evaluation.scene import KINDS, OF_SYSTEM, RGB, file_role
from bgswap.evaluation.scorer import Scorer
from bgswap.evaluation.settings import BASELINES, ScoreSettings
from bgswap.evaluation.systems import System
from bgswap.evaluation.trained import ROLES
from bgswap.folders.picture import Picture
from bgswap.folders.records import Record
from bgswap.folders.task import Work
from bgswap.zoo import loader
from bgswap.zoo.choice import ModelOptions


@dataclass(frozen=True)
class ScoreStage:
    """What `bgswap eval` does to a record of evaluation/systems.py."""

    settings: ScoreSettings
    model: ModelOptions = field(default_factory=ModelOptions)
    command: ClassVar[str] = "eval"

    def inputs(self) -> Mapping[str, str]:
        """The files that these metrics and systems need; a record may lack some."""
        wanted: dict[str, str] = {}
        for system in self.settings.systems:
            roles = _roles(self.settings, system)
            for role in roles:
                if system.number >= 0 or role not in OF_SYSTEM:
                    wanted[file_role(role, system)] = KINDS[role]
                elif not (role.endswith("_alpha") or system.baseline or system.run):
                    wanted[file_role(role, system)] = RGB  # the input as it was given
        if any("predicted_box" in metric.roles for metric in self.settings.metrics):
            wanted["input"] = RGB  # the layer before anybody placed it
        return wanted

    def enough(self, role: str, read: Mapping[str, Picture]) -> None:  # noqa: ARG002 - every pixel counts
        """Errors are measured on all pixels that there are."""
        return

    def models(self) -> Sequence[Mapping[str, str]]:
        """The weights of the trunks that metrics look through."""
        names = dict.fromkeys(name for metric in self.settings.metrics for name in metric.models)
        return [weights for name in names for weights in self.model.weights(name)]

    def prepare(self, threads: int) -> tuple[Work, Sequence[str]]:
        """Load trunks and matting runs."""
        # one thread adds up in one order: scores do not depend on --jobs. Networks are too slow for that
        torch.set_num_threads(threads if any(metric.models for metric in self.settings.metrics) else 1)
        scorer = Scorer(self.settings, self.model, threads)
        return scorer.work, scorer.notes


def score_one(
    images: Mapping[str, NDArray[np.uint8]], metrics: Sequence[str], model: ModelOptions, settings: Mapping[str, Any]
) -> dict[str, float]:
    """Metric's name -> value of one picture, from pixels alone.

    images: "predicted" and, as metrics need them, "true", "input", "mask", "background": (H, W, 3) or (H, W, 4)
    straight RGBA, uint8; settings: fields of ScoreSettings. UsageError where a metric lacks a picture or is one of
    whole sets.
    """
    system = System("predicted", 0)
    found = find(metrics)
    for metric in found:
        needed = {role.removesuffix("_alpha").removesuffix("_box") for role in metric.roles} - {"region"}
        if metric.of_set or (lacking := sorted(needed - images.keys())):
            why = "is a value of whole sets: use bgswap eval" if metric.of_set else f"needs {', '.join(lacking)}"
            raise UsageError(f"{metric.name} {why}")
    stage = ScoreStage(ScoreSettings(found, (system,), **settings), model)
    work, _ = stage.prepare(1)
    names = {"predicted": system.role(), "predicted_alpha": system.role("alpha")}
    pictures = {}
    for role in ("predicted", "true", "input", "mask", "background", "predicted_alpha", "true_alpha"):
        image = images.get(role.removesuffix("_alpha"))
        if image is not None:
            pictures[names.get(role, role)] = Picture(image if KINDS[role] == RGB else _matte(image))
    made = work(pictures, Record("picture", {role: Path(role) for role in pictures}))
    return dict(made.fields["scores"][system.name])


def _matte(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W): the alpha of a cut-out, else the luminance."""
    return image[..., 3] if image.shape[2] == 4 else np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))


def _roles(settings: ScoreSettings, system: System) -> dict[str, None]:
    """The pixel roles that a system is measured by, in the order in which metrics ask for them."""
    asked = [role for metric in settings.metrics for role in metric.roles]
    asked += [role.replace("_box", "_alpha") for role in asked if role in ("predicted_box", "true_box")]
    if settings.counting.under_mask:
        asked += ["true", "mask"]
    if "region" in asked:
        asked += ["trimap"] if settings.trimap not in (None, "auto") else ["true_alpha"]
    if settings.thumbnail:
        asked += ["input", "mask"]
    if system.baseline:
        asked += extensions.load(BASELINES, system.baseline).ROLES
    if system.run:
        takes = loader.describe(Path(system.run))[0].takes
        asked += ["input", *(ROLES[plane] for plane in takes if plane in ROLES)]  # others: `trained.maker` refuses
    return dict.fromkeys(role for role in asked if role in KINDS)
