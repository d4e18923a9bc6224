"""A run folder goes on as if it had never been stopped, and refuses to go on as something else."""

import copy
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bgswap.errors import BgswapError, UsageError
from bgswap.training.checkpoint import Checkpoints
from bgswap.training.recipes.people import RECIPE
from bgswap.training.run_folder import RunFolder, cut_log, read_log
from bgswap.training.steps import Stepper
from bgswap.training.tools import Tools
from bgswap.zoo import loader
from bgswap.zoo.runners.torch import read_state

TOLD = {
    "recipe": "people",
    "settings": {"steps": 6, "lr": 2e-3, "batch": (2,), "size": ((32, 64), (64, 64)), "perceptual": "none"},
    "init": "",
    "data": {"fingerprint": "ab12", "samples": 40},
    "split": {"train": "cd34", "validation": "ef56"},
    "versions": {"bgswap": "0.1", "torch": "2.13"},
    "task": "matte",
    "network": "people",
    "takes": ["photo"],
    "input": {"side": 64, "fit": "longest", "multiple": 32, "divide": "255", "mean": [0, 0, 0], "std": [1, 1, 1]},
    "output": {"activation": "sigmoid"},
}


def other(**changes: object) -> dict[str, object]:
    """TOLD with some settings changed."""
    return {**TOLD, "settings": {**TOLD["settings"], **changes}}


def state(step: int) -> dict[str, object]:
    """Something that is whole only as a whole."""
    return {"step": step, "stepper": {"numbers": torch.full((64, 64), float(step)), "list": [1, (0.9, None), "a"]}}


def small_stepper() -> Stepper:
    chosen = replace(RECIPE.settings, widths=(4, 4, 8, 8, 8), depth=1)
    torch.manual_seed(0)
    return Stepper(RECIPE.method(chosen, Tools()), chosen)


def batch(index: int) -> dict[str, torch.Tensor]:
    chance = torch.Generator().manual_seed(index)
    return {
        "image": torch.rand(2, 3, 64, 64, generator=chance),
        "alpha_true": torch.rand(2, 1, 64, 64, generator=chance),
    }


def train(path: Path, *, stop: int = 6, save_at_stop: bool = True) -> None:
    """A small real training into `path`: logs every step, validates every second, saves then."""
    stepper, done, best = small_stepper(), 0, None
    with RunFolder.open(path, TOLD) as run:
        if (found := run.load()) is not None:
            stepper.load(found["stepper"])
            done, best = found["step"], found["best"]
        while done < stop:
            losses = stepper.step([batch(done)], done, 6)
            done += 1
            run.log({"step": done, "losses": {name: float(value) for name, value in losses.items()}})
            if done % 2 == 0:
                value = float(losses["l1"])
                if best is None or value < best:
                    best = value
                    run.best(stepper.average, done, {"l1": value})
                run.log(
                    {"step": done, "size": [64, 64], "validation": {"l1": value, "none": float("nan")}, "best": True}
                )
                if done < stop or save_at_stop:
                    run.save({"step": done, "best": best, "stepper": stepper.state()})


def test_a_run_that_was_stopped_ends_bitwise_as_one_that_never_was(tmp_path):
    train(tmp_path / "whole")
    train(tmp_path / "stopped", stop=3)  # its third step is logged and not saved
    train(tmp_path / "stopped", stop=4, save_at_stop=False)  # a log, a best and no state: killed before it was written
    with (tmp_path / "stopped/log.jsonl").open("a") as file:
        file.write('{"step": 5, "los')
    train(tmp_path / "stopped")
    for name in ("log.jsonl", "last.pt", "previous.pt", "best.safetensors", "run.json"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "stopped" / name).read_bytes(), name


def test_a_cut_last_state_costs_steps_and_nothing_else(tmp_path):
    train(tmp_path / "whole")
    train(tmp_path / "cut", stop=4)
    last = tmp_path / "cut/last.pt"
    last.write_bytes(last.read_bytes()[: last.stat().st_size // 2])
    train(tmp_path / "cut")
    for name in ("log.jsonl", "last.pt", "previous.pt", "best.safetensors"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "cut" / name).read_bytes(), name


def test_a_best_counts_once_the_state_of_its_step_is_saved(tmp_path):
    network = small_stepper().network
    with RunFolder.open(tmp_path / "run", TOLD) as run:
        run.load()
        run.best(network, 2, {"mad": 0.5})
        assert not (tmp_path / "run/best.safetensors").exists()
    with RunFolder.open(tmp_path / "run", TOLD) as run:  # killed before the state: nothing has happened
        assert run.load() is None
        run.best(network, 2, {"mad": 0.5})
        next_ = (tmp_path / "run/best.next.safetensors").read_bytes()
        run.save(state(2))
        assert (tmp_path / "run/best.safetensors").read_bytes() == next_
    (tmp_path / "run/best.safetensors").rename(tmp_path / "run/best.next.safetensors")  # killed between the two
    with RunFolder.open(tmp_path / "run", TOLD) as run:
        assert run.load() is not None
        assert (tmp_path / "run/best.safetensors").read_bytes() == next_


def test_a_half_written_best_is_thrown_away(tmp_path):
    with RunFolder.open(tmp_path / "run", TOLD) as run:
        run.save(state(2))
        run.best(small_stepper().network, 2, {"mad": 0.5})
    left = tmp_path / "run/best.next.safetensors"
    left.write_bytes(left.read_bytes()[:-1])
    with RunFolder.open(tmp_path / "run", TOLD) as run:
        run.load()
    assert not left.exists()
    assert not (tmp_path / "run/best.safetensors").exists()


def test_the_best_weights_of_a_run_are_a_model_of_the_zoo(tmp_path):
    stepper = small_stepper()
    with RunFolder.open(tmp_path / "run", TOLD) as run:
        run.best(copy.deepcopy(stepper.average).half(), 4, {"mad": 0.25})
        run.save(state(4))
    model = loader.load(tmp_path / "run", "cpu")
    assert (model.card.task, model.card.network, model.card.input.multiple) == ("matte", "people", 32)
    network = model.parts["model"].module
    kept = read_state(tmp_path / "run/best.safetensors")
    assert {value.dtype for value in kept.values()} == {torch.float32, torch.int64}  # weights, and norms' counters
    assert [len(network.ups), network.ups[3].side.in_channels] == [4, 4]
    (logits,) = model(np.zeros((1, 3, 64, 32), np.float32))
    with torch.no_grad():
        for value in stepper.average.parameters():
            value.copy_(value.half())
        wanted = stepper.average(torch.zeros(1, 3, 64, 32))
    torch.testing.assert_close(torch.from_numpy(logits), wanted)


@pytest.mark.parametrize(
    ("told", "named"),
    [
        (other(lr=1e-3), "lr was 0.002 and is now 0.001"),
        (other(size=((32, 64),)), "size was 64x32,64 and is now 64x32"),
        (other(steps=5), "steps was 6 and is now 5, and may only be raised"),
        (other(width=8), "width was not told and is now 8"),
        (TOLD | {"recipe": "segment"}, "recipe was people and is now segment"),
        (TOLD | {"init": "runs/a"}, "init was none and is now runs/a"),
        (TOLD | {"data": {"fingerprint": "ab12", "samples": 41}}, "data.samples was 40 and is now 41"),
        (TOLD | {"split": {"train": "0", "validation": "ef56"}}, "split.train was cd34 and is now 0"),
    ],
)
def test_a_change_is_refused_by_its_name_with_both_values(told, named, tmp_path):
    RunFolder.open(tmp_path / "run", TOLD).close()
    before = (tmp_path / "run/run.json").read_bytes()
    for writes in (False, True):
        with pytest.raises(UsageError) as raised:
            RunFolder.open(tmp_path / "run", told, writes=writes)
        assert named in str(raised.value)
        assert f"--init {tmp_path / 'run'}" in str(raised.value)
    assert (tmp_path / "run/run.json").read_bytes() == before
    RunFolder.open(tmp_path / "run", TOLD).close()  # a refusal does not keep the lock


def test_all_changes_are_named_at_once(tmp_path):
    RunFolder.open(tmp_path / "run", TOLD).close()
    with pytest.raises(UsageError, match=r"lr was .*; batch was 2 and is now 4"):
        RunFolder.open(tmp_path / "run", other(lr=1e-3, batch=(4,)))


def test_raised_steps_and_other_versions_are_told_and_kept(tmp_path):
    RunFolder.open(tmp_path / "run", {**TOLD, "more": "kept"} | {"versions": {"torch": "2.10"}}).close()
    with RunFolder.open(tmp_path / "run", {**other(steps=9), "more": "kept"}) as run:
        assert run.notes[0] == "steps are raised from 6 to 9"
        assert "torch was 2.10" in "".join(run.notes)
    told = json.loads((tmp_path / "run/run.json").read_text())
    assert (told["settings"]["steps"], told["versions"]["torch"], told["more"]) == (9, "2.13", "kept")
    with RunFolder.open(tmp_path / "run", {**other(steps=9), "more": "kept"}) as run:
        assert run.notes == []


def test_a_folder_of_other_things_is_no_run(tmp_path):
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(UsageError, match=r"holds photo.jpg and no run.json"):
        RunFolder.open(tmp_path, TOLD)
    assert [one.name for one in tmp_path.iterdir()] == ["photo.jpg"]
    with pytest.raises(UsageError, match="is no folder"):
        RunFolder.open(tmp_path / "photo.jpg", TOLD)


@pytest.mark.parametrize("left", [".lock", "run.json.new"])
def test_a_run_that_was_killed_while_it_was_begun_begins_again(left, tmp_path):
    (tmp_path / left).write_bytes(b"{")
    with RunFolder.open(tmp_path, TOLD) as run:
        assert run.load() is None
    assert json.loads((tmp_path / "run.json").read_text())["recipe"] == "people"


def test_two_trainings_in_one_run_are_refused_and_a_reader_is_not(tmp_path):
    with RunFolder.open(tmp_path / "run", TOLD) as run:
        run.save(state(3))
        with pytest.raises(UsageError, match="another process is training"):
            RunFolder.open(tmp_path / "run", TOLD)
        with RunFolder.open(tmp_path / "run", TOLD, writes=False) as reader:
            assert reader.load()["step"] == 3
    with RunFolder.open(tmp_path / "run", TOLD):
        pass


def test_a_process_that_only_reads_writes_nothing(tmp_path):
    with RunFolder.open(tmp_path / "run", TOLD, writes=False) as run:
        run.split(["a"], ["b"])
        run.log({"step": 1, "losses": {"l1": 0.5}})
        run.best(small_stepper().network, 1, {})
        run.show(1, [torch.rand(1, 3, 8, 8)])
        run.save(state(1))
        assert run.load() is None
    assert not (tmp_path / "run").exists()


def test_keys_pictures_curve_and_events_stand_where_they_belong(tmp_path):
    with RunFolder.open(tmp_path / "run", TOLD) as run:
        run.split(["a/1", "ü", "b\udcff"], ["c"])
        run.log({"step": 2, "losses": {"l1": 0.5}})
        run.log({"step": 2, "validation": {"mad": 0.25}, "best": True})
        run.show(2, [torch.rand(2, 3, 8, 8), torch.rand(2, 1, 8, 8)])
        run.save(state(2))
    assert (tmp_path / "run/train_keys.txt").read_bytes() == "a/1\nü\n".encode() + b"b\xff\n"
    assert (tmp_path / "run/validation_keys.txt").read_text() == "c\n"
    for name in ("samples/2.png", "curve.png"):
        assert (tmp_path / "run" / name).read_bytes().startswith(b"\x89PNG"), name
    pytest.importorskip("tensorboard")
    (events,) = (tmp_path / "run/tensorboard").iterdir()
    for word in (b"losses/l1", b"validation/mad", b"samples"):
        assert word in events.read_bytes()


def test_events_beyond_the_saved_step_are_hidden_when_a_run_goes_on(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with RunFolder.open(tmp_path / "run", TOLD) as run:
        for step in (1, 2, 3):
            run.log({"step": step, "losses": {"l1": float(step)}})
            if step == 2:
                run.save(state(2))
    with RunFolder.open(tmp_path / "run", TOLD) as run:
        run.load()
        run.log({"step": 3, "losses": {"l1": 30.0}})
    events = EventAccumulator(str(tmp_path / "run/tensorboard"))
    events.Reload()
    assert [(one.step, one.value) for one in events.Scalars("losses/l1")] == [(1, 1.0), (2, 2.0), (3, 30.0)]


def test_log_lines_come_back_exactly_with_null_for_what_is_no_number(tmp_path):
    with RunFolder.open(tmp_path / "run", TOLD) as run:
        run.log({"step": 1, "losses": {"l1": 0.1 + 0.2, "bad": float("nan"), "worse": float("inf")}})
        lines = read_log(tmp_path / "run/log.jsonl")  # while the run goes on
    assert lines == [{"step": 1, "losses": {"l1": 0.1 + 0.2, "bad": None, "worse": None}}]
    assert read_log(tmp_path / "run") == lines
    assert read_log(tmp_path / "nothing.jsonl") == []


def test_a_cut_log_keeps_the_bytes_of_what_stays(tmp_path):
    file = tmp_path / "log.jsonl"
    file.write_bytes(b'{"step":1,  "a":1.0}\n\x00\x00\n[1]\n{"step": 2}\n{"step": 3}\n{"step": 2}')
    assert [line["step"] for line in cut_log(file, 2)] == [1, 2]
    assert file.read_bytes() == b'{"step":1,  "a":1.0}\n{"step": 2}\n'


def test_best_weights_without_a_whole_state_stop_the_run(tmp_path):
    with RunFolder.open(tmp_path / "run", TOLD) as run:
        run.best(small_stepper().network, 2, {})
        run.save(state(2))
    (tmp_path / "run/last.pt").write_bytes(b"")
    with (
        RunFolder.open(tmp_path / "run", TOLD) as run,
        pytest.raises(BgswapError, match=r"no whole last.pt or previous.pt.*--init"),
    ):
        run.load()


# ---- last.pt and previous.pt


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> bytes:
    folder = tmp_path_factory.mktemp("saved")
    Checkpoints(folder).save(state(7))
    return (folder / "last.pt").read_bytes()


def test_a_state_comes_back_bitwise_and_in_its_own_layout(tmp_path):
    laid = torch.rand(2, 3, 4, 4).contiguous(memory_format=torch.channels_last)
    whole = {"step": 3, "laid": laid, "view": torch.rand(1000, 1000)[0], "none": None, "pair": (0.1, [True, "x"])}
    Checkpoints(tmp_path).save(whole)
    found, notes = Checkpoints(tmp_path).load()
    assert notes == ()
    assert found["pair"] == (0.1, [True, "x"])
    assert torch.equal(found["laid"], laid)
    assert found["laid"].stride() == laid.stride()
    assert torch.equal(found["view"], whole["view"])
    assert (tmp_path / "last.pt").stat().st_size < 20_000  # the rest of what the view looks at is not kept


def test_what_could_not_be_read_again_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(TypeError, match=r"state\['path'\]\[1\] is a PosixPath"):
        Checkpoints(tmp_path).save({"step": 1, "path": [0, Path()]})
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=60, deadline=None)
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_state_that_was_cut_anywhere_is_not_taken_for_whole(saved, tmp_path_factory, share):
    folder = tmp_path_factory.mktemp("cut")
    (folder / "last.pt").write_bytes(saved[: int(share * len(saved))])
    found, notes = Checkpoints(folder).load()
    assert found is None
    assert "last.pt is not whole" in notes[0]
    assert "starting anew" in notes[0]
    (folder / "previous.pt").write_bytes(saved)
    found, notes = Checkpoints(folder).load()
    assert found["step"] == 7
    assert "going on from previous.pt, step 7" in notes[0]


@settings(max_examples=60, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_found_or_changes_nothing(saved, tmp_path_factory, place, bit):
    folder = tmp_path_factory.mktemp("flip")
    content = bytearray(saved)
    content[int(place * len(content))] ^= 1 << bit
    (folder / "last.pt").write_bytes(content)
    found, _ = Checkpoints(folder).load()
    if found is not None:
        assert found["step"] == 7
        assert torch.equal(found["stepper"]["numbers"], torch.full((64, 64), 7.0))


def test_a_broken_last_state_never_displaces_a_whole_previous_one(saved, tmp_path):
    (tmp_path / "previous.pt").write_bytes(saved)
    (tmp_path / "last.pt").write_bytes(saved[:500])
    states = Checkpoints(tmp_path)
    states.load()
    states.save(state(8))
    assert (tmp_path / "previous.pt").read_bytes() == saved
    assert Checkpoints(tmp_path).load()[0]["step"] == 8
    states.save(state(9))
    (tmp_path / "last.pt").unlink()
    found, notes = Checkpoints(tmp_path).load()
    assert found["step"] == 8
    assert "last.pt is missing" in notes[0]


KILLED = """
import os, random, signal, sys
from pathlib import Path
import torch
from bgswap.training.checkpoint import Checkpoints
torch.set_num_threads(1)
state = lambda n: {"step": n, "numbers": torch.full((300, 300), float(n))}

def in_child(act):
    child = os.fork()
    if not child:
        try:
            act()
        finally:
            os._exit(3)
    return os.WTERMSIG(os.waitpid(child, 0)[1])

def at_operation(folder, number):
    seen = []
    def die(event, told):
        if event in ("open", "os.rename", "os.remove") and str(folder) in str(told):
            seen.append(event)
            if len(seen) == number:
                os.kill(os.getpid(), signal.SIGKILL)
    def act():
        states = Checkpoints(folder)
        states.load()
        sys.addaudithook(die)
        states.save(state(3))
    return in_child(act)

def at_time(folder, seconds):
    def act():  # the alarm's default action is death, at any place, with nothing cleaned up
        states, found = Checkpoints(folder), Checkpoints(folder).load()[0]
        states.load()
        signal.setitimer(signal.ITIMER_REAL, seconds)
        for n in range(found["step"] + 1, 10**9):
            states.save(state(n))
    return in_child(act)

def whole(folder):
    found = Checkpoints(folder).load()[0]
    assert torch.equal(found["numbers"], state(found["step"])["numbers"])
    return found["step"]

root, steps = Path(sys.argv[1]), []
for number in range(1, 20):
    folder = root / str(number)
    folder.mkdir()
    states = Checkpoints(folder)
    states.save(state(1))
    states.save(state(2))
    died = at_operation(folder, number)
    steps.append(whole(folder))
    if not died:
        break
assert number > 3 and set(steps) == {2, 3}, steps
folder, random_ = root / "time", random.Random(0)
folder.mkdir()
Checkpoints(folder).save(state(1))
reached = [1]
for _ in range(25):
    assert at_time(folder, random_.uniform(0.0005, 0.04)) == signal.SIGALRM
    reached.append(whole(folder))
    assert reached[-1] >= reached[-2] - 1, reached  # at most the last state is lost
print(reached[-1])
"""


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="kills copies of a process")
def test_a_kill_at_any_moment_of_saving_leaves_a_whole_state(tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 1


FULL = """
import resource, sys
from pathlib import Path
import torch
from bgswap.errors import BgswapError
from bgswap.training.checkpoint import Checkpoints
states = Checkpoints(Path(sys.argv[1]))
states.load()
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    states.save({"step": 9, "numbers": torch.zeros(1000, 1000)})
except BgswapError as error:
    print(error)
"""


def test_a_full_disk_is_told_and_the_former_state_stands(saved, tmp_path):
    (tmp_path / "last.pt").write_bytes(saved)
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "last.pt cannot be written (File too large). What stood there still stands" in done.stdout
    assert [one.name for one in tmp_path.iterdir()] == ["last.pt"]
    assert Checkpoints(tmp_path).load()[0]["step"] == 7
