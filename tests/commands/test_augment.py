"""`bgswap augment` as a user calls it: the same samples however they are made, and a list that tells how."""

import itertools
import json
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bgswap.augmentation import samples
from bgswap.augmentation.samples import SampleSettings, Tools
from bgswap.augmentation.tensors import to_pixels
from bgswap.folders import picture
from bgswap.folders.records import from_folder
from tests.augmentation.test_models import blending_onnx
from tests.commands.harness import call, pictures, run, size, start
from tests.commands.world import World

COPIES = 3
PHOTOS = 4


@pytest.fixture(scope="module")
def plates(made: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The photos without their people."""
    folder = tmp_path_factory.mktemp("augment") / "plates"
    done = call("inpaint", made.photos, folder, "--mask", made.home / "mattes", "--model", "telea", "-q")
    assert done.status == 0
    return folder


@pytest.fixture(scope="module")
def recolored(made: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Samples of recolor and relight, in one run with one job."""
    out = tmp_path_factory.mktemp("augment") / "samples"
    assert call(*line(made, out, "--jobs", "1")).status == 0
    return out


def line(world: World, out: Path, *more: object) -> list[object]:
    chain = ("--method", "recolor", "--method", "relight", "--copies", COPIES, "--size", 64, "--seed", 7)
    return ["augment", world.photos, out, "--foreground", world.cutouts, *chain, *more]


def lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for text in (out / "metadata.jsonl").read_text().splitlines()]


def differing(one: Path, other: Path) -> list[str]:
    """What is not the same, byte for byte, in two folders of samples: names, and by how many levels pictures differ."""
    here, there = pictures(one), pictures(other)
    names = sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))
    listed = (one / "metadata.jsonl").read_bytes() == (other / "metadata.jsonl").read_bytes()
    return [*([] if listed else ["metadata.jsonl"]), *(f"{name} {apart(one / name, other / name)}" for name in names)]


def apart(one: Path, other: Path) -> str:
    if not (one.exists() and other.exists()):
        return "is missing"
    first, second = (picture.read(path).pixels.astype(int) for path in (one, other))
    return f"by {np.abs(first - second).max()}" if first.shape == second.shape else f"{first.shape} {second.shape}"


def test_every_copy_of_every_photo_has_its_roles_at_the_asked_size_and_a_line(recolored: Path):
    told_lines = lines(recolored)
    assert len(told_lines) == PHOTOS * COPIES
    assert [one["key"] for one in told_lines] == sorted(one["key"] for one in told_lines)
    for one in told_lines:
        assert one["file_name"] == f"composite/{one['key']}.png"
        assert one["alpha_file_name"] == f"alpha/{one['key']}.png"
        assert one["composite_true_file_name"] == f"composite_true/{one['key']}.png"
        assert (one["method"], one["seed"]) == ("recolor+relight", 7)
        for role in ("composite", "alpha", "composite_true"):
            assert size(recolored / role / f"{one['key']}.png") == (64, 64)
    assert len(pictures(recolored)) == 3 * PHOTOS * COPIES


def test_all_lines_have_one_set_of_columns_and_parameters(recolored: Path):
    shapes = {json.dumps(shape(one)) for one in lines(recolored)}
    assert len(shapes) == 1


def shape(value: Any) -> Any:
    """The keys and types of JSON, without its values."""
    if isinstance(value, dict):
        return {name: shape(one) for name, one in value.items()}
    if isinstance(value, list):
        return [shape(one) for one in value[:1]]
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def test_a_folder_of_samples_reads_as_records_with_all_roles(recolored: Path):
    records = from_folder(recolored, "composite")
    assert len(records) == PHOTOS * COPIES
    assert all(set(record.paths) == {"composite", "alpha", "composite_true"} for record in records)
    assert all(path.is_file() for record in records for path in record.paths.values())


def test_only_the_person_changes_and_it_does(recolored: Path):
    for one in lines(recolored):
        composite, truth, alpha = (
            picture.read(recolored / role / f"{one['key']}.png").rgb.astype(int)
            for role in ("composite", "composite_true", "alpha")
        )
        outside = alpha[..., 0] == 0
        assert np.array_equal(composite[outside], truth[outside])
        assert np.abs(composite - truth)[alpha[..., 0] > 200].mean() > 1


def test_jobs_change_nothing(made: World, recolored: Path, tmp_path: Path):
    assert call(*line(made, tmp_path / "out", "--jobs", "3")).status == 0
    assert not differing(tmp_path / "out", recolored)


def test_shards_together_are_the_one_run_line_by_line(made: World, recolored: Path, tmp_path: Path):
    out = tmp_path / "out"
    for index in (2, 1):
        assert call(*line(made, out, "--shard", f"{index}/2")).status == 0
    parts = [set((out / f"metadata-{index}-of-2.jsonl").read_bytes().splitlines()) for index in (1, 2)]
    assert all(parts)
    assert parts[0] | parts[1] == set((recolored / "metadata.jsonl").read_bytes().splitlines())
    assert pictures(out) == pictures(recolored)
    assert [r.key for r in from_folder(out, "composite")] == [r.key for r in from_folder(recolored, "composite")]


def test_a_list_of_another_split_is_not_joined(made: World, recolored: Path, tmp_path: Path):
    shutil.copytree(recolored, tmp_path / "out")
    done = call(*line(made, tmp_path / "out", "--shard", "1/2"))
    assert done.status == 1
    assert "metadata.jsonl lists results of another split" in done.err


def test_another_seed_gives_other_samples(made: World, recolored: Path, tmp_path: Path):
    assert call(*line(made, tmp_path / "out", "--seed", "8")).status == 0
    assert not pictures(tmp_path / "out").items() & pictures(recolored).items()


def test_a_photo_more_changes_no_copy_count_and_update_makes_only_what_is_missing(
    world: World, recolored: Path, tmp_path: Path
):
    out = tmp_path / "out"
    assert call(*line(world, out)).status == 0
    gone = out / "alpha" / "b_001.png"
    gone.unlink()
    done = call(*line(world, out, "-u"))
    assert "1 to do" in done.err
    assert not differing(out, recolored)


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_with_update_and_ends_with_the_same_files(
    made: World, recolored: Path, tmp_path: Path
):
    out = tmp_path / "out"
    child = start(*line(made, out, "--jobs", "1"))
    while not list(out.glob("composite_true/*.png")) and child.poll() is None:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert 0 < len(pictures(out)) < len(pictures(recolored))
    assert run(*line(made, out, "-u")).status == 0
    assert not differing(out, recolored)


def test_a_broken_photo_is_named_once_and_all_its_samples_are_skipped(world: World, tmp_path: Path):
    broken = world.photos / "b.png"
    broken.write_bytes(broken.read_bytes()[:500])
    arguments = ["augment", world.photos, tmp_path / "out", "--foreground", world.cutouts, "--size", "64"]
    done = call(*arguments, "--method", "relight", "--copies", "3")
    assert done.status == 1
    first, last = [line for line in done.err.splitlines() if "b.png" in line]  # named, and again in the summary
    assert "9 done, 3 failed" in last
    assert "failed" not in first
    assert {one["key"][:-4] for one in lines(tmp_path / "out")} == {"a", "sub/c", "sub/deep/d"}


METHODS = {
    "placement": (("foreground", "mask", "plate", "composite_true"), ()),
    "recolor": (("composite", "alpha", "composite_true"), ()),
    "relight": (("composite", "alpha", "composite_true"), ()),
    "triplet": (("image", "alpha", "background", "composite_true"), ()),
    "matting": (("image", "alpha_true"), ()),
    "frames": (
        (
            "composite", "alpha", "previous_composite", "previous_alpha", "composite_true",
            "previous_composite_true", "flow_true",
        ),
        (),
    ),
    "shadow": (("foreground", "plate", "shadow_true", "composite_true"), ()),
    "portrait": (("portrait",), ()),
}  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("frame", ["48x64", "native"])
def test_each_method_makes_its_roles_twice_alike_and_again_from_its_line(
    method: str, frame: str, made: World, plates: Path, tmp_path: Path
):
    roles, more = METHODS[method]
    out = tmp_path / "out"
    arguments = ["augment", made.photos, out, "--foreground", made.cutouts, "--plate", plates, "--method", method]
    arguments += ["--background", made.home / "places", "--size", frame, "--fill", "telea", *more]
    done = call(*arguments)
    assert done.status == 0, done.err
    first = pictures(out)
    assert {name.split("/")[0] for name in first} == set(roles)
    assert len(first) == PHOTOS * len(roles)
    sizes = {size(out / role / "a_000.png") for role in roles}
    assert len(sizes) == 1
    if method not in ("placement", "matting", "portrait") or frame != "native":  # these crop as they like
        assert sizes == {(48, 64) if frame != "native" else size(made.photos / "a.jpg")}
    shutil.rmtree(out)
    assert call(*arguments, "--jobs", "1").status == 0
    assert pictures(out) == first
    again(method, out, made, plates, None if frame == "native" else (64, 48))


def again(method: str, out: Path, world: World, plates: Path, frame: tuple[int, int] | None) -> None:
    """Make a sample from its line alone, without drawing anything."""
    line = next(one for one in lines(out) if one["key"] == "a_000")
    parameters = line["parameters"]
    read = {
        "photo": picture.read(world.photos / "a.jpg").rgb,
        "foreground": picture.read(world.cutouts / "a.png").pixels,
        "plate": picture.read(plates / "a.png").rgb,
    }
    for role, key in parameters["sources"].items():
        if role in ("background", "busy"):
            read[role] = picture.read(next((world.home / "places").glob(f"{key}.*"))).rgb
        elif role == "reference":
            read[role] = picture.read(world.cutouts / f"{key}.png").pixels
        elif role.startswith("decoy_"):
            read[role] = picture.read_mask(world.cutouts / f"{key}.png").pixels
    from bgswap.inpainting.fill import Filler, InpaintSettings

    tools = Tools(fill=Filler(InpaintSettings(model="telea")))
    sample = samples.apply(read, parameters, SampleSettings((method,), size=frame), tools)
    for role, made in sample.pictures.items():
        if role != "flow_true":
            written = picture.read(out / role / "a_000.png").pixels
            wanted = to_pixels(made)
            assert np.array_equal(written if wanted.ndim == 3 else written[..., 0], wanted), role


def test_placement_tells_the_true_box_and_shadow_needs_plates(made: World, plates: Path, tmp_path: Path):
    arguments = ["augment", made.photos, tmp_path / "out", "--foreground", made.cutouts, "--fill", "telea"]
    assert call(*arguments, "--plate", plates, "--method", "placement", "--size", "64").status == 0
    for one in lines(tmp_path / "out"):
        x, y, height, rotation, flip = one["box_true"]
        assert all(np.isfinite((x, y, height, rotation)))
        assert height > 0
        assert flip in (True, False)
    done = call("augment", made.photos, tmp_path / "other", "--foreground", made.cutouts, "--method", "shadow")
    assert done.status == 2
    assert "bgswap inpaint PHOTOS PLATES" in done.err


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--method", "recolor", "--method", "shadow"), "only recolor and relight can follow one another"),
        (("--method", "recolor", "--method", "recolor"), "each --method counts once"),
        (("--method", "triplet"), "--background"),
        (("--method", "recolor", "--alpha", "mattes"), "exclude each other"),
        (("--method", "recolor", "--recolor-gain", "2,1"), "LOW,HIGH"),
        (("--method", "recolor", "--size", "0"), "native"),
        (("--method", "recolor", "--crop", "0,1"), "--crop 0,1 is not within 0.001 to 1"),
        (("--method", "shadow", "--shadow-elevation", "0,90"), "--shadow-elevation 0,90 is not within 5 to 85"),
        (("--method", "frames", "--frames-steps", "0"), "--frames-steps 0 is not within 1 to 999"),
        (("--method", "matting", "--matting-half-length", "7"), "--matting-half-length 7 is not within 0 to 1"),
        (("--method", "recolor", "--run", "network.onnx"), "--method triplet"),
        (("--method", "recolor", "--normals", "network.onnx"), "--method relight"),
        (("--method", "recolor", "--category", "cat"), "--layout"),
        (("--method", "recolor", "--layout", "coco"), "instances"),
        ((), "--method"),
    ],
)
def test_wrong_use_is_status_2_and_a_sentence(more: tuple[str, ...], sentence: str, made: World, tmp_path: Path):
    done = call("augment", made.photos, tmp_path / "out", "--foreground", made.cutouts, *more)
    assert done.status == 2
    assert sentence in done.err
    assert not (tmp_path / "out").exists()


def test_photos_without_a_matte_are_told_how_to_get_one(made: World, tmp_path: Path):
    done = call("augment", made.photos, tmp_path / "out", "--method", "recolor")
    assert done.status == 2
    assert "--foreground" in done.err


def test_mattes_serve_in_place_of_cut_outs(made: World, tmp_path: Path):
    done = call("augment", made.photos, tmp_path / "out", "--alpha", made.home / "mattes", "--method", "recolor")
    assert done.status == 0, done.err
    assert len(lines(tmp_path / "out")) == PHOTOS


def test_limit_draws_the_same_photos_for_a_seed_and_keys_keep_their_meaning(made: World, tmp_path: Path):
    kept = []
    for name, seed in (("one", 1), ("two", 1), ("three", 5)):
        out = tmp_path / name
        assert call(*line(made, out, "--limit", "2", "--seed", seed, "--copies", "1")).status == 0
        kept.append([one["key"] for one in lines(out)])
    assert kept[0] == kept[1] != kept[2]
    assert len(kept[0]) == 2
    (tmp_path / "keys").write_text("sub/c\n")
    assert call(*line(made, tmp_path / "four", "--keys", tmp_path / "keys", "--recolor-transfer", "0")).status == 0
    assert {one["key"] for one in lines(tmp_path / "four")} == {f"sub/c_{copy:03d}" for copy in range(COPIES)}


def test_people_keeps_photos_with_exactly_that_many(world: World, tmp_path: Path):
    double = picture.read(world.home / "mattes" / "a.png").pixels[..., 0]
    two = np.concatenate([double[:, ::2], double[:, ::2]], axis=1)
    (world.home / "mattes" / "a.png").write_bytes(picture.encode(two, "png"))
    arguments = ["augment", world.photos, "--alpha", world.home / "mattes", "--method", "recolor", "--size", "32"]
    assert call(*arguments, "--people", "1", "-t", tmp_path / "one").status == 0
    assert {one["key"][0] for one in lines(tmp_path / "one")} == {"b", "s"}
    assert call(*arguments, "--people", "2", "--recolor-transfer", "0", "-t", tmp_path / "two").status == 0
    assert [one["key"] for one in lines(tmp_path / "two")] == ["a_000"]


def test_a_fusion_network_makes_the_hard_triplets(made: World, tmp_path: Path):
    network = blending_onnx(tmp_path / "blend.onnx", step=32)
    out = tmp_path / "out"
    done = call("augment", made.photos, out, "--foreground", made.cutouts, "--background", made.home / "places",
                "--method", "triplet", "--run", network, "--triplet-hard", "1", "--size", "64", "--copies", "3",
                "--device", "cpu")  # fmt: skip
    assert done.status == 0, done.err
    for one in lines(out):
        assert one["parameters"]["triplet"]["hard"]
        assert {"background", "busy"} < set(one["parameters"]["sources"])
        image, alpha, background, whole = (
            picture.read(out / role / f"{one['key']}.png").rgb.astype(float)
            for role in ("image", "alpha", "background", "composite_true")
        )
        outside, solid = alpha[..., 0] == 0, alpha[..., 0] == 255
        assert np.abs(whole - background)[outside].max(initial=0) <= 1
        assert np.abs(image - whole)[solid].max(initial=0) <= 1  # the same person, before BG1 and before BG2
        assert outside.sum() < 500 or np.abs(image - whole)[outside].max() > 20
    easy = call("augment", made.photos, tmp_path / "easy", "--foreground", made.cutouts, "--background",
                made.home / "places", "--method", "triplet", "--size", "64")  # fmt: skip
    assert easy.status == 0
    assert not any(one["parameters"]["triplet"]["hard"] for one in lines(tmp_path / "easy"))


def test_pictures_of_normals_take_the_place_of_the_guess(made: World, tmp_path: Path):
    for photo in made.photos.rglob("*.*"):
        width, height = size(photo)
        path = (tmp_path / "normals" / photo.relative_to(made.photos)).with_suffix(".png")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture.encode(np.full((height, width, 3), (128, 128, 255), np.uint8), "png"))
    arguments = ["augment", made.photos, "--foreground", made.cutouts, "--method", "relight", "--size", "64"]
    assert call(*arguments, "-t", tmp_path / "guessed").status == 0
    assert call(*arguments, "-t", tmp_path / "given", "--normals", tmp_path / "normals").status == 0
    assert not pictures(tmp_path / "given" / "composite").items() & pictures(tmp_path / "guessed" / "composite").items()
    assert call(*arguments, "-t", tmp_path / "x", "--normals", tmp_path / "none").status != 0


def test_steps_of_a_sequence_are_a_folder_of_frames_under_one_recolor(made: World, tmp_path: Path):
    out = tmp_path / "out"
    done = call("augment", made.photos, out, "--foreground", made.cutouts, "--method", "frames",
                "--frames-steps", "3", "--size", "64", "--limit", "2")  # fmt: skip
    assert done.status == 0, done.err
    found = lines(out)
    assert len(found) == 6
    assert [one["key"].rsplit("/", 1)[1] for one in found] == ["001", "002", "003"] * 2
    for first, second in itertools.pairwise(found):
        if first["key"].rsplit("/", 1)[0] == second["key"].rsplit("/", 1)[0]:
            before = (out / second["previous_composite_file_name"]).read_bytes()
            assert before == (out / first["file_name"]).read_bytes()


@pytest.mark.slow
def test_a_cluster_makes_the_same_samples(made: World, recolored: Path, tmp_path: Path):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
    ) as cluster:
        assert call(*line(made, tmp_path / "out", "--cluster", cluster.scheduler_address)).status == 0
    assert not differing(tmp_path / "out", recolored)
