"""The conventions of harmonization errors against the published definitions, written out in NumPy."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from bgswap.evaluation.conventions import CONVENTIONS, Convention, apply
from bgswap.evaluation.metric import find


@pytest.fixture(scope="module")
def example(photo: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """A harmonized astronaut whose colors are off inside the mask and, less so, outside; truth; soft-edged mask."""
    y, x = np.mgrid[:512, :512]
    mask = np.rint(np.clip(2.5 - np.hypot(y - 240, x - 230) / 70, 0, 1) * 255).astype(np.uint8)
    off = photo * 0.7 + 45.0
    near = photo * 0.8 + 25.0  # so that the range is well below 255, also after Pillow's bicubic overshoot
    return np.where(mask[..., None] >= 128, off, near).astype(np.uint8), photo, mask


def resized(pixels: NDArray[np.uint8], side: int | None) -> NDArray[np.uint8]:
    from PIL import Image

    if side is None:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC))


def tensor(pixels: NDArray[np.uint8]) -> Tensor:
    planes = np.moveaxis(np.atleast_3d(pixels), -1, 0)[None]
    return torch.from_numpy(planes.copy()).float() / 255


def scores(convention: Convention, example: tuple[NDArray[np.uint8], ...]) -> dict[str, float]:
    """mse, psnr and fmse as a user of the convention gets them."""
    predicted, true, mask = (tensor(resized(one, convention.at)) for one in example)
    seen = apply(convention, predicted, true, mask)
    found = {}
    for name in ("mse", f"psnr:{convention.psnr}", "fmse"):
        (metric,) = find([name])
        roles = {"predicted": seen, "true": true, "mask": mask}
        found[name.partition(":")[0]] = float(metric(*(roles[role] for role in metric.roles)))
    return found


def published(name: str, example: tuple[NDArray[np.uint8], ...]) -> dict[str, float]:
    """The same numbers from the definitions of field.md 4.1, float64."""
    predicted, true, mask = (resized(one, 256 if name == "dovenet" else None).astype(np.float64) for one in example)
    hard = (mask >= 128).astype(np.float64)[..., None]
    squares = (predicted - true) ** 2
    whole = (squares * hard).mean() if name == "idih" else squares.mean()
    peak = predicted.max() - predicted.min() if name == "dovenet" else 255.0
    return {
        "mse": whole,
        "psnr": 10 * np.log10(peak**2 / whole),
        "fmse": (squares * hard).sum() / (3 * hard.sum()),
    }


@pytest.mark.parametrize("name", ["plain", "dovenet", "idih"])
def test_a_conventions_numbers_are_those_of_its_definition(name: str, example: tuple[NDArray[np.uint8], ...]) -> None:
    found, known = scores(CONVENTIONS[name], example), published(name, example)
    assert found == pytest.approx(known, rel=2e-6)


def test_conventions_give_different_numbers_for_the_same_pictures(example: tuple[NDArray[np.uint8], ...]) -> None:
    found = {name: scores(convention, example) for name, convention in CONVENTIONS.items()}
    assert found["idih"]["mse"] < found["plain"]["mse"]
    assert found["idih"]["fmse"] == found["plain"]["fmse"]
    assert found["dovenet"]["psnr"] != pytest.approx(found["plain"]["psnr"], abs=0.01)


def test_under_the_mask_alone_the_background_is_the_truth(example: tuple[NDArray[np.uint8], ...]) -> None:
    predicted, true, mask = (tensor(one) for one in example)
    before = predicted.clone()
    seen = apply(CONVENTIONS["idih"], predicted, true, mask)
    inside = (mask >= 0.5).expand_as(true)
    assert torch.equal(seen[~inside], true[~inside])
    assert torch.equal(seen[inside], predicted[inside])
    assert torch.equal(predicted, before)
    assert not torch.equal(predicted[~inside], true[~inside])


@pytest.mark.parametrize("name", ["plain", "dovenet"])
def test_whole_pictures_stay_as_they_are(name: str, example: tuple[NDArray[np.uint8], ...]) -> None:
    predicted, true, mask = (tensor(one) for one in example)
    assert torch.equal(apply(CONVENTIONS[name], predicted, true, mask), predicted)


def test_every_convention_is_found_by_its_name_and_says_what_it_does() -> None:
    assert list(CONVENTIONS) == ["plain", "dovenet", "idih"]
    for name, convention in CONVENTIONS.items():
        assert convention.name == name
        assert convention.summary
        assert convention.psnr in find(["psnr"])[0].variants
