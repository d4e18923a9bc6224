"""`bgswap eval` as a user types it: folders, samples, pipes and lists; tables, lines, pages and exit codes."""

import csv
import io
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

import bgswap
from tests.commands.harness import Ran, call, run, shell
from tests.commands.world import World


@pytest.fixture
def blurred(world: World) -> Path:
    """The photos, blurred: a system's results."""
    return _changed(world.photos, world.home / "blurred", lambda picture: picture.filter(ImageFilter.GaussianBlur(2)))


@pytest.fixture
def darker(world: World) -> Path:
    """The photos, ten levels darker where they can be."""
    return _changed(world.photos, world.home / "darker", lambda picture: picture.point(lambda v: max(0, v - 10)))


@pytest.fixture
def truth(world: World) -> Path:
    """The photos without loss, so that what is measured is the change."""
    return _changed(world.photos, world.home / "truth", lambda picture: picture)


def _changed(source: Path, out: Path, change: Any) -> Path:
    for file in source.rglob("*.*"):
        target = (out / file.relative_to(source)).with_suffix(".png")
        target.parent.mkdir(parents=True, exist_ok=True)
        change(Image.open(file).convert("RGB")).save(target)
    return out


def table(ran: Ran) -> dict[tuple[str, str, str], float]:
    """(group, system, metric) -> mean, of the CSV on standard output."""
    lines = csv.DictReader(io.StringIO(ran.out.decode()))
    return {(x["group"], x["system"], x["metric"]): float(x["mean"] or "nan") for x in lines}


def mean_squared(a: Path, b: Path) -> float:
    """MSE of 0..255 levels, averaged over the pictures of both folders."""
    found = []
    for file in sorted(a.rglob("*.png")):
        one, other = (np.asarray(Image.open(p), np.float64) for p in (file, b / file.relative_to(a)))
        found.append(((one - other) ** 2).mean())
    return float(np.mean(found))


def test_two_bare_folders_are_the_prediction_and_the_truth(blurred, truth):
    ran = call("eval", blurred, truth)
    assert ran.status == 0
    assert table(ran)["", "blurred", "mse"] == pytest.approx(mean_squared(blurred, truth), rel=1e-5)


def test_the_input_is_a_row_of_its_own_and_systems_are_compared_with_it(blurred, darker, truth):
    ran = call("eval", "soft=" + str(blurred), darker, "--true", truth, "--input", darker, "--format", "json")
    lines = [json.loads(line) for line in ran.out.splitlines()]
    means = {(x["system"], x["metric"]): x["mean"] for x in lines if x["kind"] == "summary"}
    assert means["do nothing", "mse"] == means["darker", "mse"]
    duels = {(x["first"], x["second"]): x for x in lines if x["kind"] == "duel" and x["metric"] == "mse"}
    assert duels["darker", "do nothing"]["ties"] == 4
    soft = duels["soft", "do nothing"]
    assert soft["wins"] + soft["losses"] == 4
    assert soft["difference"] == pytest.approx(means["soft", "mse"] - means["do nothing", "mse"])
    worst = next(x for x in lines if x["kind"] == "worst" and x["system"] == "soft" and x["metric"] == "mse")
    values = [x["value"] for x in worst["pictures"]]
    assert values == sorted(values, reverse=True)


def test_without_an_input_the_table_says_so(blurred, truth):
    ran = call("eval", blurred, truth, "--format", "table")
    assert "do nothing" in ran.out.decode()
    assert "no input given" in ran.out.decode()


def test_mattes_are_measured_as_mattes_without_being_told(world):
    ran = call("eval", world.cutouts, world.home / "mattes")
    means = table(ran)
    assert means["", "cutouts", "alpha-mad"] == 0
    assert means["", "cutouts", "iou"] == 1
    covered = np.mean([np.asarray(Image.open(p)).mean() / 255 for p in (world.home / "mattes").rglob("*.png")])
    assert means["", "do nothing", "alpha-mad"] == pytest.approx(1 - covered, abs=1e-4)


def test_the_unknown_band_alone_can_be_measured(world):
    hard = _changed(
        world.home / "mattes", world.home / "hard", lambda p: p.convert("L").point(lambda v: 255 * (v > 127))
    )
    whole = table(call("eval", hard, world.home / "mattes", "--metric", "alpha-mad"))
    band = table(call("eval", hard, world.home / "mattes", "--metric", "alpha-mad", "--trimap", "auto"))
    assert band["", "hard", "alpha-mad"] > 2 * whole["", "hard", "alpha-mad"]


def test_sizes_that_differ_fail_by_name_unless_resize_says_how(blurred, truth):
    with Image.open(blurred / "a.png") as opened:
        opened.resize((64, 64)).save(blurred / "a.png")
    ran = call("eval", blurred, truth)
    assert ran.status == 1
    assert "a.png is 64x64, the truth is 128x128" in ran.err
    assert "--resize" in ran.err
    assert table(ran)["", "blurred", "mse"] > 0  # the others are measured
    resized = call("eval", blurred, truth, "--resize", "bicubic")
    assert resized.status == 0
    assert "were brought to its size (bicubic)" in resized.err


def test_at_brings_everything_to_one_size_as_papers_do(darker, truth):
    assert call("eval", darker, truth, "-q").out == call("eval", darker, truth).out
    ran = call("eval", darker, truth, "--at", 64, "--format", "json", "--metric", "mse")
    assert "64x64" in json.loads(ran.out.splitlines()[0])["text"]
    expected = []
    for file in sorted(truth.rglob("*.png")):
        pair = [
            Image.open(p).resize((64, 64), Image.Resampling.BICUBIC) for p in (file, darker / file.relative_to(truth))
        ]
        one, other = (np.asarray(p, np.float64) for p in pair)
        expected.append(((one - other) ** 2).mean())
    means = [json.loads(x)["mean"] for x in ran.out.splitlines() if b'"summary"' in x and b'"darker"' in x]
    assert means[0] == pytest.approx(np.mean(expected), rel=1e-5)


def test_a_key_that_one_side_lacks_fails_by_name(blurred, truth):
    (blurred / "b.png").unlink()
    shutil.copy(truth / "a.png", blurred / "z.png")
    ran = call("eval", blurred, truth)
    assert ran.status == 1
    assert "blurred has no picture 'b'" in ran.err
    assert "z.png: it has no truth" in ran.err


def test_names_that_never_meet_are_said_to(world, truth, tmp_path):
    (tmp_path / "other").mkdir()
    shutil.copy(truth / "a.png", tmp_path / "other" / "q.png")
    shutil.copy(truth / "a.png", tmp_path / "other" / "r.png")
    ran = call("eval", tmp_path / "other", truth)
    assert ran.status == 2
    assert "compare the names in both folders" in ran.err


def test_a_metric_says_which_folder_it_needs(blurred, truth):
    ran = call("eval", blurred, truth, "--metric", "fmse")
    assert (ran.status, ran.out) == (2, b"")
    assert "--metric fmse needs --mask MASKS" in ran.err
    ran = call("eval", blurred, truth, "--metric", "psnr:loud")
    assert ran.status == 2
    assert "psnr knows: 255, range" in ran.err
    ran = call("eval", blurred, truth, "--metric", "beauty")
    assert ran.status == 2
    assert "has no 'beauty'" in ran.err


def test_two_rows_of_one_name_are_refused(blurred, truth):
    given = ("--true", truth, "--input", blurred, "--mask", blurred)
    for more in (("--baseline", "reinhard"), ("--table", "harmonize-gan")):
        ran = call("eval", f"reinhard={blurred}", *given, *more)
        assert ran.status == 2
        assert "two rows are called 'reinhard'" in ran.err


def test_a_trunk_that_cannot_be_had_is_exit_3_and_says_what_to_fetch(blurred, truth, tmp_path):
    ran = call("eval", blurred, truth, "--metric", "lpips", env={"BGSWAP_MODELS": str(tmp_path / "empty")})
    assert (ran.status, ran.out) == (3, b"")
    assert "bgswap models fetch" in ran.err


def test_the_person_alone_is_measured_under_a_mask_and_the_conventions_count_differently(darker, truth, world):
    masks = ("--mask", world.home / "mattes")
    plain = table(call("eval", darker, truth, *masks))
    under = table(call("eval", darker, truth, *masks, "--convention", "idih", "--metric", "mse", "--metric", "fmse"))
    assert under["", "darker", "fmse"] == pytest.approx(plain["", "darker", "fmse"])
    assert under["", "darker", "mse"] < plain["", "darker", "mse"]
    dovenet = call("eval", darker, truth, *masks, "--convention", "dovenet", "--metric", "psnr")
    assert ("", "darker", "psnr:range") in table(dovenet)
    assert "convention dovenet: " in dovenet.err
    assert "256x256" in dovenet.err


def test_a_table_for_every_value_of_a_field(blurred, truth):
    means = table(call("eval", blurred, truth, "--by", "folder", "--metric", "mse"))
    assert {group for group, _, _ in means} == {"", ".", "sub"}
    ran = call("eval", blurred, truth, "--by", "weather")
    assert ran.status == 2
    assert "no record has a field 'weather'" in ran.err


def test_every_picture_has_a_line_in_csv_and_json(blurred, truth, tmp_path):
    ran = call("eval", blurred, truth, "--per-image", tmp_path / "x.csv", "--per-image", tmp_path / "x.jsonl")
    assert ran.status == 0
    lines = list(csv.DictReader((tmp_path / "x.csv").open()))
    assert [x["key"] for x in lines if x["system"] == "blurred"] == ["a", "b", "sub/c", "sub/deep/d"]
    objects = [json.loads(line) for line in (tmp_path / "x.jsonl").open()]
    mine = [x for x in objects if x["system"] == "blurred"]
    assert np.mean([x["scores"]["mse"] for x in mine]) == pytest.approx(table(ran)["", "blurred", "mse"])
    assert next(x for x in objects if x["system"] == "do nothing")["scores"]["mse"] is None
    assert call("eval", blurred, truth, "--per-image", tmp_path / "x.txt").status == 2


def test_what_cannot_be_written_is_said_before_the_work(blurred, truth, tmp_path):
    ran = call("eval", blurred, truth, "--html", tmp_path / "no" / "x.html")
    assert (ran.status, ran.out) == (2, b"")
    assert "make it first" in ran.err


def test_names_that_are_no_utf8_or_look_like_markup_are_names(blurred, truth, tmp_path):
    named = tmp_path / os.fsdecode(b"sys\xff")
    named.mkdir()
    other = tmp_path / "t"
    other.mkdir()
    for key in (os.fsdecode(b"a\xfe"), "<img src=x onerror=alert(1)>", "two\nlines"):
        shutil.copy(blurred / "a.png", named / f"{key}.png")
        shutil.copy(truth / "a.png", other / f"{key}.png")
    page = tmp_path / "r.html"
    ran = run("eval", named, other, "--html", page, "--per-image", tmp_path / "x.csv", env={"LC_ALL": "C.UTF-8"})
    assert ran.status == 0, ran.err
    assert b"sys\xff" in ran.out
    assert b"a\xfe,sys\xff," in (tmp_path / "x.csv").read_bytes()
    assert "<img src=x" not in page.read_text()
    assert run("eval", named, other, "--format", "table", env={"LC_ALL": "C.UTF-8"}).status == 0


def test_jobs_and_order_change_no_figure(blurred, truth, tmp_path):
    one = call("eval", blurred, truth, "-j", 1)
    three = call("eval", blurred, truth, "-j", 3)
    assert one.out == three.out


def test_another_commands_records_are_scored_in_a_pipe(world):
    ran = shell(
        "bgswap matte -q photos/ cut/ --passes 1 --records | bgswap eval --records-from - --true mattes/", world.home
    )
    assert ran.status == 0, ran.err
    scores = {
        x["metric"]: float(x["mean"]) for x in csv.DictReader(io.StringIO(ran.out.decode())) if x["system"] == "piped"
    }
    assert scores["iou"] > 0.5


def test_one_picture_meets_one_truth_whatever_their_names(blurred, truth):
    ran = call("eval", blurred / "a.png", truth / "b.png", "--resize", "area")
    assert ran.status == 0
    ran = call("eval", "-", truth / "a.png", stdin=(blurred / "a.png").read_bytes())
    assert table(ran)["", "-", "mse"] > 0


def test_samples_of_augment_bring_truth_input_and_mask(world, tmp_path):
    made = call(
        "augment", world.photos, tmp_path / "s", "--foreground", world.cutouts, "--method", "recolor", "--size", 96
    )
    assert made.status == 0
    ran = call(
        "eval", tmp_path / "s" / "composite", "--true", tmp_path / "s", "--baseline", "reinhard", "--by", "method"
    )
    means = table(ran)
    assert means["", "composite", "mse"] == means["", "do nothing", "mse"] > 0
    assert means["", "reinhard", "mse"] != means["", "do nothing", "mse"]
    assert means["", "composite", "fmse"] > means["", "composite", "mse"]
    assert ("recolor", "composite", "mse") in means


def test_the_report_is_one_page_with_every_picture(blurred, truth, world, tmp_path):
    page = tmp_path / "report.html"
    ran = call("eval", blurred, truth, "--input", blurred, "--mask", world.home / "mattes", "--html", page)
    assert ran.status == 0
    text = page.read_text()
    assert "sub/deep/d" in text
    assert text.count("data:image/webp;base64,") >= 4 * 2  # what is the same stands once
    assert "http://" not in text.replace("http://www.w3.org", "")


def test_a_seeds_tables_print_published_rows_alone_and_beside_ours(blurred, truth):
    ran = call("eval", "--table", "hpbnet", "--format", "json")
    rows = [json.loads(line) for line in ran.out.splitlines()]
    assert {row["origin"] for row in rows} == {"published"}
    assert next(r for r in rows if r["system"].startswith("Ours"))["values"]["MSE"] == "1181.86"
    ran = call(
        "eval", blurred, "--true", truth, "--input", blurred, "--mask", blurred, "--table", "hpbnet", "--format", "json"
    )
    rows = [json.loads(line) for line in ran.out.splitlines()]
    assert "bgswap models fetch alexnet" in ran.err  # lpips cannot be had here
    mine = next(r for r in rows if r["system"] == "blurred")
    assert mine["origin"] == "measured here"
    assert float(mine["values"]["MSE"]) == pytest.approx(mean_squared(blurred, truth), rel=0.01)


def test_a_seeds_table_leaves_out_the_baselines_that_lack_a_folder_and_says_so(blurred, truth):
    ran = call("eval", blurred, "--true", truth, "--table", "harmonize-gan", "--format", "json")
    assert ran.status == 0
    assert "reinhard is not measured: it needs --input IN and --mask MASKS" in ran.err
    assert any(json.loads(line)["system"] == "blurred" for line in ran.out.splitlines())


def test_a_frame_is_compared_with_the_frame_before_it(truth, tmp_path):
    frames, steady = tmp_path / "frames" / "v", tmp_path / "steady" / "v"
    for folder in (frames, steady):
        folder.mkdir(parents=True)
    still = np.asarray(Image.open(truth / "a.png"))
    for number in range(4):
        Image.fromarray(still).save(steady / f"{number}.png")
        Image.fromarray(np.clip(still.astype(int) + 10 * (number % 2), 0, 255).astype(np.uint8)).save(
            frames / f"{number}.png"
        )
    means = table(call("eval", frames.parent, steady.parent, "--metric", "temporal"))
    assert 0 < means["", "frames", "temporal"] <= 10
    assert table(call("eval", steady.parent, steady.parent, "--metric", "temporal"))["", "steady", "temporal"] == 0


def test_places_are_measured_from_decisions_and_doing_nothing_is_the_layer_as_it_came(world, tmp_path):
    made = call(
        *("augment", world.photos, tmp_path / "s", "--foreground", world.cutouts, "--plate", world.photos),
        *("--method", "placement", "--size", 96, "--placement-decoys", 0),
    )
    assert made.status == 0, made.err
    lines = [json.loads(line) for line in (tmp_path / "s" / "metadata.jsonl").open()]
    perfect = tmp_path / "perfect.jsonl"
    perfect.write_text("".join(json.dumps({"key": x["key"], "place": x["box_true"]}) + "\n" for x in lines))
    ran = call("eval", perfect, "--true", tmp_path / "s", "--metric", "box-iou", "--metric", "box-scale")
    means = table(ran)
    assert means["", "perfect.jsonl", "box-iou"] > 0.9
    assert means["", "perfect.jsonl", "box-scale"] < 0.05
    assert means["", "do nothing", "box-iou"] < means["", "perfect.jsonl", "box-iou"]
    plates = call("eval", tmp_path / "s" / "plate", "--true", tmp_path / "s", "--metric", "mse")
    assert (plates.status, table(plates)["", "plate", "mse"]) == (0, 0)  # the plates are the photos here
    assert np.isnan(table(plates)["", "do nothing", "mse"])  # a layer that was to be placed is no picture


def test_a_run_makes_its_mattes_from_the_photos_that_it_is_given(world, tmp_path):
    run_folder = tmp_path / "run"
    run_folder.mkdir()
    shutil.copy(Path(bgswap.__file__).parent / "weights/people.safetensors", run_folder / "best.safetensors")
    (run_folder / "run.json").write_text('{"task": "matte", "network": "people"}')
    ran = call("eval", run_folder, "--true", world.home / "mattes", "--input", world.photos, "--metric", "iou")
    assert table(ran)["", "run", "iou"] > 0.5
    both = ("--metric", "iou", "--metric", "mse")
    ran = call("eval", run_folder, "--true", world.home / "mattes", "--input", world.photos, *both)
    assert np.isnan(table(ran)["", "run", "mse"])  # it makes no pictures, and the photo is not its work
    ran = call("eval", run_folder, "--true", world.home / "mattes", "--metric", "iou")
    assert ran.status == 2
    assert "name them with --input IN" in ran.err


def test_lpips_of_a_users_own_catalog_goes_through_the_whole_command(blurred, truth, test_data, tmp_path):
    catalog = tmp_path / "bgswap" / "catalog.toml"
    catalog.parent.mkdir()
    weights = test_data / "weights"
    row = '[{name}]\ntask = "features"\nnetwork = "{network}"\nfile = "{file}"\n'
    catalog.write_text(
        row.format(name="squeezenet1_1", network="squeezenet", file=weights / "squeezenet1_1_imagenet_fp16.safetensors")
        + row.format(name="lpips-squeeze", network="lpips-heads", file=weights / "lpips/squeeze.pth")
    )
    env = {"XDG_CONFIG_HOME": str(tmp_path)}
    ran = call("eval", f"same={truth}", blurred, "--true", truth, "--metric", "lpips:squeeze", env=env)
    assert ran.status == 0, ran.err
    means = table(ran)
    assert means["", "same", "lpips:squeeze"] == 0
    assert 0.1 < means["", "blurred", "lpips:squeeze"] < 1


def test_colors_of_cut_outs_are_refused_because_hidden_pixels_have_none(world, truth):
    ran = call("eval", world.cutouts, truth, "--metric", "mse")
    assert ran.status == 1
    assert "a.png is a cut-out: measure its matte" in ran.err


def test_a_video_is_measured_frame_by_frame(truth, tmp_path):
    av = pytest.importorskip("av", reason="PyAV is not installed")
    still = np.asarray(Image.open(truth / "a.png"))
    for name, lift in (("steady", 0), ("flicker", 12)):
        with av.open(str(tmp_path / f"{name}.mkv"), "w") as container:
            stream = container.add_stream("ffv1", rate=10)
            stream.width, stream.height, stream.pix_fmt = still.shape[1], still.shape[0], "bgr0"
            for number in range(6):
                shown = np.clip(still.astype(int) + lift * (number % 2), 0, 255).astype(np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="rgb24").reformat(format="bgr0")))
            container.mux(stream.encode())
    steady, flicker = tmp_path / "steady.mkv", tmp_path / "flicker.mkv"
    ran = call("eval", flicker, "--true", steady, "--metric", "temporal", "--metric", "mse")
    assert ran.status == 0, ran.err
    assert 5 < table(ran)["", "flicker.mkv", "temporal"] <= 12


def test_a_folder_called_truth_is_a_system_like_others(blurred, truth, tmp_path):
    named = tmp_path / "truth"
    shutil.copytree(blurred, named)
    (named / "metadata.jsonl").write_text('{"file_name": "a.png", "weather": "fog"}\n')
    ran = call("eval", named, "--true", truth, "--metric", "mse", "--by", "weather", "--keys", key_list(tmp_path, "a"))
    assert table(ran)["fog", "truth", "mse"] > 0


def key_list(folder: Path, *keys: str) -> Path:
    """A file for --keys."""
    (folder / "keys.txt").write_text("\n".join(keys))
    return folder / "keys.txt"


def test_a_broken_picture_is_named_and_the_rest_is_measured(blurred, truth):
    (blurred / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    ran = call("eval", blurred, truth)
    assert ran.status == 1
    assert "a.png" in ran.err
    assert table(ran)["", "blurred", "mse"] > 0
