"""Networks' colors as a change of the original pixels: small stand-ins whose answer is known, and those in the box."""

import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bgswap.compositing.colors import IDENTITY, Recolor
from bgswap.compositing.compose import compose
from bgswap.compositing.decide import CompositeSettings, decide
from bgswap.compositing.decider import Decider, Networks
from bgswap.compositing.decisions import ColorMap, Globals, Place
from bgswap.compositing.harmonize import learned
from bgswap.compositing.outline import Outline, trace
from bgswap.compositing.scene import FRAME, Scene
from bgswap.errors import UsageError
from bgswap.zoo.card import Card, InputSpec, WeightFile
from bgswap.zoo.loader import Model

MIDDLE = Place(0.5, 0.97, 0.8)
SMALL = InputSpec(side=128, fit="longest", multiple=32)


@dataclass
class StandIn:
    """A network whose weights are a function of the planes (C, H, W)."""

    answer: Callable[[np.ndarray], Any]
    device: str = "cpu"
    notes: tuple[str, ...] = ()
    inputs: dict[str, Any] = field(default_factory=dict)
    network: str = ""
    logits: bool = False

    def __call__(self, planes, **_named):
        answers = self.answer(planes[0])
        answers = answers if isinstance(answers, tuple) else (answers,)
        return tuple(np.asarray(one, np.float32)[None] for one in answers)


def network_of(answer, gives=("picture",), takes=("photo", "alpha"), task="harmonize"):
    card = Card("stand-in", files=(WeightFile("none"),), takes=takes, gives=gives, task=task, input=SMALL)
    return Decider("stand-in", Model(card, "cpu", (), {"model": StandIn(answer)}, ""))


def standing(person, place, where=MIDDLE):
    return Scene(person, trace(person), where, place, place.shape[:2])


def changed(color, scene):
    """The person's photo, all of it lying over the frame's middle, before and after."""
    height, width = scene.frame
    pixels = cv2.resize(np.ascontiguousarray(scene.person[..., :3]), (width, height), interpolation=cv2.INTER_AREA)
    return pixels, Recolor(color, scene.frame).apply(pixels, np.full((height, width), 255, np.uint8), 0, 0)


def planes_of(picture):
    return np.moveaxis(picture, -1, 0)


def test_a_change_that_a_network_paints_is_found_and_its_blur_is_not(half_length, place):
    gain = np.array([0.75, 0.85, 1.05], np.float32)[:, None, None]

    def smear(planes):
        soft = cv2.GaussianBlur(np.moveaxis(planes[:3] * gain, 0, -1), (0, 0), 1.0)
        return planes_of(soft)

    scene = standing(half_length, place)
    color = learned.harmonize(scene, network_of(smear))
    before, after = changed(color, scene)
    wanted = np.minimum(before * gain[:, 0, 0], 255)
    assert np.abs(after - wanted).mean() < 4
    assert np.abs(before - wanted).mean() > 12
    sharp = [np.abs(cv2.Laplacian(one.astype(np.float32), cv2.CV_32F)).mean() for one in (after, wanted)]
    assert 0.9 < sharp[0] / sharp[1] < 1.15


def test_a_network_that_repeats_what_it_sees_changes_no_pixel_by_more_than_a_level(half_length, place):
    scene = standing(half_length, place)
    color = learned.harmonize(scene, network_of(lambda planes: planes[:3]))
    before, after = changed(color, scene)
    assert np.abs(after.astype(int) - before).max() <= 1


def test_what_a_network_paints_beside_the_person_does_not_count(half_length, place):
    scene = standing(half_length, place)
    color = learned.harmonize(scene, network_of(lambda planes: np.where(planes[3:] > 0.95, planes[:3], 1.0)))
    before, after = changed(color, scene)
    assert np.abs(after.astype(int) - before).max() <= 1


def test_globals_are_taken_as_told(half_length, place):
    told = [-0.5, 0.25, 0.125, -0.25]
    color = learned.harmonize(standing(half_length, place), network_of(lambda _: np.array(told), ("globals",)))
    assert color.globals == Globals(*told)
    assert color.grid is color.shading is None


def test_a_grid_and_a_shading_lie_in_the_frame_where_they_lay_in_the_window(half_length, place):
    grid, shading = np.tile(IDENTITY, (8, 8, 4, 1)), np.zeros((8, 8), np.float32)
    grid[:, 4:, :, 3], shading[:4] = 0.25, -1.0
    scene = standing(half_length, place, Place(0.7, 0.9, 0.5))
    color = learned.harmonize(scene, network_of(lambda _: (grid, shading), ("grid", "shading")))
    top, left, bottom, right = learned.around(scene)
    rows, columns = color.shading.shape
    assert rows > 8
    for y, x in ((0.2, 0.2), (0.2, 0.8), (0.8, 0.2), (0.8, 0.8)):
        row, column = int((top + y * (bottom - top)) * rows), int((left + x * (right - left)) * columns)
        assert color.grid[row, column, :, 3] == pytest.approx(0.25 if x > 0.5 else 0)
        assert color.shading[row, column] == pytest.approx(-1 if y < 0.5 else 0)


def test_cells_of_the_whole_frame_stay_as_they_are():
    cells = np.random.default_rng(0).random((5, 7, 3, 12), np.float32)
    assert np.array_equal(learned.to_frame(cells, FRAME), cells)


def mover(place, gain):
    """Paints the place, and over it the person moved a quarter of the frame to the left, in light times gain."""

    def answer(planes):
        across = planes.shape[2]
        moved = np.roll(planes[:4], -across // 4, axis=2)
        lit = moved[:3] * gain ** (1 / 2.2)
        box = np.array([place.x - 0.25, place.y, place.height, 0, -3])
        return lit + (1 - moved[3]) * planes[4:], box

    return network_of(answer, ("picture", "box"), ("photo", "alpha", "background"), "place")


@pytest.mark.parametrize("gain", [0.5, 1.0])
def test_the_mean_change_of_a_person_that_a_network_placed_itself_is_read_off_where_its_box_is(
    whole_person, place, gain
):
    where = Place(0.7, 0.9, 0.7)
    color = learned.harmonize(standing(whole_person, place, where), mover(where, gain))
    assert color.globals.exposure == pytest.approx(np.log2(gain), abs=0.15)
    assert abs(color.globals.temperature) < 0.1
    assert abs(color.globals.tint) < 0.1


def test_a_network_that_paints_nobody_where_its_box_is_changes_nothing(whole_person, place):
    where = Place(0.7, 0.9, 0.7)
    nobody = network_of(
        lambda planes: (planes[4:] * 0.5, [0.4, 0.9, 0.7, 0, -3]),
        ("picture", "box"),
        ("photo", "alpha", "background"),
        "place",
    )
    assert learned.harmonize(standing(whole_person, place, where), nobody) is None


def test_a_painting_is_the_network_picture_of_the_person_or_of_the_whole_frame(half_length, place):
    scene = standing(half_length, place)
    of_person = learned.paint(scene, network_of(lambda planes: 1 - planes[:3]))
    assert not of_person.whole
    assert of_person.window == learned.around(scene)
    shown = network_of(None).look(scene, of_person.window)
    assert of_person.pixels == pytest.approx(1 - shown.composite, abs=1e-6)
    of_all = learned.paint(scene, mover(scene.place, 1.0))
    assert of_all.whole
    assert of_all.window == FRAME
    assert of_all.pixels.shape == (96, 128, 3)


def test_a_network_without_a_picture_paints_nothing_and_says_so(half_length, place):
    with pytest.raises(UsageError, match="leave out --paint"):
        learned.paint(standing(half_length, place), network_of(lambda _: np.zeros(4), ("globals",)))


def test_nobody_in_the_frame_means_no_change_whatever_the_network_tells(half_length, place):
    scene = standing(half_length, place, Place(3.0, 0.9, 0.5))
    assert scene.seen is None
    assert learned.harmonize(scene, network_of(lambda planes: planes[:3])) is None
    assert learned.harmonize(scene, network_of(lambda _: np.ones(4), ("globals",))) is None


@given(
    x=st.floats(-0.2, 1.2),
    y=st.floats(0.2, 1.3),
    height=st.floats(0.05, 1.5),
    frame=st.sampled_from([(360, 540), (540, 360), (96, 96)]),
    at=st.sampled_from([0.0, 1.0]),
)
@settings(max_examples=40, deadline=None)
def test_windows_lie_in_the_frame_are_square_where_it_allows_and_nearer_ones_reach_the_persons_ends(
    x, y, height, frame, at
):
    outline = Outline((10, 20, 90, 60), (8, 18, 92, 62), (100, 80))
    scene = Scene(
        np.zeros((100, 80, 4), np.uint8), outline, Place(x, y, height), np.zeros((*frame, 3), np.uint8), frame
    )
    top, left, bottom, right = learned.around(scene)
    assert 0 <= top < bottom <= 1
    assert 0 <= left < right <= 1
    rows, columns = (bottom - top) * frame[0], (right - left) * frame[1]
    assert rows == pytest.approx(columns) or max(rows, columns) > min(frame) - 1e-6
    if scene.seen is None:
        return
    near = learned.around(scene, learned.PART, at)
    assert near[2] - near[0] <= bottom - top + 1e-9
    high, wide = (scene.seen[2] - scene.seen[0]) * frame[0], (scene.seen[3] - scene.seen[1]) * frame[1]
    assume(abs(high - wide) > 1e-6)  # as wide as high, rounding decides which side is the longer one
    longer = 0 if high > wide else 1
    end = (near[longer] <= scene.seen[longer] + 1e-9, near[longer + 2] >= scene.seen[longer + 2] - 1e-9)
    assert end[int(at)]


@pytest.mark.parametrize("name", ["harmonize-gan-small", "hpbnet-small", "triple-unet-small"])
def test_the_networks_in_the_box_change_a_real_person_gently_and_keep_its_sharpness(person_of, place_of, name):
    person, place = person_of("0082"), place_of("p145")
    networks = Networks()
    plain = CompositeSettings(shadow="none")
    found = []
    for chosen in (plain, replace(plain, harmonize=name, strength=1.0)):
        decisions = decide(person, place, chosen, networks)
        found.append(compose(person, place, decisions, chosen, networks=networks)[0].astype(np.float32))
    assert np.abs(found[0] - found[1])[..., 0].max() < 128
    sharp = [np.abs(cv2.Laplacian(one, cv2.CV_32F)).mean() for one in found]
    assert 0.9 < sharp[1] / sharp[0] < 1.15


def test_the_same_scene_gives_the_same_change(half_length, place):
    networks = Networks()
    first, second = (
        learned.harmonize(standing(half_length, place), networks.decider("harmonize", "harmonize-gan-small"))
        for _ in range(2)
    )
    assert first == second
    assert not first.is_identity


@pytest.mark.parametrize("told", [Globals(-0.7, -0.6), Globals(0.4, 0.9, 0.2, 0.2)])
def test_the_network_that_ships_brings_a_dyed_person_back_towards_her_photo(half_length, told):
    photo, alpha = np.ascontiguousarray(half_length[..., :3]), half_length[..., 3]
    dyed = Recolor(ColorMap("dyed", globals=told), photo.shape[:2]).apply(photo, alpha, 0, 0)
    where = alpha > 128
    composite = np.where(where[..., None], dyed, photo)
    asked = CompositeSettings(place="keep", shadow="none", harmonize="learned")
    decided = decide(np.dstack([dyed, alpha]), composite, asked)
    made = compose(np.dstack([dyed, alpha]), composite, decided, asked)[0]
    errors = [((one[where].astype(float) - photo[where]) ** 2).mean() for one in (made, dyed)]
    assert decided.harmonize.strength == 1
    assert errors[0] < 0.75 * errors[1]


def test_the_network_that_ships_decides_without_torch():
    lines = """
        import sys
        import numpy as np
        from bgswap.compositing.decide import CompositeSettings, decide
        person = np.zeros((96, 64, 4), np.uint8)
        person[20:80, 20:44] = (200, 90, 60, 255)
        asked = CompositeSettings(place="0.5,0.9,0.6", shadow="none", harmonize="learned")
        assert decide(person, np.full((90, 120, 3), 90, np.uint8), asked).harmonize.grid is not None
        assert "torch" not in sys.modules
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(lines)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
