"""Decisions over time: numbers settle, directions turn the short way, places stay put while people move."""

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgswap.compositing.decisions import ColorMap, Decisions, Globals, Lens, Place, ShadowLayer
from bgswap.compositing.geometry import is_whole_shift, placement_matrix
from bgswap.compositing.outline import Outline, trace
from bgswap.compositing.video.smooth import Cuts, Smoother, hold, place_of

PLACE = Place(0.5, 0.9, 0.6)
GRID = np.tile(np.eye(3, 4, dtype=np.float32).reshape(12), (2, 3, 4, 1))


def of(exposure: float = 0.0, **more: object) -> Decisions:
    return replace(Decisions(PLACE, ColorMap("reinhard", globals=Globals(exposure))), **more)


def outline_of(box: tuple[int, int, int, int]) -> Outline:
    return Outline(box, box, (720, 1280))


def run(smoother: Smoother, frames: list[Decisions]) -> list[Decisions]:
    return [smoother.next(frame) for frame in frames]


def test_no_seconds_leave_frames_as_they_are():
    frames = [of(k % 2, shadow=ShadowLayer(azimuth=90 * k)) for k in range(5)]
    assert run(Smoother(0, 25), frames) == frames


def test_what_does_not_change_is_not_changed():
    frame = of(0.3, shadow=ShadowLayer(350, 1, 0.02, 0.4, 0.5, (0.9, 1, 1.1)), lens=Lens(2, 0.001, 0.01))
    frame = replace(frame, harmonize=replace(frame.harmonize, grid=GRID, shading=np.full((2, 2), 0.25)))
    last = run(Smoother(1, 25), [frame] * 60)[-1]
    assert last.harmonize == frame.harmonize
    assert last.lens == frame.lens
    assert last.place == PLACE
    assert (last.shadow.azimuth, last.shadow.density) == pytest.approx((350, 0.4))


def test_a_second_is_harmonizers_factor():
    """After a long time a new number has the share 1 / rate, and what was before 1 - 1 / rate."""
    smoother = Smoother(1, 25)
    run(smoother, [of(0)] * 100)
    one, two = run(smoother, [of(1), of(0)])
    assert one.harmonize.globals.exposure == pytest.approx(1 / 25)
    assert two.harmonize.globals.exposure == pytest.approx(1 / 25 * (1 - 1 / 25))


def test_a_noisy_first_frame_does_not_last():
    """All frames count alike until the time is over, so that the first one does not outweigh the next twenty."""
    found = run(Smoother(1, 25), [of(1), *[of(0)] * 9])
    assert found[0].harmonize.globals.exposure == 1
    assert found[9].harmonize.globals.exposure == pytest.approx(1 / 10)


def test_noise_becomes_small():
    noise = np.random.default_rng(0).normal(0, 0.5, 200)
    found = [one.harmonize.globals.exposure for one in run(Smoother(1, 25), [of(x) for x in noise])]
    assert np.std(found[50:]) < 0.2 * np.std(noise[50:])


def test_a_grid_is_averaged_cell_by_cell():
    brighter = GRID.copy()
    brighter[0, 0, 0, 3] = 0.5
    frames = [of(harmonize=ColorMap("a", grid=grid)) for grid in (GRID, brighter)]
    grid = run(Smoother(1, 25), frames)[1].harmonize.grid
    assert grid[0, 0, 0, 3] == pytest.approx(0.25, abs=1e-3)
    assert np.delete(grid.ravel(), 3) == pytest.approx(np.delete(GRID.ravel(), 3))


def test_an_azimuth_turns_the_short_way():
    found = run(Smoother(1, 25), [of(shadow=ShadowLayer(azimuth=a, density=0.5)) for a in (350, 10) * 20])
    assert math.cos(math.radians(found[-1].shadow.azimuth)) > 0.99


def test_a_shadow_that_ends_fades_and_keeps_its_form():
    smoother = Smoother(0.2, 25)
    run(smoother, [of(shadow=ShadowLayer(90, 1.5, 0.02, 0.6, 0.5))] * 20)
    fading = run(smoother, [of()] * 60)
    assert 0 < fading[5].shadow.density < fading[0].shadow.density < 0.6
    assert (fading[5].shadow.azimuth, fading[5].shadow.length) == pytest.approx((90, 1.5))
    assert fading[-1].shadow is None


def test_frames_of_nobody_are_passed_on_and_do_not_count():
    nobody = Decisions(None)
    found = run(Smoother(1, 25), [of(0.5), nobody, nobody, of(0.5)])
    assert found[1] is nobody
    assert found[3].harmonize.globals.exposure == 0.5


def test_after_a_restart_nothing_is_carried_over():
    smoother = Smoother(1, 25)
    run(smoother, [of(1)] * 30)
    smoother.restart()
    assert smoother.next(of(-1)).harmonize.globals.exposure == -1


SIDES = st.integers(20, 300)
CORNERS = st.integers(0, 100)
OUTLINES = st.builds(
    lambda top, left, height, width: outline_of((top, left, top + height, left + width)), CORNERS, CORNERS, SIDES, SIDES
)
PLACES = st.builds(
    Place, st.floats(-0.2, 1.2), st.floats(0, 1.2), st.floats(0.1, 2), st.floats(-170, 170), st.booleans()
)


@given(OUTLINES, PLACES, st.tuples(st.integers(50, 900), st.integers(50, 900)))
def test_the_place_of_an_affine_gives_that_affine(outline, place, frame):
    matrix = placement_matrix(place, outline, frame)
    assert placement_matrix(place_of(matrix, outline, frame), outline, frame) == pytest.approx(matrix, abs=1e-6)


@given(OUTLINES, OUTLINES, PLACES)
def test_a_held_place_does_not_move_with_the_box(first, later, place):
    """An arm that is raised makes another box; every point of the photo stays where it was."""
    frame = (480, 640)
    held = hold(place, first, frame)
    assert placement_matrix(place_of(held, later, frame), later, frame) == pytest.approx(held, abs=1e-6)


def test_a_scale_near_one_stays_sharp_whatever_the_box():
    frame = (720, 1280)
    outlines = [
        Outline((100, 200, 100 + h, 200 + w), (0, 0, 720, 1280), (720, 1280)) for h, w in ((90, 50), (600, 400))
    ]
    held = hold(Place(0.5, 0.9, 602 / 720), outlines[1], frame)
    for outline in outlines:
        assert is_whole_shift(placement_matrix(place_of(held, outline, frame), outline, frame))


def test_moving_brightening_and_fading_are_no_cuts(photo, place):
    cuts = Cuts()
    light = np.random.default_rng(0).uniform(0.4, 1, 40)
    pan = [(photo[:, 4 * k : 4 * k + 340] * light[k]).astype(np.uint8) for k in range(40)]
    fade = [(pan[-1] * share).astype(np.uint8) for share in (0.7, 0.4, 0.1, 0, 0, 0.3, 1)]
    assert not any(cuts.next(frame) for frame in [*pan, *fade])


def test_another_picture_is_a_cut_even_after_black(photo, place):
    other = cv2.resize(place, (512, 512))
    found = []
    cuts = Cuts()
    for frame in (photo, photo, other, other, np.zeros_like(photo), photo, photo[:, ::-1]):
        found.append(cuts.next(frame))
    assert found == [False, False, True, False, False, True, True]


def test_a_cutouts_box_pulses_and_its_held_place_does_not(whole_person):
    """The person as is, and with an arm: a bar at half the height."""
    arm = whole_person.copy()
    arm[270:280, 20:280, 3] = 255
    frame = (300, 400)
    one, two = trace(whole_person), trace(arm)
    assert two.width > one.width + 50
    held = hold(PLACE, one, frame)
    feet = [held @ [(one.box[1] + one.box[3]) / 2, one.box[2], 1] for _ in range(2)]
    again = placement_matrix(place_of(held, two, frame), two, frame)
    assert again @ [(one.box[1] + one.box[3]) / 2, one.box[2], 1] == pytest.approx(feet[0], abs=1e-6)
