"""What only composite does: decisions that are saved, edited and given again, several people, places to choose from."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bgswap.compositing.saved import SavedDecisions
from bgswap.compositing.systems import SYSTEMS
from bgswap.folders import video
from tests.commands.harness import call, pictures
from tests.commands.world import World


@pytest.fixture
def line(made: World) -> list[object]:
    """The command line up to OUT: four cut-outs on one place."""
    return ["composite", "--person", made.cutouts, "--bg", made.place, "-j", "2"]


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture).astype(int)


def test_saved_decisions_alone_make_the_same_bytes_again(line, tmp_path: Path):
    file, choices = (
        tmp_path / "d.jsonl",
        ["--harmonize", "reinhard", "--shadow", "cast", "--match-grain", "--defocus", 2],
    )
    assert call(*line, *choices, "-o", f"{tmp_path}/one/", "--save-decisions", file).status == 0
    assert call("composite", "--decisions", file, "-o", f"{tmp_path}/two/").status == 0
    first = pictures(tmp_path / "one")
    assert len(first) == 4
    assert pictures(tmp_path / "two") == first


def test_an_edited_line_moves_its_person_and_no_other(line, tmp_path: Path):
    file = tmp_path / "d.jsonl"
    assert call(*line, "-o", f"{tmp_path}/one/", "--save-decisions", file).status == 0
    lines = [json.loads(text) for text in file.read_text().splitlines()]
    lines[0]["place"]["x"] += 0.2
    file.write_text("".join(json.dumps(one) + "\n" for one in lines))
    assert call(*line, "-o", f"{tmp_path}/two/", "--decisions", file).status == 0
    one, two = pictures(tmp_path / "one"), pictures(tmp_path / "two")
    assert [name for name in one if one[name] != two[name]] == [f"{lines[0]['key']}.jpg"]


def test_what_a_line_lacks_is_decided_by_the_options(line, tmp_path: Path):
    file = tmp_path / "d.jsonl"
    keys = [f"{key}" for key in ("a", "b", "sub/c", "sub/deep/d")]
    place = {"x": 0.3, "y": 1.0, "height": 0.5}
    file.write_text("".join(json.dumps({"version": 1, "key": key, "place": place}) + "\n" for key in keys))
    given = [*line, "--harmonize", "reinhard"]
    assert call(*given, "-o", f"{tmp_path}/one/", "--decisions", file).status == 0
    assert call(*given, "-o", f"{tmp_path}/two/", "--place", "0.3,1,0.5").status == 0
    assert pictures(tmp_path / "one") == pictures(tmp_path / "two")


def test_a_key_without_a_line_fails_by_name_and_the_others_are_made(line, tmp_path: Path):
    file = tmp_path / "d.jsonl"
    assert call(*line, "-o", f"{tmp_path}/one/", "--save-decisions", file).status == 0
    kept = file.read_text().splitlines(keepends=True)
    file.write_text("".join(kept[1:]))
    ran = call(*line, "-o", f"{tmp_path}/two/", "--decisions", file)
    assert ran.status == 1
    assert "no decisions for the key 'a'" in ran.err
    assert len(pictures(tmp_path / "two")) == 3


def test_update_redoes_pictures_whose_decisions_changed_and_keeps_lines_of_those_left_alone(line, tmp_path: Path):
    file = tmp_path / "d.jsonl"
    saving = [*line, "-o", f"{tmp_path}/one/", "--save-decisions", file]
    assert call(*saving).status == 0
    before = file.read_text()
    ran = call(*saving, "-u")
    assert "4 unchanged" in ran.err
    assert file.read_text() == before
    applying = [*line, "-o", f"{tmp_path}/two/", "--decisions", file, "-u"]
    assert call(*applying).status == 0
    assert "4 unchanged" in call(*applying).err
    file.write_text(before.replace('"contact": 0.7', '"contact": 0.6').replace('"x": 0.', '"x": 0.1'))
    assert "4 to do" in call(*applying).err


def test_several_people_stand_on_one_place_and_the_nearer_one_covers_the_other(made: World, tmp_path: Path):
    near, far = made.cutouts / "a.png", made.cutouts / "b.png"
    one = ["composite", "--bg", made.place, "--shadow", "none", "--person", near, "--place", "0.5,1,0.9"]
    both = [*one, "--person", far, "--place", "0.5,0.7,0.6"]
    assert call(*both, "-o", tmp_path / "two.png").status == 0
    assert call(*one, "-o", tmp_path / "near.png", "--alpha", tmp_path / "near-alpha.png").status == 0
    two, alone = pixels(tmp_path / "two.png"), pixels(tmp_path / "near.png")
    cover = pixels(tmp_path / "near-alpha.png")
    assert (two[cover == 255] == alone[cover == 255]).all()
    assert (two != alone).any()


def test_each_of_several_people_gets_a_line_and_the_lines_make_the_same_picture(made: World, tmp_path: Path):
    people = ["--person", made.cutouts / "b.png", "--person", made.cutouts / "sub" / "c.png"]
    file = tmp_path / "d.jsonl"
    ran = call("composite", *people, "--bg", made.place, "-o", tmp_path / "a.png", "--save-decisions", file)
    assert ran.status == 0
    told = SavedDecisions(file).of("b")
    assert [Path(one.person).name for one in told] == ["b.png", "c.png"]
    assert told[0].place.x != told[1].place.x
    assert call("composite", "--decisions", file, "-o", tmp_path / "b.png").status == 0
    assert (pixels(tmp_path / "a.png") == pixels(tmp_path / "b.png")).all()


def test_alpha_is_white_where_the_person_is_and_black_where_the_place_is(made: World, tmp_path: Path):
    line = ["composite", "--person", made.cutouts / "a.png", "--bg", made.place, "--shadow", "none"]
    assert call(*line, "-o", tmp_path / "a.png", "--alpha", tmp_path / "alpha.png").status == 0
    alpha, made_of = pixels(tmp_path / "alpha.png"), pixels(tmp_path / "a.png")
    place = pixels(made.place)
    assert (made_of[alpha == 0] == place[alpha == 0]).all()
    assert (made_of[alpha == 255] != place[alpha == 255]).any(axis=-1).mean() > 0.9


def test_candidates_are_different_places_with_scores_best_first(made: World, tmp_path: Path):
    file = tmp_path / "d.jsonl"
    line = ["composite", "--person", made.cutouts / "b.png", "--bg", made.place, "--place", "learned"]
    ran = call(*line, "--candidates", 3, "-o", f"{tmp_path}/out/", "--save-decisions", file)
    assert ran.status == 0
    assert set(pictures(tmp_path / "out")) == {"b.1.jpg", "b.2.jpg", "b.3.jpg"}
    places = [SavedDecisions(file).of(f"b.{n}")[0].place for n in (1, 2, 3)]
    assert len({(place.x, place.y, place.height) for place in places}) == 3
    scores = [place.score for place in places]
    assert scores == sorted(scores, reverse=True)


@pytest.fixture(scope="module")
def ours(made: World, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """A photo's person on the place, without a system."""
    file = tmp_path_factory.mktemp("ours") / "ours.png"
    assert call("composite", "--person", made.photos / "a.jpg", "--bg", made.place, "-o", file).status == 0
    return pixels(file)


@pytest.mark.parametrize("system", sorted(SYSTEMS))
def test_a_system_makes_its_own_picture_from_a_photo(system: str, ours: np.ndarray, made: World, tmp_path: Path):
    line = ["composite", "--person", made.photos / "a.jpg", "--bg", made.place]
    assert call(*line, "-o", tmp_path / "own.png", "--system", system).status == 0
    assert (pixels(tmp_path / "own.png") != ours).any()


def test_an_option_beside_a_system_wins(made: World, tmp_path: Path):
    line = ["composite", "--person", made.cutouts / "a.png", "--bg", made.place, "--system", "harmonize-gan"]
    for name, more in {"painted": (), "changed": ("--no-paint",), "placed": ("--place", "0.2,1,0.5")}.items():
        assert call(*line, *more, "-o", tmp_path / f"{name}.png").status == 0
    painted = pixels(tmp_path / "painted.png")
    assert (painted != pixels(tmp_path / "changed.png")).any()
    assert (painted != pixels(tmp_path / "placed.png")).any()


def test_a_model_serves_what_it_can_unless_an_option_names_another_way(made: World, tmp_path: Path):
    def told(*more: object) -> str:
        file = tmp_path / "d.jsonl"
        line = ["composite", "--person", made.cutouts / "a.png", "--bg", made.place, "-o", tmp_path / "o.png"]
        assert call(*line, "--save-decisions", file, *more).status == 0
        (one,) = SavedDecisions(file).of("a")
        return "none" if one.harmonize is None else one.harmonize.way

    assert told() == "none"
    assert told("--model", "harmonize-gan-small") == "learned"
    assert told("--model", "harmonize-gan-small", "--harmonize", "reinhard") == "reinhard"
    assert told("--harmonize", "hpbnet-small") == "hpbnet-small"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--candidates", 3], "--candidates needs --place learned"),
        (["--place", "nowhere"], "place has no 'nowhere'"),
        (["--place", "0.5,1"], "X,Y,H"),
        (["--place", "fit", "--place", "keep"], "2 places for 1 people"),
        (["--harmonize", "learned", "--paint", "--save-decisions", "d.jsonl"], "leave out --paint"),
        (["--harmonize", "no-such-run"], "no model's name"),
        (["--shadow", "learned"], "--model RUN"),
        (["--model", "people"], "decides of no place"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_written(options, words, line, tmp_path: Path):
    ran = call(*line, *options, "-o", f"{tmp_path}/out/")
    assert ran.status == 2
    assert words in ran.err
    assert not (tmp_path / "out").exists()


@pytest.fixture
def clip(tmp_path: Path, made: World) -> Path:
    """Twelve frames of a place that moves, 64x48 pixels."""
    pytest.importorskip("av")
    from bgswap.folders.video_out import VideoOut

    with Image.open(made.place) as picture:
        place = np.asarray(picture)
    file = tmp_path / "place.mp4"
    with VideoOut(file, (48, 64), Fraction(12), Fraction(1, 12)) as video:
        for frame in range(12):
            video.write(np.ascontiguousarray(place[10:58, frame : frame + 64]), frame)
    return file


def test_a_person_over_a_video_is_a_video_with_its_alpha_and_its_decisions(clip: Path, made: World, tmp_path: Path):
    line = ["composite", "--person", made.cutouts / "a.png", "--bg", clip, "-o", tmp_path / "out.mp4"]
    ran = call(*line, "--alpha", tmp_path / "alpha.mp4", "--save-decisions", tmp_path / "d.jsonl")
    assert ran.status == 0
    assert "12 frames" in ran.err
    assert video.count(tmp_path / "out.mp4")[0] == video.count(tmp_path / "alpha.mp4")[0] == 12
    told = SavedDecisions(tmp_path / "d.jsonl")
    assert [one.key for one in told.named] == [f"{number:06d}" for number in range(12)]
    again = [*line[:-1], tmp_path / "again.mp4"]
    assert call(*again, "--decisions", tmp_path / "d.jsonl").status == 0
    assert (tmp_path / "again.mp4").read_bytes() == (tmp_path / "out.mp4").read_bytes()


def test_what_makes_no_sense_of_a_video_is_refused(clip: Path, made: World, tmp_path: Path):
    line = ["composite", "--person", made.cutouts / "a.png", "--bg", clip, "-o"]
    for more in (["out.jpg"], ["out.mp4", "-u"], ["out.mp4", "--person", made.cutouts / "b.png"], ["-"]):
        ran = call(*line, *(tmp_path / one if one == "out.mp4" else one for one in more))
        assert ran.status == 2, more
        assert ran.err.count("\n") == 1
    assert not (tmp_path / "out.mp4").exists()


TOLD = {  # what a network that decides of everything gives for any picture, and what composite makes of it
    "places": np.array([[0.3, 0.97, 0.4, 0.0, -9.0, 2.0], [0.7, 0.97, 0.4, 0.0, 9.0, 3.0]]),
    "globals": np.array([0.25, -0.125, 0.0, 0.125]),
    "grid": np.tile([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0.0625], (16, 16, 8, 1)),
    "shading": np.full((8, 8), 0.125),
    "shadow": np.array([45.0, 0.75, 0.0625, 0.25, 0.5]),
}


@pytest.fixture
def decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A user's own catalog with a network of the task "transform", as an ONNX file; its name."""
    onnx = pytest.importorskip("onnx")
    make, number = onnx.helper, onnx.TensorProto.FLOAT
    planes = make.make_tensor_value_info("planes", number, [1, 7, "h", "w"])
    answers = [make.make_tensor_value_info(name, number, [1, *told.shape]) for name, told in TOLD.items()]
    constants = [make.make_tensor(f"{n}_told", number, [1, *t.shape], t.ravel()) for n, t in TOLD.items()]
    constants.append(make.make_tensor("nothing", number, [], [0.0]))
    nodes = [
        make.make_node("ReduceMean", ["planes"], ["mean"], keepdims=0),
        make.make_node("Mul", ["mean", "nothing"], ["zero"]),
        *(make.make_node("Add", [f"{name}_told", "zero"], [name]) for name in TOLD),
    ]
    graph = make.make_graph(nodes, "decides", [planes], answers, constants)
    onnx.save(make.make_model(graph, opset_imports=[make.make_opsetid("", 18)], ir_version=9), tmp_path / "d.onnx")
    (tmp_path / "bgswap").mkdir()
    (tmp_path / "bgswap" / "catalog.toml").write_text(f"""
[decides]
task = "transform"
license = "MIT"
file = "{tmp_path / "d.onnx"}"
takes = ["photo", "alpha", "background"]
gives = {json.dumps(list(TOLD))}
input = {{ side = 64, fit = "longest", divide = "255", mean = [0.0, 0.0, 0.0], std = [1.0, 1.0, 1.0] }}
""")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return "decides"


def test_one_network_serves_place_colors_and_shadow(decides: str, world: World, tmp_path: Path):
    cut = Image.open(world.cutouts / "a.png").convert("RGBA")
    whole = Image.new("RGBA", (128, 192))  # all of the person inside the photo: it has feet
    whole.paste(cut.resize((96, 96)), (16, 60))
    whole.save(tmp_path / "whole.png")
    line = ["composite", "--person", tmp_path / "whole.png", "--bg", world.place, "-o", tmp_path / "o.png"]
    assert call(*line, "--model", decides, "--strength", 1, "--save-decisions", tmp_path / "d.jsonl").status == 0
    (told,) = SavedDecisions(tmp_path / "d.jsonl").of("whole")
    assert told.place is not None
    assert (told.place.x, told.place.flip) == (pytest.approx(0.7), True)
    assert told.harmonize is not None
    assert told.harmonize.globals is not None
    assert told.harmonize.shading is not None
    assert told.harmonize.globals.exposure > 0
    assert told.harmonize.shading.max() > 0
    assert told.shadow is not None
    shadow = (told.shadow.azimuth, told.shadow.length, told.shadow.softness, told.shadow.density, told.shadow.contact)
    assert shadow == pytest.approx(tuple(TOLD["shadow"]))
    alone = tmp_path / "alone.jsonl"
    assert call(*line, "--model", decides, "--place", "fit", "--shadow", "none", "--save-decisions", alone).status == 0
    (other,) = SavedDecisions(alone).of("whole")
    assert other.shadow is None
    assert other.place != told.place
    assert other.harmonize is not None
