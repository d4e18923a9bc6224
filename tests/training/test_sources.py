"""Samples for training are augment's: its files, or the same made on the fly."""

import json
import shutil
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch

import bgswap
from bgswap.augmentation.fly import OnTheFly
from bgswap.augmentation.samples import SampleSettings
from bgswap.augmentation.sources import Choice
from bgswap.augmentation.stage import AugmentStage
from bgswap.errors import PictureError, UsageError
from bgswap.folders import picture
from bgswap.training import sources, stored
from bgswap.training.recipes.people import RECIPE
from bgswap.training.sources import Photos, SampleFolder, SourceOptions, open_source
from bgswap.zoo.choice import ModelOptions
from tests.commands.harness import call

SIZE = (48, 64)
ROLES = {
    "matting": ("image", "alpha_true"),
    "frames": ("composite", "alpha", "composite_true", "flow_true"),
    "placement": ("foreground", "mask", "plate", "composite_true"),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory, photo):
    """Three crops of the astronaut: photos/, mattes/, and photos/ again as places and plates."""
    top = tmp_path_factory.mktemp("sources")
    cut = np.asarray(bgswap.matte(photo))
    for name, part in {"a": np.s_[:400, :400], "b": np.s_[:, 60:420], "c": np.s_[20:300, 80:380]}.items():
        for kind, pixels in {"photos": photo, "mattes": cut[..., 3], "cutouts": cut}.items():
            path = top / kind / f"{name}.png"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(picture.encode(np.ascontiguousarray(pixels[part]), "png"))
    return top


def recipe(method="matting", **more):
    """The people recipe, with another method's samples."""
    fields = ("box_true",) if method == "placement" else ()
    made = replace(RECIPE, settings=replace(RECIPE.settings, size=(SIZE,), batch=(4,), shares=(), seed=5))
    made = replace(made, samples=lambda settings, size: SampleSettings((method,), settings.seed, size))
    return replace(made, roles=ROLES[method], fields=fields, **more)


def opened(folder, wanted=None, **options):
    wanted = wanted or recipe()
    return open_source(folder, wanted, wanted.settings, SourceOptions(**options), ModelOptions())


@pytest.fixture(scope="module")
def written(home, tmp_path_factory):
    """By method: a folder of samples, two copies of each photo, as the command writes it."""
    top = tmp_path_factory.mktemp("written")
    for method in ROLES:
        done = call("augment", home / "photos", top / method, "--foreground", home / "cutouts", "--method", method,
                    "--background", home / "photos", "--plate", home / "photos", "--fill", "telea", "--seed", "5",
                    "--placement-decoys", "0", "--size", "64x48", "--copies", "2")  # fmt: skip
        assert done.status == 0, done.err
    return top


def on_the_fly(home, method="matting", **more):
    named = {"foreground": home / "cutouts", "background": home / "photos", "plate": home / "photos"}
    return opened(home / "photos", recipe(method), **named | more)


@pytest.mark.parametrize("method", ["matting", "frames"])
def test_samples_of_a_folder_are_those_made_on_the_fly_but_for_the_rounding_of_files(method, written, home):
    stored, made = opened(written / method, recipe(method)), on_the_fly(home, method)
    assert isinstance(stored, SampleFolder)
    assert isinstance(made, Photos)
    assert (len(stored), len(made)) == (6, 3)
    assert stored.photos == made.photos == ["a", "b", "c"]
    assert [stored.photo_of(index) for index in range(6)] == [0, 0, 1, 1, 2, 2]
    for index in range(6):
        files, fresh = stored.sample(index, 0, SIZE), made.sample(index // 2, index % 2, SIZE)
        assert tuple(files) == tuple(fresh) == ROLES[method]
        for role, picture_made in fresh.items():
            assert files[role].dtype == torch.float32
            assert files[role].shape == picture_made.shape
            known = fresh["flow_true"][2:] if role == "flow_true" else 1  # files hold no motion where none is known
            allowed = 1 / 128 if role == "flow_true" else 0.5 / 255
            assert float((files[role] - picture_made * known).abs().max()) <= allowed + 1e-6


@pytest.mark.parametrize("method", sorted(ROLES))
def test_every_role_has_its_channels_in_its_range(method, written):
    channels = {"alpha": 1, "alpha_true": 1, "mask": 1, "foreground": 4}
    for role, made in opened(written / method, recipe(method)).sample(0, 0, SIZE).items():
        if role == "box_true":
            assert made.shape == (5,)
        else:
            assert made.shape == (channels.get(role, 3), *SIZE)
            assert role == "flow_true" or (made.min() >= 0 and 0.1 < made.max() <= 1)


def test_what_is_kept_in_memory_changes_no_sample(home, monkeypatch):
    stage = AugmentStage(SampleSettings(("matting",), 5, SIZE))
    with sources.threads_kept():
        photos = [replace(one, paths=dict(one.paths)) for one in on_the_fly(home).records]
        fly = OnTheFly(photos, on_the_fly(home).places, Choice(seed=5), stage, keep=False)
    made = on_the_fly(home)
    monkeypatch.setattr(sources, "KEEP_BYTES", 0)
    forgetful = on_the_fly(home)
    for index, copy in [(0, 0), (2, 1), (0, 0), (0, 4), (1, -3)]:
        expected = fly(index, copy).pictures["image"]
        assert torch.equal(made.sample(index, copy, SIZE)["image"], expected)
        assert torch.equal(forgetful.sample(index, copy, SIZE)["image"], expected)


def test_a_folder_larger_than_the_memory_for_it_gives_the_same_samples(written, monkeypatch):
    whole = opened(written / "matting")
    monkeypatch.setattr(sources, "KEEP_BYTES", 2 * 48 * 64 * 4)  # two samples
    some = opened(written / "matting")
    for size in (SIZE, (24, 32), SIZE):
        for index in (0, 1, 2, 3, 2, 0):
            assert torch.equal(some.sample(index, 0, size)["image"], whole.sample(index, 0, size)["image"])


def test_samples_that_fit_are_read_once_and_those_of_a_size_before_make_room(written, tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "KEEP_BYTES", 2 * 48 * 64 * 4)  # two samples
    shutil.copytree(written / "matting", tmp_path / "samples")
    source = opened(tmp_path / "samples")
    larger = (48, 48)
    for index, size in ((0, SIZE), (1, SIZE), (2, SIZE), (0, larger), (1, larger)):
        source.sample(index, 0, size)
    shutil.rmtree(tmp_path / "samples")
    for index in (0, 1):
        assert source.sample(index, 0, larger)
        with pytest.raises(PictureError):
            source.sample(index, 0, SIZE)
    with pytest.raises(PictureError):
        source.sample(2, 0, SIZE)


def test_the_place_of_a_person_is_five_numbers(written, home):
    line = json.loads((written / "placement/metadata.jsonl").read_text().splitlines()[1])
    told = opened(written / "placement", recipe("placement")).sample(1, 0, SIZE)["box_true"]
    assert told.tolist() == pytest.approx([float(value) for value in line["box_true"]])
    copy = line["copy"]
    placed = recipe(
        "placement", samples=lambda s, size: SampleSettings(("placement",), s.seed, size, ranges=(_alone(),))
    )
    made = opened(home / "photos", placed, foreground=home / "cutouts", plate=home / "photos")
    assert made.sample(0, copy, SIZE)["box_true"].tolist() == pytest.approx(told.tolist())


def _alone():
    from bgswap.augmentation.ranges import PlacementRanges

    return PlacementRanges(decoys=0)


def test_samples_of_another_size_are_cropped_to_shape_and_shrunk_by_area_means(written):
    source = opened(written / "matting")
    whole, small = source.sample(0, 0, SIZE)["image"], source.sample(0, 0, (24, 24))["image"]
    means = torch.nn.functional.avg_pool2d(whole[:, :, 8:56], 2)
    assert float((small - means).abs().max()) <= 0.5 / 255 + 1e-6
    source.sample(1, 0, (24, 24))
    assert source.notes == ["samples are stored at 64x48: for 24x24 they are cropped to shape and resized"]
    assert source.sample(0, 0, (96, 128))["image"].shape == (3, 96, 128)


def test_flow_and_place_are_told_in_the_new_size(written):
    frames, placed = opened(written / "frames", recipe("frames")), opened(written / "placement", recipe("placement"))
    whole, small = (frames.sample(0, 0, size)["flow_true"] for size in (SIZE, (24, 32)))
    valid = small[2] > 0
    assert valid.any()
    expected = torch.nn.functional.avg_pool2d(whole[:2], 2) / 2
    assert float((small[:2] - expected)[:, valid].abs().max()) <= 1 / 64
    wide, square = (placed.sample(0, 0, size)["box_true"] for size in (SIZE, (24, 24)))
    assert square[0] == pytest.approx((float(wide[0]) * 64 - 8) / 48)
    assert square[1:].tolist() == pytest.approx(wide[1:].tolist())


def test_hidden_colors_of_a_cut_out_do_not_bleed_where_it_is_resized():
    pixels = np.zeros((8, 8, 4), np.uint8)
    pixels[:, :4] = (200, 100, 50, 255)
    pixels[:, 4:, 1] = 255  # green under an alpha of 0
    fitted = stored.fitted("foreground", pixels, (2, 2))
    assert fitted[0, 0].tolist() == [200, 100, 50, 255]
    assert fitted[0, 1].tolist() == [0, 0, 0, 0]
    half = stored.fitted("foreground", pixels[:, 2:6], (2, 1))
    assert half[0, 0].tolist() == [200, 100, 50, 128]


def test_deep_files_keep_their_depth(written, tmp_path):
    shutil.copytree(written / "matting", tmp_path / "deep")
    levels = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) * 20
    (tmp_path / "deep/alpha_true/a_000.png").write_bytes(picture.encode(levels, "png"))
    alpha = opened(tmp_path / "deep").sample(0, 0, SIZE)["alpha_true"]
    assert torch.equal(alpha[0], torch.from_numpy(levels.astype(np.float32) / 65535))


def test_what_a_folder_lacks_is_said_with_the_command_that_makes_it(written, tmp_path):
    with pytest.raises(UsageError, match=r"no image.*bgswap augment PHOTOS SAMPLES --method matting"):
        opened(written / "frames")
    (tmp_path / "metadata.jsonl").touch()
    with pytest.raises(UsageError, match="holds no samples"):
        opened(tmp_path)
    with pytest.raises(UsageError, match="--background and --method are for photos"):
        opened(written / "matting", background=tmp_path, methods=("matting",))
    with pytest.raises(UsageError, match="no such folder"):
        opened(tmp_path / "gone")


def test_what_photos_lack_is_said_before_anything_is_made(home, tmp_path):
    with pytest.raises(UsageError, match="--foreground"):
        opened(home / "photos")
    with pytest.raises(UsageError, match="--background"):
        opened(home / "photos", foreground=home / "cutouts")
    with pytest.raises(UsageError, match="exclude each other"):
        opened(home / "photos", foreground=home / "cutouts", alpha=home / "mattes")
    with pytest.raises(UsageError, match="--method recolor makes composite, alpha, composite_true"):
        on_the_fly(home, methods=("recolor",))
    with pytest.raises(UsageError, match="holds no pictures"):
        opened(tmp_path)
    with pytest.raises(UsageError, match="gone: no such"):
        on_the_fly(home, background=tmp_path / "gone")


def test_another_method_with_the_same_roles_may_be_named(home):
    recolored = replace(recipe(), roles=("composite", "alpha", "composite_true"))
    named = {"foreground": home / "cutouts", "methods": ("recolor", "relight")}
    made = opened(home / "photos", recolored, **named).sample(0, 0, SIZE)
    assert (made["composite"] - made["composite_true"]).abs().max() > 0.02


def test_mattes_do_as_well_as_cut_outs(home):
    source = opened(home / "photos", alpha=home / "mattes", background=home / "photos")
    other = on_the_fly(home)
    assert torch.equal(source.sample(0, 0, SIZE)["alpha_true"], other.sample(0, 0, SIZE)["alpha_true"])


def test_a_photo_without_its_matte_and_a_broken_file_fail_alone(home, written, tmp_path):
    shutil.copytree(home / "mattes", tmp_path / "mattes")
    (tmp_path / "mattes/b.png").unlink()
    source = opened(home / "photos", alpha=tmp_path / "mattes", background=home / "photos")
    with pytest.raises(PictureError, match="no alpha 'b'"):
        source.sample(1, 0, SIZE)
    assert source.sample(2, 0, SIZE)
    shutil.copytree(written / "matting", tmp_path / "samples")
    (tmp_path / "samples/image/a_001.png").write_bytes(b"no picture")
    stored = opened(tmp_path / "samples")
    with pytest.raises(PictureError, match=r"a_001\.png"):
        stored.sample(1, 0, SIZE)
    (tmp_path / "samples/alpha_true/b_000.png").write_bytes(picture.encode(np.zeros((9, 9), np.uint8), "png"))
    with pytest.raises(PictureError, match="its alpha_true is 9x9, its image 64x48"):
        stored.sample(2, 0, SIZE)
    assert stored.sample(0, 0, SIZE)


def test_samples_made_by_other_means_name_their_first_role_or_leave_it_to_the_recipe(written, tmp_path):
    shutil.copytree(written / "matting", tmp_path / "own")
    lines = [
        {"file_name": "image/a_000.png", "alpha_true_file_name": "alpha_true/a_000.png"},
        {"file_name": "image/b_000.png", "alpha_true_file_name": "alpha_true/b_000.png", "key": "shoot_001"},
        {"file_name": "image/c_000.png", "alpha_true_file_name": "alpha_true/c_000.png", "key": "c_001", "copy": 1},
    ]
    (tmp_path / "own/metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    source = opened(tmp_path / "own")
    assert source.photos == ["c", "image/a_000", "shoot_001"]  # only what augment numbered is a copy
    theirs = opened(written / "matting").sample(2, 0, SIZE)["image"]
    assert torch.equal(source.sample(2, 0, SIZE)["image"], theirs)


def test_the_fingerprint_follows_the_files_and_not_where_or_when_they_were_written(written, home, tmp_path):
    shutil.copytree(written / "matting", tmp_path / "moved", copy_function=shutil.copy)
    shutil.copytree(home / "photos", tmp_path / "photos", copy_function=shutil.copy)
    stored, made = opened(written / "matting"), on_the_fly(home)
    assert opened(tmp_path / "moved").fingerprint == stored.fingerprint
    named = {"foreground": home / "cutouts", "background": home / "photos", "plate": home / "photos"}
    assert opened(tmp_path / "photos", **named).fingerprint == made.fingerprint
    (tmp_path / "moved/image/a_000.png").write_bytes(b"other")
    assert opened(tmp_path / "moved").fingerprint != stored.fingerprint
    (tmp_path / "photos/a.png").rename(tmp_path / "photos/d.png")
    assert opened(tmp_path / "photos", **named).fingerprint != made.fingerprint


def test_steps_of_a_motion_are_copies_in_turn(home):
    from bgswap.augmentation.ranges import FramesRanges

    moved = recipe(
        "frames", samples=lambda s, size: SampleSettings(("frames",), s.seed, size, ranges=(FramesRanges(3),))
    )
    source = opened(home / "photos", moved, foreground=home / "cutouts", plate=home / "photos")
    pairs = [source.sample(0, copy, SIZE) for copy in range(4)]
    ends = [pair["composite_true"] for pair in pairs]
    assert not any(torch.equal(one, other) for one, other in combinations(ends, 2))
    roles = replace(moved, roles=(*moved.roles, "previous_composite"))
    source = opened(home / "photos", roles, foreground=home / "cutouts", plate=home / "photos")
    assert torch.equal(source.sample(0, 1, SIZE)["previous_composite"], pairs[0]["composite"])  # step 2 goes on from 1
    assert not torch.equal(source.sample(0, 3, SIZE)["previous_composite"], pairs[2]["composite"])  # another motion


def test_opening_photos_leaves_torchs_and_opencvs_threads_as_they_were(home):
    import cv2

    was, of_opencv = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(2)
    cv2.setNumThreads(2)
    try:
        on_the_fly(home).sample(0, 0, SIZE)
        assert (torch.get_num_threads(), cv2.getNumThreads()) == (2, 2)
    finally:
        torch.set_num_threads(was)
        cv2.setNumThreads(of_opencv)
