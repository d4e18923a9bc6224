"""`bgswap train` as users run it: a run folder comes out, goes on where it stopped, and is a model."""

import json
import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bgswap.folders import picture
from tests.commands.harness import PROGRAM, call, environment, run, start

TINY = ["--size", "64", "--set", "widths=8,8,12,12,16", "--set", "depth=1", "--set", "held_out=0.25",
        "--set", "block=2", "--device", "cpu", "--precision", "fp32", "-j", "2"]  # fmt: skip
SHORT = [*TINY, "--batch", "4", "--set", "validate_every=4", "--set", "validation=4", "--set", "shares=1"]


def train(samples: Path, out: Path, steps: int, *more: object, recipe: str = "people"):
    return call("train", recipe, samples, out, *SHORT, "--steps", steps, *more)


def state(out: Path) -> dict:
    return torch.load(out / "last.pt", weights_only=True)


def flat(value: object, name: str = "") -> dict[str, object]:
    """Every leaf of a state by its path."""
    if isinstance(value, dict):
        return {k: v for key, one in value.items() for k, v in flat(one, f"{name}/{key}").items()}
    if isinstance(value, list | tuple):
        return {k: v for n, one in enumerate(value) for k, v in flat(one, f"{name}/{n}").items()}
    return {name: value}


def assert_same_run(one: Path, other: Path) -> None:
    mine, theirs = flat(state(one)), flat(state(other))
    assert mine.keys() == theirs.keys()
    for name, value in mine.items():
        same = torch.equal(value, theirs[name]) if isinstance(value, torch.Tensor) else value == theirs[name]
        assert same, name
    assert (one / "log.jsonl").read_bytes() == (other / "log.jsonl").read_bytes()
    assert (one / "best.safetensors").read_bytes() == (other / "best.safetensors").read_bytes()


@pytest.fixture(scope="module")
def finished(tmp_path_factory, matting_samples) -> Path:
    """A run of twelve steps, never stopped."""
    out = tmp_path_factory.mktemp("runs") / "people"
    done = train(matting_samples, out, 12)
    assert done.status == 0, done.err
    return out


def test_the_run_folder_holds_all_that_it_promises(finished):
    names = {path.name for path in finished.iterdir()}
    wanted = {"run.json", "best.safetensors", "last.pt", "previous.pt", "log.jsonl", "curve.png", "samples",
              "train_keys.txt", "validation_keys.txt"}  # fmt: skip
    assert wanted <= names
    assert (
        sorted(path.name for path in (finished / "samples").iterdir())[-1].startswith("12")
        or len(list((finished / "samples").iterdir())) == 3
    )
    train_keys = (finished / "train_keys.txt").read_text().split()
    held = (finished / "validation_keys.txt").read_text().split()
    assert not set(train_keys) & set(held)
    assert len(train_keys) + len(held) == 16


def test_the_log_has_losses_and_metrics_of_held_out_samples_and_no_times(finished):
    lines = [json.loads(line) for line in (finished / "log.jsonl").open()]
    looks = [line for line in lines if "validation" in line]
    assert [line["step"] for line in looks] == [4, 8, 12]
    assert set(looks[0]["validation"]) == {"mad", "iou"}
    assert all({"bce", "dice", "l1", "edges", "coarse"} == set(line["losses"]) for line in lines if "losses" in line)
    assert not any("second" in key or "time" in key for line in lines for key in line)


def test_the_same_command_again_has_nothing_left_to_do(finished, matting_samples):
    before = (finished / "last.pt").read_bytes()
    done = train(matting_samples, finished, 12)
    assert done.status == 0, done.err
    assert (finished / "last.pt").read_bytes() == before


@pytest.mark.parametrize(
    ("more", "named"),
    [(["--seed", "7"], "seed"), (["--set", "lr=0.1"], "lr"), (["--batch", "2"], "batch"), (["--size", "32"], "size")],
)
def test_a_changed_setting_is_refused_by_name(finished, matting_samples, more, named):
    done = train(matting_samples, finished, 12, *more)
    assert done.status == 2
    assert named in done.err


def test_other_samples_are_refused(finished, recolor_samples, matting_samples, tmp_path):
    other = tmp_path / "samples"
    shutil.copytree(matting_samples, other)
    lines = (other / "metadata.jsonl").read_text().splitlines()
    (other / "metadata.jsonl").write_text("\n".join(lines[:-1]) + "\n")
    done = train(other, finished, 12)
    assert done.status == 2
    assert train(recolor_samples, tmp_path / "run", 2).status == 2  # they lack the roles


def test_steps_may_be_raised_and_not_lowered(finished, matting_samples, tmp_path):
    out = tmp_path / "run"
    shutil.copytree(finished, out)
    assert train(matting_samples, out, 8).status == 2
    done = train(matting_samples, out, 16)
    assert done.status == 0, done.err
    assert state(out)["step"] == 16


def test_the_run_is_a_model_of_matte_and_of_eval(finished, matting_samples, photo, tmp_path):
    (tmp_path / "me.png").write_bytes(picture.encode(photo, "png"))
    done = call("matte", tmp_path / "me.png", tmp_path / "cut.png", "--model", finished, "--device", "cpu")
    assert done.status == 0, done.err
    assert Image.open(tmp_path / "cut.png").size == (512, 512)
    done = call(
        "eval", finished, "--true", matting_samples, "--metric", "alpha-mad", "--device", "cpu", "--format", "json"
    )
    assert done.status == 0, done.err


def test_a_run_that_starts_from_another_one_begins_where_that_ended(finished, matting_samples, tmp_path):
    done = train(matting_samples, tmp_path / "run", 4, "--init", finished, "--set", "lr=1e-9")
    assert done.status == 0, done.err
    lines = [json.loads(line) for line in (tmp_path / "run/log.jsonl").open()]
    before = [json.loads(line) for line in (finished / "log.jsonl").open()]
    mine = next(line["validation"]["mad"] for line in lines if "validation" in line)
    best = min(line["validation"]["mad"] for line in before if "validation" in line)
    assert mine == pytest.approx(best, rel=0.02)


def test_weights_that_do_not_fit_are_named(finished, matting_samples, tmp_path):
    done = train(matting_samples, tmp_path / "run", 2, "--init", finished, "--set", "widths=8,8,12,12,20")
    assert done.status == 0, done.err
    assert "takes 119 of 144 tensors" in done.err
    assert "another shape" in done.err


def test_a_loss_that_explodes_stops_with_a_sentence_and_leaves_a_good_state(matting_samples, tmp_path):
    out = tmp_path / "run"
    done = train(matting_samples, out, 40, "--set", "lr=1e30", "--set", "clip=0")
    assert done.status == 1
    assert "diverged" in done.err
    assert "Traceback" not in done.err
    if (out / "last.pt").exists():
        assert all(v.isfinite().all() for v in flat(state(out)).values() if isinstance(v, torch.Tensor))


def test_memory_that_is_not_there_is_a_sentence_that_says_what_to_lower():
    from types import SimpleNamespace

    from bgswap.errors import BgswapError
    from bgswap.training.trainer import _memory

    trainer = SimpleNamespace(
        plan=SimpleNamespace(at=lambda _: ((64, 96), 8)),
        done=3,
        stepper=SimpleNamespace(settings=SimpleNamespace(accumulate=2)),
    )
    with pytest.raises(BgswapError, match=r"96x64 pixels, batch 8.*accumulate=4"), _memory(trainer):
        torch.empty(1 << 60)


def test_dry_run_prints_what_is_resolved_and_writes_nothing(matting_samples, tmp_path):
    done = train(matting_samples, tmp_path / "run", 12, "--dry-run")
    assert done.status == 0, done.err
    told = dict(line.split("\t")[:2] for line in done.out.decode().splitlines())
    assert told["steps"] == "12"
    assert told["widths"] == "8,8,12,12,16"
    assert told["size"] == "64"
    assert not (tmp_path / "run").exists()


def test_a_setting_that_does_not_exist_is_answered_with_the_nearest(matting_samples, tmp_path):
    done = train(matting_samples, tmp_path / "run", 12, "--set", "widhts=3")
    assert done.status == 2
    assert "widths" in done.err


def test_photos_are_made_into_samples_on_the_fly(crops, tmp_path):
    done = train(crops / "photos", tmp_path / "run", 4, "--alpha", crops / "mattes", "--background", crops / "photos")
    assert done.status == 0, done.err
    assert (tmp_path / "run/best.safetensors").exists()


def test_people_who_stay_in_their_photos_need_no_places(crops, tmp_path):
    more = ["--alpha", crops / "mattes", "--size", "64", "--batch", "4", "--steps", "2", "--set", "encoder=none",
            "--set", "pretrained=false", "--set", "width=0.1", "--set", "held_out=0.25", "--set", "block=2",
            "--set", "validation=4", "--device", "cpu", "-j", "1"]  # fmt: skip
    done = call("train", "matting-unet", crops / "photos", tmp_path / "run", *more)
    assert done.status == 0, done.err
    refused = call("train", "matting-unet", crops / "photos", tmp_path / "other", *more, "--set", "new_place=0.5")
    assert refused.status == 2
    assert "--background" in refused.err


def test_sizes_come_in_turn_with_their_own_batches(matting_samples, tmp_path):
    more = ["--size", "32,64", "--batch", "8,4", "--set", "shares=0.5,0.5"]
    done = train(matting_samples, tmp_path / "run", 8, *more)
    assert done.status == 0, done.err
    lines = [json.loads(line) for line in (tmp_path / "run/log.jsonl").open()]
    assert [line["size"][0] for line in lines if "validation" in line] == [32, 64]


def test_parts_of_a_batch_are_the_batch(matting_samples, tmp_path):
    runs = []
    for name, more in (("whole", []), ("parts", ["--set", "accumulate=2"])):
        out = tmp_path / name
        done = call("train", "segment", matting_samples, out, *_segment(8), *more)
        assert done.status == 0, done.err
        runs.append([json.loads(line) for line in (out / "log.jsonl").open()])
    for one, other in zip(*runs, strict=True):
        for name, value in one.get("losses", {}).items():
            assert other["losses"][name] == pytest.approx(value, rel=1e-4)


def _segment(steps: int) -> list[object]:
    return ["--size", "64", "--batch", "4", "--steps", steps, "--set", "width=0.25", "--set", "held_out=0.25",
            "--set", "block=2", "--set", "validate_every=5", "--set", "validation=4", "--device", "cpu",
            "--precision", "fp32", "-j", "2"]  # fmt: skip


@pytest.mark.slow
def test_two_processes_follow_the_curve_of_one(matting_samples, tmp_path):
    logs = []
    for name, devices in (("one", 1), ("two", 2)):
        out = tmp_path / name
        done = run("train", "segment", matting_samples, out, *_segment(20), "--devices", devices)
        assert done.status == 0, done.err
        logs.append([json.loads(line) for line in (out / "log.jsonl").open()])
    assert [line["step"] for line in logs[0]] == [line["step"] for line in logs[1]]
    for one, other in zip(*logs, strict=True):
        for kind in ("losses", "validation"):
            for name, value in one.get(kind, {}).items():
                assert other[kind][name] == pytest.approx(value, rel=1e-4), (one["step"], name)


@pytest.mark.slow
def test_torchrun_starts_it_unchanged(matting_samples, tmp_path):
    import subprocess
    import sys

    line = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-addr", "127.0.0.1",
            "--master-port", "29531", "-m", *PROGRAM[2:], "train", "segment", str(matting_samples),
            str(tmp_path / "run"), *map(str, _segment(5)), "--devices", "2"]  # fmt: skip
    done = subprocess.run(line, capture_output=True, env=environment(), timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    assert (tmp_path / "run/best.safetensors").exists()


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_run_that_was_killed_ends_bitwise_as_one_that_never_was(how, matting_samples, tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    line = [*SHORT, "--steps", 60]
    assert run("train", "people", matting_samples, whole, *line).status == 0
    for _ in range(3):
        child = start("train", "people", matting_samples, broken, *line)
        seen = _lines(broken)
        deadline = time.monotonic() + 60
        while _lines(broken) < seen + 4 and child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(child.pid, how)
        child.communicate()
        assert child.returncode in (-how, 0)
        if how == signal.SIGKILL and (broken / "previous.pt").exists():  # a disk that was full, a machine that died
            os.truncate(broken / "last.pt", (broken / "last.pt").stat().st_size // 2)
    assert run("train", "people", matting_samples, broken, *line).status == 0
    assert_same_run(whole, broken)


def _lines(out: Path) -> int:
    log = out / "log.jsonl"
    return log.read_bytes().count(b"\n") if log.exists() else 0


def test_the_list_tells_of_every_recipe(tmp_path):
    from bgswap import extensions

    done = call("train", "--list")
    assert done.status == 0
    told = done.out.decode()
    for name in extensions.names("bgswap.training.recipes"):
        assert f"{name}\n  is " in told
    done = call("train", "--list", "people")
    assert "lr=0.002" in done.out.decode()
    assert np.all([word in told for word in ("needs", "makes", "samples")])
