"""Shadows that a network tells, with a small stand-in for one."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from bgswap.compositing.decider import Decider
from bgswap.compositing.decisions import Place, ShadowLayer
from bgswap.compositing.outline import trace
from bgswap.compositing.scene import Scene
from bgswap.compositing.shadow import learned
from bgswap.errors import BgswapError
from bgswap.zoo.card import Card, InputSpec
from bgswap.zoo.loader import Model


@dataclass
class Told:
    """A runner that tells the same numbers of every picture, and keeps what it was shown."""

    numbers: tuple[float, ...]
    device: str = "cpu"
    notes: tuple[str, ...] = ()
    inputs: dict = field(default_factory=dict)
    network: str = ""
    logits: bool = False
    shown: list = field(default_factory=list)

    def __call__(self, *arrays, **_named):
        self.shown.append(arrays[0])
        return (np.array([self.numbers], np.float32),)


def network(*numbers):
    card = Card(
        "stand-in",
        task="transform",
        takes=("photo", "alpha", "background"),
        gives=("shadow",),
        input=InputSpec(side=96),
    )
    told = Told(numbers)
    return Decider("stand-in", Model(card, "cpu", (), {"model": told}, "")), told


def scene(person, place, y=0.9, rotation=0.0):
    return Scene(person, trace(person), Place(0.5, y, 0.6, rotation), place, place.shape[:2])


def test_the_network_s_five_numbers_are_the_layer(whole_person, place):
    pytest.importorskip("torch")
    decider, told = network(-40, 1.25, 0.03125, 0.5, 0.75)
    layer = learned.cast(scene(whole_person, place), decider)
    assert layer == ShadowLayer(-40.0, 1.25, 0.03125, 0.5, 0.75, way="cast")
    (shown,) = told.shown
    assert shown.shape[:2] == (1, 7)
    assert max(shown.shape[2:]) == 96


def test_numbers_out_of_range_are_brought_into_it(whole_person, place):
    pytest.importorskip("torch")
    layer = learned.cast(scene(whole_person, place), network(350, 30, -1, 1.5, -0.25)[0])
    assert layer == ShadowLayer(-10.0, 4.0, 0.0, 1.0, 0.0, way="cast")


def test_where_the_feet_are_not_in_the_picture_the_network_is_not_asked(whole_person, half_length, place):
    decider, told = network(0, 1, 0.1, 0.5, 0.5)
    assert learned.cast(scene(half_length, place, y=1.0), decider) is None
    assert learned.cast(scene(whole_person, place, y=1.1), decider) is None
    assert learned.cast(scene(whole_person, place, rotation=50), decider) is None
    assert not told.shown


@pytest.mark.parametrize("numbers", [(0.0, 1.0, 0.1), (0.0, float("nan"), 0.1, 0.5, 0.5)])
def test_a_network_that_tells_no_five_numbers_is_named(whole_person, place, numbers):
    pytest.importorskip("torch")
    with pytest.raises(BgswapError, match="stand-in tells no shadow"):
        learned.cast(scene(whole_person, place), network(*numbers)[0])
