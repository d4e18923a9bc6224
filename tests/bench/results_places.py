"""Part of results.py: where people belong, on random crops whose plates tell nothing of it."""

import json
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import plate_leak
import torch
from numpy.typing import NDArray
from plate_probe import auc
from results_probe import probe, probe_size
from results_samples import Source, named

from bgswap.augmentation.decoys import decoys_of
from bgswap.augmentation.methods.placement import draw_window
from bgswap.augmentation.ranges import PlacementRanges
from bgswap.compositing.decider import Decider, Networks, network_for
from bgswap.compositing.decisions import Place
from bgswap.compositing.outline import Outline, trace
from bgswap.compositing.place import fit, keep
from bgswap.compositing.scene import FRAME, Scene
from bgswap.errors import BgswapError
from bgswap.evaluation.boxes import Silhouette, box_of_place, of_fields
from bgswap.evaluation.metrics.box_center import box_center
from bgswap.evaluation.metrics.box_scale import box_scale
from bgswap.folders import picture
from bgswap.networks.transform import TransformNet
from bgswap.training.recipes.transform import scores_at

TITLE = "Places"
HEAD = ("", "center, sides", "size, ln", "AUC, moved", "AUC, decoys")
LEGEND = (
    "Crops by `augment --method placement --seed 6 --copies 2 --size 256`, the person's center uniform in the frame, "
    "the layer moved, plates with decoy holes by `bgswap inpaint`. Medians of the distance of centers in sides of the "
    "frame, and of |ln| of heights, of the box that a way names; of networks: their own answer, the layer shown as it "
    "lies. AUC, within a picture: the score of the true place against 100 uniform ones of its size, and against the "
    "decoys' places; a way without scores is scored by nearness to its box. The mean box looks at nothing."
)
DIGITS = (3, 3, 3, 3)
SYSTEM = "triple-unet-small"
WHOLE = 0.99  # of the frame's height; ours
UNIFORM = 100  # places a sample, as plate_probe has them
CROPS = 4  # drawn of each training person for the mean box

Boxes = NDArray[np.float64]  # (K, 3): x of the middle, y of the lower edge, height; shares of the frame


@dataclass(frozen=True)
class Crop:
    """A sample of placement: the layer (h, w, 4), the plate (h, w, 3), and its line."""

    layer: NDArray[np.uint8]
    plate: NDArray[np.uint8]
    line: dict[str, Any]

    @cached_property
    def outline(self) -> Outline:
        """The layer's."""
        found = trace(self.layer)
        assert found is not None
        return found

    @cached_property
    def form(self) -> Silhouette:
        """The layer's, for the upright box of any place."""
        return Silhouette(torch.from_numpy(self.layer[..., 3][None, None] / np.float32(255)))

    @property
    def true(self) -> torch.Tensor:
        """The upright box of what the frame shows of the person, (4,)."""
        return of_fields(self.line, "true_box")[0]

    @property
    def scene(self) -> Scene:
        """The layer as it lies, over the plate."""
        frame = self.plate.shape[:2]
        return Scene(self.layer, self.outline, keep.find_place(self.outline, self.plate, frame), self.plate, frame)


def crops(source: Source) -> Iterator[Crop]:
    """As `bgswap augment` wrote them."""
    folder = source.moved()
    for text in (folder / "metadata.jsonl").read_text().splitlines():
        line = json.loads(text)
        layer = picture.read(folder / line["file_name"])
        yield Crop(np.asarray(layer.pixels), picture.read(folder / line["plate_file_name"]).rgb, line)


def scores(network: Decider, crop: Crop, boxes: Boxes) -> NDArray[np.float64] | None:
    """How well boxes suit by the network's score map, or by its nearest candidate; None where it scores none."""
    module = getattr(next(iter(network.model.parts.values())), "module", None)
    if isinstance(module, TransformNet) and "place" in module.config.parts:
        layers = network.look(crop.scene, FRAME)
        cover = layers.alpha[..., None]
        planes = np.concatenate([cover * layers.foreground, cover, layers.background], 2).transpose(2, 0, 1)[None]
        asked = torch.from_numpy(np.pad(boxes, ((0, 0), (0, 2)))[None]).float()  # no turn, no mirror
        with torch.inference_mode():
            found = scores_at(module.tell(torch.from_numpy(planes.copy()))["logits"], asked)
        return np.asarray(found[0].double().numpy())
    told = answer(network, crop)
    return of_candidates(told["places"].astype(np.float64), boxes) if "places" in told else None


def of_candidates(rows: NDArray[np.float64], boxes: Boxes) -> NDArray[np.float64]:
    """The score of each box's nearest candidate of (N, 6): x, y, height, rotation, logit of the mirror, score."""
    rows = rows[np.isfinite(rows).all(1) & (rows[:, 2] > 0)]
    away = np.linalg.norm(spots(boxes)[:, None] - spots(rows[:, :3])[None], axis=2)  # (K, N)
    near = away <= away.min(1, keepdims=True) + 1e-6  # a place's turns and mirror share it: the best of them counts
    return np.asarray(np.where(near, rows[:, 5], -np.inf).max(1))


def answer(network: Decider, crop: Crop) -> dict[str, Any]:
    """What the network tells of a crop."""
    return dict(network.outputs(network.look(crop.scene, FRAME)))


def spots(boxes: Boxes) -> Boxes:
    """Boxes (K, 3) as points: center x and y in sides, ln of the height."""
    return np.column_stack([boxes[:, 0], boxes[:, 1] - boxes[:, 2] / 2, np.log(boxes[:, 2])])


def best(network: Decider, crop: Crop) -> torch.Tensor:
    """The upright box (4,) of the place that the network likes best."""
    told = answer(network, crop)
    row = told["places"][told["places"][:, 5].argmax()] if "places" in told else told["box"]
    x, y, height, turn, mirror = (float(one) for one in row[:5])
    return box_of_place(Place(x, y, height, turn, mirror > 0), crop.form)


def mean_box(source: Source) -> torch.Tensor:
    """The mean of the boxes that crops of the training people have, (4,): of centers, and of ln of heights."""
    chance, ranges = random.Random(6), PlacementRanges()
    found = []
    for number in source.numbers("training"):
        matte = plate_leak.read_mask(number, source.data)
        outline = trace(matte)
        assert outline is not None
        for _ in range(CROPS):
            top, left, high, wide = draw_window(chance, outline.size, outline.box, 1.0, ranges)
            mirrored = chance.random() < 0.5
            box = seen(outline.box, (top, left, high, wide), mirrored)
            if box is not None:
                found.append(box)
    x, y, size = spots(np.array(found)).mean(0)
    return torch.tensor([x, y + np.exp(size) / 2, np.nan, np.exp(size)], dtype=torch.float32)


def seen(box: Any, window: Any, mirrored: bool) -> tuple[float, float, float] | None:
    """A box as far as a window shows it: x of the middle, y of the lower edge, height; None where it shows none of it.

    box: (top, left, bottom, right); window: (top, left, height, width); in the same unit.
    """
    top, bottom = (min(max((box[side] - window[0]) / window[2], 0.0), 1.0) for side in (0, 2))
    left, right = (min(max((box[side] - window[1]) / window[3], 0.0), 1.0) for side in (1, 3))
    if bottom - top < 0.02 or right - left < 0.02:
        return None
    middle = (left + right) / 2
    return 1 - middle if mirrored else middle, bottom, bottom - top


def others(crop: Crop, data: Any) -> tuple[Boxes, Boxes]:
    """Places that are not the true one: uniform ones of its size, and the decoys'."""
    height = float(crop.true[3])
    chance = np.random.default_rng([6, int(crop.line["key"].split("_")[0]), crop.line["copy"]])
    centers = chance.random((UNIFORM, 2))
    uniform = np.column_stack([centers[:, 0], centers[:, 1] + height / 2, np.full(UNIFORM, height)])
    sources, drawn = crop.line["parameters"]["sources"], crop.line["parameters"]["placement"]
    matte = plate_leak.read_mask(sources["photo"], data)
    shapes = [plate_leak.read_mask(sources[f"decoy_{n}"], data) for n in range(len(drawn["decoys"]))]
    part = crop.line["parameters"]["window"]
    window, decoys = tuple(part[name] for name in ("top", "left", "height", "width")), []
    for decoy in decoys_of(matte, shapes, drawn):
        outline = trace(decoy)
        if outline is not None:
            shares = np.array(outline.box) / np.array([*matte.shape, *matte.shape])
            decoys.append(seen(shares, window, part["flip"]))
    return uniform, np.array([box for box in decoys if box is not None]).reshape(-1, 3)


def measure(source: Source, ours: str) -> tuple[list[list[Any]], str]:
    """The table's rows, and how many pictures."""
    given, middle, networks = list(crops(source)), mean_box(source), Networks()
    wrong = [others(one, source.data) for one in given]
    ways: dict[str, Callable[[Crop], torch.Tensor]] = {
        "do nothing: the layer as it lies": lambda one: box_of_place(one.scene.place, one.form),
        "mean box of the training people": lambda one: middle,
        "fit": lambda one: box_of_place(fitted(one), one.form),
    }
    rows = [[name, *figures([way(one) for one in given], given, wrong)] for name, way in ways.items()]
    for name, model in {"triple-unet": SYSTEM, named(ours): ours}.items():
        print(f"places: {name}", file=sys.stderr)
        try:
            network = networks.decider("place", network_for("place", model))
        except BgswapError as error:
            print(f"{model}: {error}", file=sys.stderr)
            rows.append([name, *[None] * len(DIGITS)])
            continue
        rows.append([name, *figures([best(network, one) for one in given], given, wrong, partial(scores, network))])
    rows += probe(source)
    full = np.mean([one.true[3] > WHOLE for one in given])
    return rows, f"{len(given)} crops, of which {full:.0%} show nothing above or below the person; {probe_size(source)}"


def fitted(crop: Crop) -> Place:
    """Where `fit` puts the layer."""
    return fit.find_place(crop.outline, crop.plate, crop.plate.shape[:2])


def figures(
    found: list[torch.Tensor],
    given: list[Crop],
    wrong: list[tuple[Boxes, Boxes]],
    score: Callable[[Crop, Boxes], NDArray[np.float64] | None] | None = None,
) -> list[float]:
    """Medians of both errors; mean AUC of the true place against uniform ones, and against decoys."""
    boxes, true = torch.stack(found), torch.stack([one.true for one in given])
    medians = [float(metric(boxes, true).nanmedian()) for metric in (box_center, box_scale)]
    areas = []
    for one, box, parts in zip(given, found, wrong, strict=True):
        asked = np.concatenate([one.true.numpy()[None, [0, 1, 3]].astype(np.float64), *parts])
        told = score(one, asked) if score else None
        if told is None:
            told = -np.linalg.norm(spots(asked) - spots(box.numpy()[None, [0, 1, 3]]), axis=1)
        several = np.split(told[1:], [len(parts[0])])
        areas.append([auc(told[:1], some) if len(some) else np.nan for some in several])
    return [*medians, *np.nanmean(areas, 0).tolist()]
