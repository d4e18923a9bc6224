"""Pictures under the roles that metrics ask for: sizes, depths, strips, trimaps."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bgswap.errors import PictureError, UsageError
from bgswap.evaluation.metric import find
from bgswap.evaluation.scene import Scene, resized, strips, tensor
from bgswap.evaluation.settings import ScoreSettings
from bgswap.evaluation.stage import ScoreStage
from bgswap.evaluation.systems import NOTHING, System, join, name_systems
from bgswap.folders.picture import Picture
from bgswap.folders.records import Record

MINE = System("mine", 0)


def scored(true, predicted, *names: str, **settings) -> dict[str, float]:
    """One picture's scores through the stage."""
    chosen = ScoreSettings(find(names), (NOTHING, MINE), **settings)
    work, _ = ScoreStage(chosen).prepare(1)
    pictures = {"true": Picture(true), MINE.role(): Picture(predicted)}
    paths = {role: Path(role) for role in pictures}
    return work(pictures, Record("x", paths)).fields["scores"]["mine"]


@pytest.mark.parametrize(("height", "width", "halo"), [(1, 1, 0), (37, 5000, 0), (3000, 4000, 5), (17, 300_000, 4)])
def test_strips_count_every_row_once_and_read_the_rows_around(height, width, halo):
    counted = []
    for rows, inner in strips(height, width, halo):
        read = range(height)[rows]
        counted += read[inner]
        assert read[inner][0] - read[0] == min(halo, read[inner][0])
        assert read[-1] - read[inner][-1] == min(halo, height - 1 - read[inner][-1])
    assert counted == list(range(height))


def test_a_picture_measured_in_strips_has_the_values_of_the_whole(photo):
    true = np.tile(photo, (3, 2, 1))  # 1536 x 1024: a dozen strips
    predicted = np.roll(true, 3, 1)
    found = scored(true, predicted, "mse", "l1", "psnr", "ssim")
    whole = [tensor(predicted), tensor(true)]
    for metric in find(["mse", "l1", "psnr", "ssim"]):
        assert found[metric.name] == pytest.approx(float(metric(*whole)), rel=1e-6)


def test_sixteen_bits_and_eight_bits_of_the_same_picture_have_no_error(photo):
    assert scored(photo, photo.astype(np.uint16) * 257, "mse")["mse"] == pytest.approx(0, abs=1e-8)


def test_other_sizes_fail_with_both_sizes_unless_a_filter_is_named(photo):
    small = photo[::2, ::2]
    with pytest.raises(PictureError, match=r"is 256x256, the truth is 512x512.*--resize"):
        scored(photo, small, "mse")
    assert (
        0
        < scored(photo, small, "mse", resize="bicubic")["mse"]
        < scored(photo, small[::-1], "mse", resize="area")["mse"]
    )


@pytest.mark.parametrize("deep", [False, True])
def test_resizing_is_pillows_antialiasing_also_of_deep_pictures(photo, deep):
    expected = np.asarray(Image.fromarray(photo).resize((100, 90), Image.Resampling.BICUBIC))
    given = photo.astype(np.uint16) * 257 if deep else photo
    made = resized(given, (90, 100), "bicubic")
    assert made.dtype == given.dtype
    # Pillow rounds and clips eight bits between its two passes
    assert np.abs(made / (257 if deep else 1) - expected.astype(float)).mean() <= (0.35 if deep else 0)


def test_the_inputs_are_not_written_into(photo):
    photo.setflags(write=False) if photo.flags.owndata else None
    before = photo.copy()
    scored(photo, photo, "mse", "ssim", "l1")
    assert (photo == before).all()


def test_a_tensor_has_the_pictures_values_between_0_and_1(photo):
    made = tensor(photo)
    assert made.shape == (1, 3, 512, 512)
    assert torch.allclose(made[0].permute(1, 2, 0), torch.from_numpy(photo / 255).float())
    assert tensor(photo[..., 0]).shape == (1, 1, 512, 512)


def test_an_automatic_trimap_leaves_the_band_around_the_edge(photo):
    matte = np.zeros((64, 64), np.uint8)
    matte[:, 32:] = 255
    settings = ScoreSettings(find(["alpha-mad"]), (MINE,), trimap="auto")
    region = Scene(Record("x", {"true_alpha": Path("a")}), {"true_alpha": Picture(matte)}, settings).region()
    assert region[:, 28:36].any()
    assert not region[:, :24].any()
    assert not region[:, 40:].any()


def test_systems_are_called_by_their_folders_last_name_or_as_typed(tmp_path):
    assert name_systems(["a/one/", "two=b/x"]) == [("one", "a/one/"), ("two", "b/x")]
    assert name_systems(["a/out", "b/out"]) == [("a/out", "a/out"), ("b/out", "b/out")]
    (tmp_path / "x=y").mkdir()
    assert name_systems([str(tmp_path / "x=y")]) == [("x=y", str(tmp_path / "x=y"))]
    with pytest.raises(UsageError, match="two systems are called 'a'"):
        name_systems(["a=x", "a=y"])


def test_records_meet_by_key_and_what_is_missing_is_an_error_of_its_own():
    truth = [Record(key, {"true": Path(f"t/{key}")}) for key in "ab"]
    mine = [Record(key, {"first": Path(f"m/{key}")}) for key in "bc"]
    joined = {record.key: record for record in join(truth, {MINE: mine}, {})}
    assert joined["a"].error == "mine has no picture 'a'"
    assert joined["b"].paths[MINE.role()] == Path("m/b")
    assert not joined["b"].error
    assert joined["c"].error == "it has no truth"
