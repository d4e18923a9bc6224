"""Every metric against an independent implementation, on real photos; what `tests/bench/metrics.py` prints."""

from pathlib import Path

import numpy as np
import pytest

from tests.evaluation import cases
from tests.evaluation.references import REFERENCES, every

PICTURES = 20
SUMS, NETWORKS = 1e-5, 1e-4
TOLERANCES: dict[str, float] = {  # largest difference as a share of the reference's value
    **dict.fromkeys(("l1", "mse", "mse01", "fmse", "psnr", "psnr:range", "fpsnr"), SUMS),
    **dict.fromkeys(("sharpness", "sharpness:input", "halo"), SUMS),
    "ssim": 3e-4,  # variances as differences of float32 squares, as torchmetrics has them
    **dict.fromkeys(("alpha-mad", "alpha-mse", "sad", "grad", "conn", "dice", "iou:soft"), SUMS),
    **dict.fromkeys(("dice:hard", "iou", "shadow-ber", "shadow-ber:s-ber"), 1e-12),  # counts of pixels
    **dict.fromkeys(("shadow-rmse", "shadow-rmse:local", "temporal", "temporal:dtssd-alpha"), SUMS),
    **dict.fromkeys(("spectrum", "spectrum:high-band"), SUMS),
    **dict.fromkeys(("box-iou", "box-center", "box-scale", "box-auc"), SUMS),
    **dict.fromkeys(("box-topk", "box-topk:5", "box-topk:10"), 0.0),  # yes or no
    **dict.fromkeys(("lpips", "lpips:vgg", "lpips:squeeze", "dists", "fid", "kid"), NETWORKS),
    **dict.fromkeys([name for name in REFERENCES if name.startswith("perceptual")], NETWORKS),
}


def test_every_metric_in_every_variant_has_an_independent_reference_and_a_tolerance():
    assert set(every()) == set(REFERENCES) == set(TOLERANCES)


@pytest.fixture(scope="module")
def scenes(test_data: Path) -> list[cases.Roles]:
    pytest.importorskip("sklearn.metrics")
    return cases.scenes(test_data, PICTURES)


@pytest.fixture(scope="module")
def video(test_data: Path) -> list[cases.Roles]:
    return cases.video(test_data, PICTURES)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(REFERENCES))
def test_twenty_real_pictures_score_as_an_independent_implementation_says(name, scenes, video, test_data):
    found = cases.compare(name, scenes, video, test_data)
    assert len(found.ours) in (1, PICTURES)
    assert np.isfinite(found.theirs).all()
    assert found.theirs.any()
    assert found.relative <= TOLERANCES[name]
