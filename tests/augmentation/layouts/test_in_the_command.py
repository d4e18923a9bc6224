"""Every layout that tells where its people are goes into `bgswap augment` as it is."""

import json

import numpy as np
import pytest

from bgswap.augmentation.flow import decode
from bgswap.folders import picture
from bgswap.folders.picture import ReadOptions
from tests.augmentation.layouts.test_coco import coco
from tests.augmentation.layouts.test_composition_1k import root as composition_1k
from tests.augmentation.layouts.test_deep_automatic_portrait_matting import portraits as deep_automatic
from tests.augmentation.layouts.test_desoba import first as desoba
from tests.augmentation.layouts.test_duts import duts
from tests.augmentation.layouts.test_eg1800 import portraits as eg1800
from tests.augmentation.layouts.test_ffhq import faces as ffhq
from tests.augmentation.layouts.test_iharmony4 import iharmony4
from tests.augmentation.layouts.test_p3m_10k import p3m
from tests.augmentation.layouts.test_ppr10k import ppr10k
from tests.augmentation.layouts.test_videos import clips, film
from tests.commands.harness import call

__all__ = [
    "clips", "coco", "composition_1k", "deep_automatic", "desoba", "duts", "eg1800", "ffhq", "iharmony4", "p3m",
    "ppr10k",
]  # fmt: skip

TREES = {
    "coco": "coco",
    "composition-1k": "composition_1k",
    "deep-automatic-portrait-matting": "deep_automatic",
    "desoba": "desoba",
    "duts": "duts",
    "eg1800": "eg1800",
    "iharmony4": "iharmony4",
    "p3m-10k": "p3m",
    "ppr10k": "ppr10k",
    "videos": "clips",
}


@pytest.mark.parametrize("layout", TREES)
def test_its_photos_become_samples_and_what_fails_is_named(layout, request, tmp_path_factory):
    tree = request.getfixturevalue(TREES[layout])
    out = tmp_path_factory.mktemp("made") / "samples"
    done = call("augment", tree, out, "--layout", layout, "--method", "recolor", "--size", "24",
                "--recolor-transfer", "0")  # fmt: skip
    lines = [json.loads(line) for line in (out / "metadata.jsonl").read_text().splitlines()]
    assert lines, done.err
    assert all((out / line["file_name"]).is_file() for line in lines)
    assert all("outline" not in line for line in lines)
    assert done.status == (1 if "failed" in done.err else 0)


def test_a_layout_without_mattes_takes_those_that_the_user_names(ffhq, tmp_path_factory):
    out = tmp_path_factory.mktemp("made") / "samples"
    needs = call("augment", ffhq, out, "--layout", "ffhq", "--method", "recolor")
    assert needs.status == 2
    assert "--foreground" in needs.err
    one = next(path for path in ffhq.rglob("*.png") if path.name[0] != ".")
    done = call("augment", ffhq, out, "--layout", "ffhq", "--method", "relight", "--alpha", one, "--size", "24")
    assert (out / "metadata.jsonl").stat().st_size > 0, done.err


def test_neighboring_frames_of_a_film_become_pairs_under_one_recolor_with_their_flow(tmp_path_factory, photo):
    pytest.importorskip("av")
    home, out = tmp_path_factory.mktemp("films"), tmp_path_factory.mktemp("made") / "samples"
    film(home / "train" / "fgr" / "walk.mp4", photo, 4)
    film(home / "train" / "pha" / "walk.mp4", photo, 4, matte=True)
    done = call("augment", home, out, "--layout", "videos", "--method", "frames", "--size", "64", "--flip", "0",
                "--recolor-transfer", "0", "--recolor-balance", "1")  # fmt: skip
    lines = [json.loads(line) for line in (out / "metadata.jsonl").read_text().splitlines()]
    assert [line["key"] for line in lines] == [f"train/walk/{number:06d}_000" for number in range(4)], done.err
    assert len({json.dumps(line["parameters"]["frames"]["recolor"]) for line in lines}) == 1
    assert len({line["previous_composite_file_name"] for line in lines}) == 4
    levels = picture.read(out / lines[2]["flow_true_file_name"], ReadOptions(depth=16)).pixels
    assert levels.dtype == np.uint16
    shift, valid = decode(levels)
    assert valid.mean() > 0.5
    assert np.abs(shift[valid]).max() < 20
