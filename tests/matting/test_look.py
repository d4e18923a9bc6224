"""One look: the shrunken photo, and that squared models are fed exactly what rembg feeds them."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image

from bgswap.matting.look import grid, look, shrink
from bgswap.matting.sam import look_at_point


class Stand:
    """A model whose answer is its input's first channel, with a card of one's choice."""

    def __init__(self, **given):
        fields = {"side": 32, "fit": "stretch", "multiple": 1, "filter": "lanczos", "divide": "max"}
        mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
        spec = SimpleNamespace(**(fields | {"mean": mean, "std": std} | given))
        self.card = SimpleNamespace(input=spec, output=SimpleNamespace(activation="none", channel=0))
        self.seen = []

    def __call__(self, *arrays):
        self.seen.append(arrays)
        return (arrays[0][:, :1],)


def test_a_squared_model_sees_lanczos_pixels_divided_by_their_own_maximum(photo):
    stand = Stand(side=64)
    dark = photo // 3
    look(stand, dark)
    square = np.asarray(Image.fromarray(dark).resize((64, 64), Image.Resampling.LANCZOS))
    expected = (square / square.max() - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    assert np.abs(stand.seen[0][0][0].transpose(1, 2, 0) - expected).max() < 1e-5


@pytest.mark.slow
def test_a_squared_model_sees_what_rembg_would_show_it(photo):
    from rembg.sessions.base import BaseSession

    rembg = SimpleNamespace(inner_session=SimpleNamespace(get_inputs=lambda: [SimpleNamespace(name="x")]))
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    theirs = BaseSession.normalize(rembg, Image.fromarray(photo), mean, std, (320, 320))["x"]
    stand = Stand(side=320)
    look(stand, photo)
    assert np.abs(stand.seen[0][0] - theirs).max() < 1e-5


@pytest.mark.parametrize("size", [(512, 512), (511, 333), (40, 30), (1, 500)])
def test_the_aspect_is_kept_up_to_the_multiple(photo, size):
    stand = Stand(side=320, fit="longest", multiple=32, divide="255", mean=(0, 0, 0), std=(1, 1, 1))
    rough = look(stand, photo[: size[0], : size[1]])
    assert rough.alpha.shape == rough.photo.shape[:2] == grid(photo[: size[0], : size[1]], 320, 32)
    assert max(rough.alpha.shape) == 320


def test_shrinking_by_halves_is_as_good_as_area_means_at_once(photo):
    large = cv2.resize(photo, (3001, 2003), interpolation=cv2.INTER_CUBIC)
    at_once = cv2.resize(large, (320, 224), interpolation=cv2.INTER_AREA)
    assert np.abs(shrink(large, 224, 320).astype(int) - at_once).mean() < 0.5


def test_segment_anything_is_asked_about_the_point_in_its_own_frame(photo):
    asked = {}

    def encoder(canvas):
        asked["canvas"] = canvas
        return (np.zeros((1, 256, 64, 64), np.float32),)

    def decoder(_embedding, points, labels, _mask, _has_mask, size):
        asked.update(points=points, labels=labels, size=size)
        masks = np.full((1, 1, 684, 1024), -9, np.float32)
        masks[..., :342, :342] = 9
        return masks, None, None

    rough = look_at_point((encoder, decoder), photo, 0.5, 0.25)
    assert asked["canvas"].shape == (684, 1024, 3)
    assert not asked["canvas"][:, 684:].any()
    assert asked["points"][0].tolist() == [[342.0, 171.0], [0.0, 0.0]]
    assert asked["labels"].tolist() == [[1.0, -1.0]]
    assert rough.alpha.shape == (684, 684)
    assert rough.alpha[:342, :342].min() > 0.99
    assert rough.alpha[342:].max() < 0.01
