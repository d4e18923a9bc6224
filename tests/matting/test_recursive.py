"""A refinement network used twice: which sizes it sees, and that each pass gets the mask of the one before."""

import numpy as np
import pytest

from bgswap.matting.recursive import refine_recursively


class Told:
    """A stand-in for a trained network, which are functions of arrays here: notes what it sees, gives its mask back."""

    def __init__(self, gain: float = 1.0):
        self.seen: list[np.ndarray] = []
        self.gain = gain

    def __call__(self, planes):
        self.seen.append(planes.copy())
        alpha = np.clip(planes[:, 3:] * self.gain, 1e-6, 1 - 1e-6)
        return np.log(alpha / (1 - alpha))


def step(height: int, width: int) -> np.ndarray:
    alpha = np.zeros((height, width), np.float32)
    alpha[:, width // 3 :] = 1
    return alpha


@pytest.mark.parametrize("size", [(600, 900), (901, 333), (1400, 1400)])
def test_it_is_run_at_320_then_at_640_with_the_aspect_kept_in_multiples_of_32(size):
    network = Told()
    found = refine_recursively(np.zeros((*size, 3), np.uint8), step(*size), network)
    assert [max(one.shape[2:]) for one in network.seen] == [320, 640]
    assert all(one.shape[:2] == (1, 4) and one.dtype == np.float32 for one in network.seen)
    for one in network.seen:
        height, width = one.shape[2:]
        assert height % 32 == width % 32 == 0
        assert abs(height / width / (size[0] / size[1]) - 1) < 0.16
    assert (found.shape, found.dtype) == (network.seen[-1].shape[2:], np.float32)


def test_the_second_pass_sees_what_the_first_one_made():
    network = Told(gain=0.5)
    found = refine_recursively(np.zeros((640, 640, 3), np.uint8), np.ones((64, 64), np.float32), network)
    assert network.seen[0][0, 3].max() == pytest.approx(1.0)
    assert network.seen[1][0, 3].max() == pytest.approx(0.5, abs=1e-4)
    assert found.max() == pytest.approx(0.25, abs=1e-4)


def test_a_network_that_changes_nothing_gives_the_mask_back():
    alpha = step(640, 480)
    found = refine_recursively(np.zeros((640, 480, 3), np.uint8), alpha, Told())
    assert np.abs(found - alpha).mean() < 0.01
    assert 0 <= found.min() <= found.max() <= 1


def test_the_photo_is_seen_as_shares_of_its_types_largest_value_and_left_as_it_is(photo):
    first, second = Told(), Told()
    before = photo.copy()
    alpha = step(*photo.shape[:2])
    refine_recursively(photo, alpha, first, sides=(64,))
    refine_recursively(photo.astype(np.uint16) * 257, alpha, second, sides=(64,))
    assert 0.1 < first.seen[0][:, :3].max() <= 1
    assert np.abs(first.seen[0] - second.seen[0]).max() < 0.01
    assert np.array_equal(photo, before)


def test_a_small_photo_is_not_enlarged_for_a_pass():
    network = Told()
    refine_recursively(np.zeros((200, 300, 3), np.uint8), step(200, 300), network)
    assert [one.shape[2:] for one in network.seen] == [(192, 288)]


@pytest.mark.parametrize("sides", [(), (640, 320), (320, 320)])
def test_sides_that_do_not_rise_are_refused(sides):
    with pytest.raises(ValueError, match="from small to large"):
        refine_recursively(np.zeros((64, 64, 3), np.uint8), step(64, 64), Told(), sides=sides)
