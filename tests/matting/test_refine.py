"""Ways of refining: all of them keep what was sure, the type and the size; the default brings the edge nearer."""

import numpy as np
import pytest

from bgswap import extensions
from bgswap.matting.bands import contrast, enlarge, unknown
from bgswap.matting.look import Rough, look, shrink
from bgswap.matting.refine import guided
from bgswap.matting.trimap import impose

PACKAGE = "bgswap.matting.refine"
SLOW = {"closed-form", "information-flow", "knn"}


@pytest.fixture(scope="module")
def half(model, photo):
    """A part of the astronaut, small enough for the slow ways: photo, rough matte, band."""
    part = photo[:192, 96:288]
    whole = look(model, photo)
    rough = Rough(whole.alpha[:120, 60:180], whole.photo[:120, 60:180])
    return part, rough, unknown(rough.alpha, 1)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n in SLOW else ()) for n in extensions.names(PACKAGE)]
)
def test_what_the_network_is_sure_of_is_left_alone(half, name):
    part, rough, band = half
    alpha, _ = extensions.load(PACKAGE, name).refine(rough, part, band)
    assert alpha.shape == part.shape[:2]
    assert alpha.dtype == part.dtype
    inside = enlarge(band / 255.0, *alpha.shape, np.uint8) > 0
    plain = enlarge(contrast(rough.alpha, 3), *alpha.shape, np.uint8)
    assert (~inside).mean() > 0.3
    assert np.abs(alpha.astype(int) - plain)[~inside].max() <= (8 if name == "none" else 1)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n in SLOW else ()) for n in extensions.names(PACKAGE)]
)
def test_each_way_gives_another_matte(half, name):
    part, rough, band = half
    ways = {n: extensions.load(PACKAGE, n).refine(rough, part, band)[0] for n in {"none", "guided", name}}
    assert len({alpha.tobytes() for alpha in ways.values()}) == len(ways)


def test_guided_brings_a_blurred_matte_of_a_sharp_person_nearer_to_the_truth(photo):
    true = np.zeros((256, 256), np.float32)
    rows, columns = np.mgrid[:256, :256]
    true[(rows - 128) ** 2 + (columns - 128) ** 2 < 80**2] = 1
    picture = np.where(true[..., None] > 0, photo[200:456, 60:316], photo[:256, 200:456] // 3).astype(np.uint8)
    small = shrink(true, 32, 32)
    rough = Rough(small, shrink(picture, 32, 32) / np.float32(255))
    alpha, _ = guided.refine(rough, picture, unknown(small, 1))
    plain = enlarge(small, 256, 256, np.uint8)
    error, before = (np.abs(each / 255 - true).mean() for each in (alpha, plain))
    assert error < 0.75 * before


def test_strips_and_tiles_leave_no_seam(half):
    part, rough, band = half
    everywhere = np.full_like(band, 255)
    alone, _ = guided.refine(rough, part, everywhere)
    inner = np.zeros_like(band)
    inner[30:90, 20:100] = 255
    tiled, _ = guided.refine(rough, part, inner)
    assert np.array_equal(tiled[60:120, 40:150], alone[60:120, 40:150])


def test_imposing_a_trimap_changes_only_what_it_is_sure_of(half):
    part, rough, _ = half
    trimap = np.full(part.shape[:2], 128, np.uint8)
    trimap[:, :64] = 255
    alpha = impose(rough, trimap).alpha
    assert (alpha[:, :38] == 1).all()
    assert np.array_equal(alpha[:, 42:], rough.alpha[:, 42:])
