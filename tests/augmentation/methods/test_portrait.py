"""Portraits cut from whole people: where the window lies, and that heads come to its middle."""

import dataclasses
import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bgswap.augmentation import samples
from bgswap.augmentation.fly import make_one
from bgswap.augmentation.methods import portrait
from bgswap.augmentation.ranges import RANGES, FrameRanges, PortraitRanges
from bgswap.augmentation.samples import SampleSettings
from bgswap.errors import PictureError

STANDING = (600, 400), (50.0, 120.0, 580.0, 300.0)  # photo, box of a whole figure: 530 pixels, a head of 66
PLAIN = {"aside": 0.0, "head": (0.125, 0.125), "headroom": (0.3, 0.3), "shoulders": (0.6, 0.6)}


def windows(size, box, aspect=1.0, count=50, **ranges):
    chosen = PortraitRanges(**ranges)
    return [portrait.draw_window(random.Random(i), size, box, aspect, chosen) for i in range(count)]


def test_a_window_holds_head_and_shoulders_and_no_waist():
    for top, left, tall, wide in windows(*STANDING):
        assert 50 - 0.5 * 66 <= top < 50
        assert 1.4 * 66 < top + tall - 50 < 2.0 * 66  # a waist is three heads down
        assert wide == pytest.approx(tall)
        assert abs(left + wide / 2 - 210) <= 0.021 * wide


def test_the_numbers_of_a_window_are_heads():
    head = 530 / 8
    (window,) = windows(*STANDING, count=1, **PLAIN)
    assert window == pytest.approx((50 - 0.3 * head, 210 - 0.95 * head, 1.9 * head, 1.9 * head))


def test_of_someone_cut_below_the_whole_figure_is_assumed():
    (window,) = windows((400, 500), (50.0, 100.0, 400.0, 400.0), count=1, **PLAIN)
    assert window[2] == pytest.approx(1.9 * 3.2 * 300 / 8)
    (window,) = windows((401 + 5, 500), (50.0, 100.0, 400.0, 400.0), count=1, **PLAIN)  # feet are seen: someone stout
    assert window[2] == pytest.approx(1.9 * 350 / 8)


@given(
    height=st.integers(1, 900),
    width=st.integers(1, 900),
    edges=st.lists(st.floats(0, 1), min_size=4, max_size=4),
    aspect=st.floats(0.3, 3.0),
    seed=st.integers(0, 10_000),
)
def test_a_window_is_always_inside_the_photo(height, width, edges, aspect, seed):
    top, bottom = sorted(edge * height for edge in edges[:2])
    left, right = sorted(edge * width for edge in edges[2:])
    box = (top, left, bottom, right)
    y, x, tall, wide = portrait.draw_window(random.Random(seed), (height, width), box, aspect, PortraitRanges())
    assert -1e-6 <= y <= y + tall <= height + 1e-6
    assert -1e-6 <= x <= x + wide <= width + 1e-6
    assert wide / tall == pytest.approx(aspect)


@pytest.mark.parametrize("name", [one.name for one in dataclasses.fields(PortraitRanges) if one.name != "centered"])
def test_every_range_of_the_window_changes_it(name):
    value = getattr(PortraitRanges(), name)
    other = 0.3 if isinstance(value, float) else (value[1] + 0.1, value[1] + 0.2)
    assert windows(*STANDING, count=3) != windows(*STANDING, count=3, **{name: other})


def leaning():
    """A photo whose colors tell columns, and a person of 40 to 260 whose head is at 50 to 80, the box at 40 to 120."""
    photo = np.zeros((300, 200, 3), np.uint8)
    photo[...] = np.arange(200)[None, :, None]
    matte = np.zeros((300, 200), np.uint8)
    matte[40:70, 50:80] = 255
    matte[70:260, 40:120] = 255
    return {"photo": photo, "foreground": np.dstack([photo, matte])}


@pytest.mark.parametrize(("centered", "middle"), [(1.0, 65), (0.0, 80), (0.5, 72)])
def test_the_head_comes_to_the_middle_as_far_as_asked(centered, middle):
    made, line = make_one(leaning(), [], "portrait", {"size": 33, "flip": 0, "aside": 0.0, "centered": centered})
    assert line["parameters"]["portrait"] == {"centered": centered}
    assert made["portrait"].shape == (33, 33, 3)
    assert float(made["portrait"][16, 16, 0]) == pytest.approx(middle, abs=1)


def test_a_head_at_the_border_is_filled_by_reflection():
    read = leaning()
    read["foreground"][..., 3] = 0
    read["foreground"][40:70, 0:20, 3] = 255
    read["foreground"][70:260, 0:80, 3] = 255  # the head's middle is at 10, the box's at 40
    made, _ = make_one(read, [], "portrait", {"size": 64, "flip": 0, "aside": 0.0})
    row = made["portrait"][32, :, 0].astype(int)
    assert row.min() == 0
    assert row[0] > 5  # columns count down to the border, and up again
    assert abs(row[32] - 10) <= 2


def test_a_mirrored_portrait_is_the_other_mirrored():
    one, other = (make_one(leaning(), [], "portrait", {"size": 32, "flip": flip})[0]["portrait"] for flip in (0, 1))
    assert np.array_equal(one[:, ::-1], other)


def test_heads_of_real_people_come_to_the_middle(street):
    """The matte's middle in the rows of the head, of 64: nearer than without, and near."""
    aside = {0.0: [], 1.0: []}
    for photo, mask in street:
        seen = np.dstack([mask] * 3)  # the mask in place of the photo shows where its person comes to stand
        for centered, found in aside.items():
            options = {"size": 64, "flip": 0, "aside": 0.0, "centered": centered}
            made, _ = make_one({"photo": seen, "foreground": np.dstack([photo, mask])}, [], "portrait", options)
            head = made["portrait"][16:28, :, 0].astype(float).sum(0)
            found.append(abs(float((head * (np.arange(64) + 0.5)).sum() / head.sum()) - 32))
    assert max(aside[1.0]) < 3
    assert sum(aside[1.0]) < sum(aside[0.0])


def test_a_portrait_of_nobody_is_refused():
    read = leaning()
    read["foreground"][..., 3] = 0
    with pytest.raises(PictureError, match="shows nobody"):
        make_one(read, [], "portrait", {})


def test_a_sample_is_made_again_from_its_json_line_and_nothing_is_written_into_the_pictures():
    read, settings = leaning(), SampleSettings(("portrait",), size=(24, 24), frame=FrameRanges(flip=0.5))
    before = {role: pixels.copy() for role, pixels in read.items()}
    made = samples.make(read, "picture", 3, settings)
    again = samples.apply(read, made.fields["parameters"], settings, samples.Tools())
    assert tuple(made.pictures) == portrait.OUTPUTS
    assert torch.equal(made.pictures["portrait"], again.pictures["portrait"])
    assert all(np.array_equal(read[role], pixels) for role, pixels in before.items())


def test_it_is_a_method_with_ranges():
    assert RANGES["portrait"] is PortraitRanges
