"""Training's samples are the command's: the same numbers, and the same pictures but for the rounding of files."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from bgswap.augmentation.fly import OnTheFly
from bgswap.augmentation.samples import SampleSettings
from bgswap.augmentation.sources import Choice
from bgswap.augmentation.stage import AugmentStage
from bgswap.augmentation.tensors import to_pixels
from bgswap.errors import PictureError, UsageError
from bgswap.folders import picture
from bgswap.folders.records import Record
from bgswap.matting.colors import cut_out
from tests.commands.harness import call

SIZE = (64, 64)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, astronaut):
    """Three crops of the astronaut as photos/ and cutouts/."""
    home = tmp_path_factory.mktemp("fly")
    photo, alpha = astronaut
    cut = cut_out(photo, alpha)
    for name, part in {"a": np.s_[:400, :400], "b": np.s_[:, 60:420], "c": np.s_[20:300, 80:380]}.items():
        for kind, pixels, suffix in (("photos", photo, "jpg"), ("cutouts", cut, "png")):
            path = home / kind / f"{name}.{suffix}"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(picture.encode(np.ascontiguousarray(pixels[part]), suffix))
    return home


def records(folder) -> list[Record]:
    return [
        Record(name, {"photo": folder / f"photos/{name}.jpg", "foreground": folder / f"cutouts/{name}.png"})
        for name in "abc"
    ]


@pytest.mark.parametrize("methods", [("recolor", "relight"), ("matting",), ("frames",)])
def test_a_sample_on_the_fly_is_the_files_of_the_command(methods, folder, tmp_path):
    arguments = [word for method in methods for word in ("--method", method)]
    arguments += ["--matting-new-place", "0"] if methods == ("matting",) else []
    done = call("augment", folder / "photos", tmp_path / "out", "--foreground", folder / "cutouts", *arguments,
                "--size", "64", "--copies", "2", "--seed", "5", "--background", folder / "photos")  # fmt: skip
    assert done.status == 0, done.err
    settings = SampleSettings(methods, seed=5, size=SIZE)
    if methods == ("matting",):
        from bgswap.augmentation.ranges import MattingRanges

        settings = SampleSettings(methods, seed=5, size=SIZE, ranges=(MattingRanges(new_place=0.0),))
    places = [Record(name, {"background": folder / f"photos/{name}.jpg"}) for name in "abc"]
    fly = OnTheFly(records(folder), places, Choice(copies=2, seed=5), AugmentStage(settings))
    assert len(fly) == 3
    listed = {line["key"]: line for line in map(json.loads, (tmp_path / "out/metadata.jsonl").open())}
    for index, name in enumerate("abc"):
        sample = fly(index, 1)
        line = listed[f"{name}_001"]
        assert json.loads(json.dumps(sample.fields["parameters"])) == line["parameters"]
        for role, made in sample.pictures.items():
            if role != "flow_true":
                written = picture.read(tmp_path / "out" / role / f"{name}_001.png").pixels
                assert np.array_equal(written, to_pixels(made)) or np.array_equal(written[..., 0], to_pixels(made))


def test_threads_and_order_change_nothing(folder):
    fly = OnTheFly(records(folder), (), Choice(), AugmentStage(SampleSettings(("recolor",), size=SIZE)))
    alone = {(index, copy): fly(index, copy).pictures["composite"] for index in range(3) for copy in range(4)}
    with ThreadPoolExecutor(3) as pool:
        asked = sorted(alone, reverse=True)
        for key, sample in zip(asked, pool.map(lambda key: fly(*key), asked), strict=True):
            assert (sample.pictures["composite"] == alone[key]).all()


def test_what_cannot_be_made_is_said_in_a_sentence(folder, tmp_path):
    settings = SampleSettings(("triplet",), size=SIZE)
    with pytest.raises(UsageError, match="--background"):
        OnTheFly(records(folder), (), Choice(), AugmentStage(settings))
    lost = [Record("gone", {"photo": tmp_path / "gone.jpg", "foreground": folder / "cutouts/a.png"})]
    fly = OnTheFly(lost, (), Choice(), AugmentStage(SampleSettings(("relight",), size=SIZE)))
    with pytest.raises(PictureError, match=r"gone\.jpg"):
        fly(0)
