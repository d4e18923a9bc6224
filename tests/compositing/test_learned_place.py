"""Places that networks tell of, and what knowledge makes of them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from bgswap.compositing.decider import Decider, Networks
from bgswap.compositing.decisions import Place
from bgswap.compositing.geometry import bounds, placement_matrix
from bgswap.compositing.outline import Outline, trace
from bgswap.compositing.place._footing import look, missing_ground
from bgswap.compositing.place.learned import find_places
from bgswap.compositing.placement import find_places as by_way
from bgswap.compositing.scene import Scene
from bgswap.errors import PictureError

MEADOW = np.full((300, 400, 3), (90, 130, 60), np.uint8)
MEADOW[:140] = (150, 190, 235)
MEADOW[140::7, ::3] = (60, 90, 40)
ROW = """[told]
file = "{file}"
task = "transform"
takes = ["photo", "alpha", "background"]
gives = ["{name}"]
input = {{ side = 64, fit = "longest", multiple = 32, divide = "255", mean = [0, 0, 0], std = [1, 1, 1] }}
"""


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Decider]:
    """A network, by the user's catalog, that answers the same numbers to all pictures, under the name given."""

    def make(rows: list[list[float]], name: str = "places") -> Decider:
        numbers = np.array(rows, np.float32)
        numbers = numbers[:1] if name == "box" else numbers[None]
        planes = helper.make_tensor_value_info("planes", TensorProto.FLOAT, [1, 7, "h", "w"])
        answer = helper.make_tensor_value_info(name, TensorProto.FLOAT, list(numbers.shape))
        constants = [
            helper.make_tensor("told", TensorProto.FLOAT, numbers.shape, numbers.ravel()),
            helper.make_tensor("nothing", TensorProto.FLOAT, [], [0.0]),
        ]
        nodes = [
            helper.make_node("ReduceMean", ["planes"], ["mean"], keepdims=0),
            helper.make_node("Mul", ["mean", "nothing"], ["zero"]),
            helper.make_node("Add", ["told", "zero"], [name]),
        ]
        graph = helper.make_graph(nodes, "told", [planes], [answer], constants)
        opsets = [helper.make_opsetid("", 18)]
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), tmp_path / "told.onnx")
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        (tmp_path / "bgswap").mkdir(exist_ok=True)
        row = ROW.format(file=tmp_path / "told.onnx", name=name)
        (tmp_path / "bgswap" / "catalog.toml").write_text(row, encoding="utf-8")
        return Networks().decider("place", "told")

    return make


def outlined(person: np.ndarray) -> Outline:
    outline = trace(person)
    assert outline is not None
    return outline


def places_on(place: np.ndarray, person: np.ndarray, network: Decider, enlarge: float = 9.0) -> list[Place]:
    return find_places(person, outlined(person), place, place.shape[:2], network, enlarge)


def box_of(place: Place, person: np.ndarray, frame: tuple[int, int]) -> tuple[float, float, float, float]:
    outline = outlined(person)
    return bounds(placement_matrix(place, outline, frame), outline.box)


def test_where_all_else_is_alike_a_networks_scores_order_its_places(told, whole_person):
    rows = [[0.2, 0.95, 0.5, 0, -9, 0.1], [0.8, 0.95, 0.5, 0, -9, 0.9], [0.5, 0.95, 0.5, 0, -9, 0.5]]
    found = places_on(MEADOW, whole_person, told(rows))
    assert [round(place.x, 3) for place in found] == [0.8, 0.5, 0.2]
    assert [round(place.height, 3) for place in found] == [0.5] * 3
    assert [place.score for place in found] == pytest.approx([0.711, 0.622, 0.525], abs=0.002)  # logistic of the three


def test_feet_in_the_sky_lose_against_feet_on_a_meadow_but_not_against_a_network_that_is_sure(told, whole_person):
    sky, meadow = [0.3, 0.46, 0.4, 0, -9, 1.0], [0.7, 0.9, 0.5, 0, -9, 0.0]
    assert places_on(MEADOW, whole_person, told([sky, meadow]))[0].y == pytest.approx(0.9)
    sky[5] = 4.0  # knowledge is bounded
    assert places_on(MEADOW, whole_person, told([sky, meadow]))[0].y == pytest.approx(0.46)


def test_dry_ground_is_better_than_water(told, whole_person):
    shore = MEADOW.copy()
    shore[141:, :200] = (40, 110, 150)
    wet, dry = [0.25, 0.93, 0.5, 0, -9, 0.4], [0.75, 0.93, 0.5, 0, -9, 0.0]
    assert places_on(shore, whole_person, told([wet, dry]))[0].x == pytest.approx(0.75)
    assert places_on(MEADOW, whole_person, told([wet, dry]))[0].x == pytest.approx(0.25)


def test_who_stands_far_up_and_is_huge_loses_against_who_is_as_big_as_the_horizon_tells(told, whole_person):
    giant, fitting = [0.3, 0.85, 0.8, 0, -9, 0.5], [0.7, 0.85, 0.42, 0, -9, 0.0]
    assert places_on(MEADOW, whole_person, told([giant, fitting]))[0].x == pytest.approx(0.7)


def test_two_places_that_nearly_cover_each_other_are_one(told, whole_person):
    rows = [[0.5 + 0.01 * i, 0.95, 0.5, 0, -9, 1.0 - 0.1 * i] for i in range(6)]
    assert [place.x for place in places_on(MEADOW, whole_person, told(rows))] == pytest.approx([0.5])


@pytest.mark.parametrize(("turn", "kept"), [(0.5, 0.0), (8.0, 8.0), (-14.0, -14.0), (30.0, 0.0), (180.0, 0.0)])
def test_small_turns_are_noise_and_great_ones_errors(told, whole_person, turn, kept):
    found = places_on(MEADOW, whole_person, told([[0.5, 0.95, 0.5, turn, -9, 0.0]]))
    assert found[0].rotation == pytest.approx(kept)


def test_only_a_sure_mirror_is_believed(told, whole_person):
    found = [places_on(MEADOW, whole_person, told([[0.5, 0.95, 0.5, 0, logit, 0]]))[0].flip for logit in (0.5, 5.0)]
    assert found == [False, True]


@pytest.mark.parametrize("box", [[-3, 0.1, 0.5], [0.5, 4.0, 0.7], [2.0, 0.9, 30.0], [0.5, 0.9, 0.001]])
def test_wherever_a_network_points_a_whole_person_stays_inside_the_frame(told, whole_person, box):
    for place in places_on(MEADOW, whole_person, told([[*box, 0, -9]], "box")):
        top, left, bottom, right = box_of(place, whole_person, (300, 400))
        assert min(top, left) >= -1.01
        assert bottom <= 301.01
        assert right <= 401.01
        assert 0.1 < place.height <= 0.9


def test_nobody_is_enlarged_more_than_is_asked_for(told, whole_person):
    frame = (3000, 4000)
    big = np.repeat(np.repeat(MEADOW, 10, 0), 10, 1)
    network = told([[0.5, 0.95, 0.9, 0, -9]], "box")
    outline = outlined(whole_person)
    tall = [find_places(whole_person, outline, big, frame, network, limit)[0].height for limit in (1.5, 8.0)]
    assert tall[0] == pytest.approx(0.35)  # 171 of 3,000 rows, 1.5 times: but never less than this
    assert tall[0] < tall[1] <= 8.0 * outline.height / 3000


def test_a_half_length_person_stays_on_the_lower_border_upright_and_big(told, half_length):
    found = places_on(MEADOW, half_length, told([[0.3, 0.5, 0.3, 12, 9]], "box"))
    assert {(place.y, place.rotation) for place in found} == {(1.0, 0.0)}
    assert min(place.height for place in found) >= 0.7 * outlined(half_length).height / 512 - 1e-9


def test_who_is_cut_by_the_left_border_is_not_mirrored_away_from_it(told, whole_person):
    cut = np.ascontiguousarray(whole_person[:, 140:])
    for place in places_on(MEADOW, cut, told([[0.8, 0.9, 0.5, 0, 9]], "box")):
        assert not place.flip
        assert box_of(place, cut, (300, 400))[1] == pytest.approx(0, abs=0.51)


def test_the_network_that_comes_with_bgswap_gives_five_places_on_a_street_best_first(person_of, place_of):
    person, street = person_of("0080"), place_of("p145")
    found = by_way("learned", person, outlined(person), street, street.shape[:2], "", Networks())
    assert len(found) >= 5
    assert [place.score for place in found] == sorted((place.score for place in found), reverse=True)
    assert all(0 <= place.score <= 1 for place in found)
    footing = look(street)
    for place in found:
        assert footing.under(place.x, place.y, 0.1) > 0.4
    pairs = [(a, b) for i, a in enumerate(found) for b in found[:i]]
    assert all(abs(a.x - b.x) > 0.05 or abs(a.height - b.height) > 0.05 for a, b in pairs)


@pytest.mark.parametrize("told_of", [[float("nan")] * 5, [0.5, 0.9, -1.0, 0, 0]])
def test_a_network_without_a_usable_place_is_named(told, whole_person, told_of):
    with pytest.raises(PictureError, match="told tells of no place that could be used"):
        places_on(MEADOW, whole_person, told([[*told_of, 0]]))
    with pytest.raises(PictureError, match="told"):
        places_on(MEADOW, whole_person, told([told_of], "box"))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_sky_is_found_and_a_meadow_is_not_sky(dtype):
    footing = look(MEADOW.astype(dtype) * dtype(257 if dtype == np.uint16 else 1))
    assert footing.under(0.5, 0.3, 0.3) < 0.05
    assert footing.under(0.5, 0.9, 0.3) > 0.95
    assert footing.horizon == pytest.approx(140 / 300, abs=0.03)


def test_sky_and_ground_of_real_places_are_told_apart(place_of):
    for name in ("p145", "p144", "p010", "p086", "p131"):  # two streets, hills, a meadow, dunes
        footing = look(place_of(name))
        assert footing.under(0.5, 0.1, 0.5) < 0.5, name
        assert footing.under(0.5, 0.97, 0.5) > 0.8, name


def test_whole_people_on_nothing_but_sky_or_water_are_told_and_half_ones_are_not(whole_person, half_length, place_of):
    for name, told in (("p145", 0), ("p154", 1), ("p020", 1)):  # a street, a pool, a sea
        place = place_of(name)
        frame = place.shape[:2]
        standing = Scene(whole_person, outlined(whole_person), Place(0.5, 0.93, 0.5), place, frame)
        assert len(missing_ground(standing)) == told, name
        leaning = Scene(half_length, outlined(half_length), Place(0.5, 1.0, 0.5), place, frame)
        assert missing_ground(leaning) == ()
