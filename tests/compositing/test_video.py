"""Videos of composites: which frames meet, motion, sound, flicker, and what is left behind when something fails.

The clips are made from stills, so that the true mattes are known: a cut-out that moves, lossless with its alpha.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from bgswap.compositing.backdrop import blurred
from bgswap.compositing.compose import compose
from bgswap.compositing.decide import CompositeSettings, decide
from bgswap.compositing.decisions import Decisions
from bgswap.compositing.outline import trace
from bgswap.compositing.video.composite import Told, VideoDone, VideoFiles, composite_video
from bgswap.errors import PictureError, UsageError
from bgswap.folders import video

from ..folders import clips

pytest.importorskip("av")

HEIGHT, WIDTH, FRAMES = 90, 160, 25
KEEP = CompositeSettings(place="keep", shadow="none")


def cut(picture: Any) -> tuple[NDArray[np.uint8], list[str]]:
    """The clips are cut out already."""
    return picture.pixels, []


def walking(person: NDArray[np.uint8], count: int = FRAMES, noise: float = 0.0) -> list[NDArray[np.uint8]]:
    """A cut-out that goes to the right by two pixels a frame; noise: of its matte's edge, in shares."""
    small = cv2.resize(person, (60, 80), interpolation=cv2.INTER_AREA)
    random, frames = np.random.default_rng(0), []
    for number in range(count):
        frame = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
        left = 10 + 2 * number % 80
        frame[HEIGHT - 80 :, left : left + 60] = small
        if noise:
            blur = cv2.GaussianBlur(random.normal(0, noise, (HEIGHT, WIDTH)).astype(np.float32), (0, 0), 2)
            frame[..., 3] = np.clip(frame[..., 3] * (1 + 8 * blur), 0, 255)
        frames.append(frame)
    return frames


def panned(place: NDArray[np.uint8], count: int = FRAMES, flicker: float = 0.0) -> list[NDArray[np.uint8]]:
    """A camera that pans over a place; flicker: of its light, standard deviation as a share."""
    wide = cv2.resize(place, (240, 160), interpolation=cv2.INTER_AREA)
    light = 1 + flicker * np.random.default_rng(1).standard_normal(count)
    return [np.clip(wide[:HEIGHT, k % 80 : k % 80 + WIDTH] * light[k], 0, 255).astype(np.uint8) for k in range(count)]


@pytest.fixture
def people(half_length) -> list[NDArray[np.uint8]]:
    return walking(half_length)


@pytest.fixture
def person_video(tmp_path, people) -> Path:
    return clips.write(tmp_path / "person.mkv", people, sound="aac")


@pytest.fixture
def place_video(tmp_path, place) -> Path:
    return clips.write(tmp_path / "place.mkv", panned(place), sound="libopus")


@pytest.fixture
def stills(tmp_path, half_length, place) -> tuple[Path, Path]:
    Image.fromarray(half_length).save(tmp_path / "person.png")
    Image.fromarray(cv2.resize(place, (WIDTH, HEIGHT))).save(tmp_path / "place.png")
    return tmp_path / "person.png", tmp_path / "place.png"


def make(person: Path, background: Any, out: Path, settings: CompositeSettings = KEEP, **more: Any) -> VideoDone:
    return composite_video(VideoFiles(person, background, out, more.pop("mask", None)), settings, cut, **more)


def read(path: Path) -> list[NDArray[np.uint8]]:
    return [video.frame(path, number).pixels for number in range(video.count(path)[0])]


def off(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    return float(np.abs(one.astype(int) - other).mean())


def test_a_still_person_over_a_place_video_keeps_its_place_and_the_videos_sound(tmp_path, stills, place_video):
    done = make(stills[0], place_video, tmp_path / "out.mkv", mask=tmp_path / "mask.mkv")
    assert (done.frames, done.seconds) == (FRAMES, pytest.approx(1))
    assert video.count(tmp_path / "out.mkv") == (FRAMES, 25)
    masks = read(tmp_path / "mask.mkv")
    assert max(off(mask, masks[0]) for mask in masks) < 0.5
    copied = [data for _, data in clips.packets(tmp_path / "out.mkv")]
    assert copied == [data for _, data in clips.packets(place_video)][: len(copied)]
    assert len(copied) >= 49  # 20 ms each


def test_a_person_video_over_a_still_place_keeps_its_motion_and_its_sound(tmp_path, people, person_video, stills):
    done = make(person_video, stills[1], tmp_path / "out.mp4", mask=tmp_path / "mask.mp4")
    assert done.frames == FRAMES
    for mask, person in zip(read(tmp_path / "mask.mp4"), people, strict=True):
        assert off(mask[..., 0], person[..., 3]) < 1.5  # a frame earlier or later is 8 off
    copied = [data for _, data in clips.packets(tmp_path / "out.mp4")]
    assert copied == [data for _, data in clips.packets(person_video)][: len(copied)]
    assert len(copied) >= 46  # 21 ms each


def test_motion_stays_the_persons_own_where_the_place_is_fitted(tmp_path, people, person_video, stills):
    """All that differs between the true mattes and the placed ones is one affine, of the first frame."""
    decided: list[Decisions] = []
    settings = CompositeSettings(place="fit", shadow="none")
    make(person_video, stills[1], tmp_path / "out.mp4", settings, told=Told(decisions=decided.append))
    steps = np.diff([one.place.x * WIDTH for one in decided])
    assert steps == pytest.approx(2 * decided[0].place.height * HEIGHT / trace(people[0]).height, abs=0.01)
    assert np.ptp([one.place.height for one in decided]) < 1e-6


class Heard:
    def __init__(self) -> None:
        self.calls: list[tuple[int, int]] = []

    def __call__(self, done: int, total: int) -> None:
        self.calls.append((done, total))


def test_both_videos_end_with_the_shorter_one(tmp_path, people, place):
    person = clips.write(tmp_path / "person.mkv", people)
    for count in (10, 40):
        short = clips.write(tmp_path / "place.mkv", panned(place, count))
        heard = Heard()
        done = make(person, short, tmp_path / "out.mp4", told=Told(progress=heard))
        assert done.frames == min(count, FRAMES)
        assert heard.calls == [(number, done.frames) for number in range(1, done.frames + 1)]


def test_the_other_rate_is_sampled_by_time(tmp_path, people):
    """The place's frames are grays that tell their number: at 10 a second under a person of 25 a second, and at 50."""
    person = clips.write(tmp_path / "person.mkv", people)
    for rate in (10, 50):
        grays = [np.full((HEIGHT, WIDTH, 3), 4 * k, np.uint8) for k in range(rate)]
        place = clips.write(tmp_path / "place.mkv", grays, rate)
        make(person, place, tmp_path / "out.mkv")
        assert video.count(tmp_path / "out.mkv") == (FRAMES, 25)
        shown = [frame[:5].mean() / 4 for frame in read(tmp_path / "out.mkv")]
        assert shown == pytest.approx([k * rate // 25 for k in range(FRAMES)], abs=0.45)


@pytest.mark.parametrize("frame", ["background", "person"])
def test_without_smoothing_each_frame_is_the_stills_composite(tmp_path, people, place, frame):
    settings = CompositeSettings(harmonize="reinhard", strength=1, frame=frame)
    panning = [cv2.resize(one, (200, 112)) for one in panned(place)]
    person, ground = clips.write(tmp_path / "person.mkv", people), clips.write(tmp_path / "place.mkv", panning)
    make(person, ground, tmp_path / "out.mkv", settings, smooth=0)
    for found, cutout, behind in zip(read(tmp_path / "out.mkv"), people, panning, strict=True):
        made, _ = compose(cutout, behind, decide(cutout, behind, settings), settings)
        assert found.shape == made.shape
        assert off(found, made) < 4  # of the codec: thin colored lines at half the resolution


def flicker_of(path: Path, mask: Path) -> float:
    """How much the person's mean brightness changes from frame to frame, in levels."""
    light = [
        np.average(frame.mean(2), weights=matte[..., 0]) for frame, matte in zip(read(path), read(mask), strict=True)
    ]
    return float(np.abs(np.diff(light)).mean())


def test_smoothing_takes_the_places_flicker_off_the_person(tmp_path, people, place):
    settings = CompositeSettings(place="keep", shadow="none", harmonize="reinhard", strength=1)
    person = clips.write(tmp_path / "person.mkv", people)
    ground = clips.write(tmp_path / "place.mkv", panned(place, flicker=0.15))
    found = []
    for smooth in (0, 1):
        make(person, ground, tmp_path / "out.mkv", settings, smooth=smooth, mask=tmp_path / "mask.mkv")
        found.append(flicker_of(tmp_path / "out.mkv", tmp_path / "mask.mkv"))
    assert found[1] < 0.4 * found[0]


def test_a_noisy_matte_does_not_shake_the_person_when_smoothed(tmp_path, half_length, stills):
    """The box of a matte with noise jumps by pixels; held, the person is not scaled anew in every frame."""
    standing = [walking(half_length, 1)[0].copy() for _ in range(12)]
    random = np.random.default_rng(0)
    for frame in standing:  # hair that comes and goes
        frame[10 - random.integers(0, 8) : 14, 40:44] = (90, 60, 40, 255)
    person = clips.write(tmp_path / "person.mkv", standing)
    settings, spread = CompositeSettings(place="0.5,0.95,0.6"), []
    for smooth in (0, 1):
        decided: list[Decisions] = []
        make(person, stills[1], tmp_path / "out.mp4", settings, smooth=smooth, told=Told(decisions=decided.append))
        boxes = [trace(frame) for frame in standing]
        spread.append(np.ptp([one.place.height / box.height for one, box in zip(decided, boxes, strict=True)]))
    assert spread[0] > 0.0005  # share of the frame that a pixel of the photo covers: 0.0075
    assert spread[1] < 1e-9


def test_the_number_of_threads_changes_nothing(tmp_path, people, place):
    person = clips.write(tmp_path / "person.mkv", [np.zeros_like(people[0])] * 3 + people)
    ground = clips.write(tmp_path / "place.mkv", panned(place, 28, flicker=0.1))
    settings = CompositeSettings(harmonize="reinhard")
    for jobs in (1, 4):
        make(person, ground, tmp_path / f"{jobs}.mp4", settings, jobs=jobs)
    assert (tmp_path / "1.mp4").read_bytes() == (tmp_path / "4.mp4").read_bytes()


def test_saved_decisions_given_again_make_the_same_video(tmp_path, person_video, place_video):
    saved: list[Decisions] = []
    settings = CompositeSettings(harmonize="reinhard")
    make(person_video, place_video, tmp_path / "one.mp4", settings, told=Told(decisions=saved.append))
    assert [one.key for one in saved] == [f"{number:06d}" for number in range(FRAMES)]
    assert saved[7].person == f"{person_video}/7"  # a picture that --person takes
    make(person_video, place_video, tmp_path / "two.mp4", given=lambda number: saved[number])
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()


def test_frames_of_nobody_show_the_place_and_are_told_once(tmp_path, people, stills):
    empty = np.zeros_like(people[0])
    person = clips.write(tmp_path / "person.mkv", [empty, *people[:3], empty, *people[3:6]])
    done = make(person, stills[1], tmp_path / "out.mp4")
    frames = read(tmp_path / "out.mp4")
    behind = np.asarray(Image.open(stills[1]))
    assert max(off(frames[0], behind), off(frames[4], behind)) < 5
    assert off(frames[3], behind) > 8
    assert [text for text in done.warnings if "no person" in text] == [
        "there is no person in the cut-out: the place is left as it is"
    ]


def test_a_cut_in_the_persons_video_begins_anew(tmp_path, half_length, people, stills):
    """After the cut the person is twice as big, and is fitted again instead of being held at the first shot's scale."""
    other = cv2.resize(half_length[:256, 96:416], (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    other[..., :3] = 255 - other[..., :3]
    person = clips.write(tmp_path / "person.mkv", [*people[:5], other, other])
    decided: list[Decisions] = []
    make(person, stills[1], tmp_path / "out.mp4", CompositeSettings(), told=Told(decisions=decided.append))
    alone = decide(other, np.asarray(Image.open(stills[1])), CompositeSettings()).place
    assert decided[5].place.height == pytest.approx(alone.height, rel=0.02)
    assert decided[5].place.y == pytest.approx(alone.y, abs=0.02)


def test_the_persons_own_place_blurred_makes_a_video_without_another_file(tmp_path, photo, half_length):
    frames = [np.ascontiguousarray(photo[k : k + 200, k : k + 300]) for k in range(6)]
    person = clips.write(tmp_path / "person.mkv", frames)
    mattes = [np.dstack([f, half_length[k : k + 200, k : k + 300, 3]]) for k, f in enumerate(frames)]

    def own(picture: Any) -> tuple[NDArray[np.uint8], list[str]]:
        errors = [off(picture.rgb, frame) for frame in frames]
        return mattes[int(np.argmin(errors))], []

    def behind(picture: NDArray[np.uint8], person: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return blurred(picture, person[..., 3])

    settings = CompositeSettings(frame="person", place="keep", shadow="none")
    done = composite_video(VideoFiles(person, behind, tmp_path / "out.mp4"), settings, own)
    assert done.frames == 6
    found, alpha = video.frame(tmp_path / "out.mp4", 4).pixels, mattes[4][..., 3]
    assert np.abs(found.astype(int) - frames[4])[alpha == 255].mean() < 3
    assert np.abs(found.astype(int) - frames[4])[alpha == 0].mean() > 8


def test_a_damaged_frame_is_named_with_its_file_and_leaves_nothing(tmp_path, photo, stills):
    frames = [np.ascontiguousarray(photo[2 * k : 2 * k + 96, 5 * k : 5 * k + 128]) for k in range(30)]
    options = {"g": "10", "bf": "0", "sc_threshold": "0"}
    path = clips.write(tmp_path / "place.mkv", frames, codec=("libx264", "yuv420p"), options=options)
    (tmp_path / "out").mkdir()
    with pytest.raises(PictureError, match=r"place\.mkv: its frame 13 cannot be decoded"):
        make(stills[0], clips.spoiled(path, 13), tmp_path / "out" / "out.mp4", mask=tmp_path / "out" / "mask.mp4")
    assert list((tmp_path / "out").iterdir()) == []


def test_an_interrupt_leaves_nothing(tmp_path, person_video, stills):
    def stop(done: int, total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    (tmp_path / "out").mkdir()
    with pytest.raises(KeyboardInterrupt):
        make(person_video, stills[1], tmp_path / "out" / "out.mp4", told=Told(progress=stop), jobs=2)
    assert list((tmp_path / "out").iterdir()) == []


def test_an_odd_size_is_told(tmp_path, person_video, place):
    Image.fromarray(place[:91, :161]).save(tmp_path / "odd.png")
    done = make(person_video, tmp_path / "odd.png", tmp_path / "out.mp4")
    assert done.warnings == ("H.264 has even sides only: cropped from 161x91 to 160x90; .webm keeps all",)


def test_two_stills_and_names_that_clash_are_refused(tmp_path, stills, person_video):
    with pytest.raises(UsageError, match="neither the person nor the place is a video"):
        make(*stills, tmp_path / "out.mp4")
    with pytest.raises(UsageError, match="named twice"):
        make(person_video, stills[1], person_video)
    with pytest.raises(UsageError, match="named twice"):
        make(person_video, stills[1], tmp_path / "out.mp4", mask=tmp_path / "out.mp4")


def test_eval_draws_the_spectra_of_all_videos_given(tmp_path, person_video, place):
    """Seed 003's figure 8: brightness of person and place by frequency, a line a system."""
    pytest.importorskip("jinja2")
    from click.testing import CliRunner

    from bgswap.cli import main

    ground = clips.write(tmp_path / "place.mkv", panned(place, flicker=0.15))
    settings = CompositeSettings(place="keep", shadow="none", harmonize="reinhard", strength=1)
    for smooth in (0, 1):
        make(
            person_video, ground, tmp_path / f"{smooth}.mp4", settings, smooth=smooth, mask=tmp_path / f"m{smooth}.mp4"
        )
    systems = [f"independent={tmp_path / '0.mp4'}", f"smoothed={tmp_path / '1.mp4'}"]
    report = ["--metric", "spectrum", "--mask", str(tmp_path / "m1.mp4"), "--html", str(tmp_path / "report.html")]
    ended = CliRunner().invoke(main, ["eval", *systems, *report, "-q"])
    assert ended.exit_code == 0, ended.output
    page = (tmp_path / "report.html").read_text()
    for name in ("person", "place"):
        lines = page.partition(f'{{"name":"{name}","lines":')[2].partition("]}]}")[0]
        assert '"system":"independent"' in lines
        assert '"system":"smoothed"' in lines


PEAK = """
import sys, resource
from pathlib import Path
from bgswap.compositing.decide import CompositeSettings
from bgswap.compositing.video.composite import VideoFiles, composite_video
files = VideoFiles(*(Path(name) for name in sys.argv[1:4]))
composite_video(files, CompositeSettings(harmonize="reinhard"), lambda photo: (photo.pixels, []), jobs=2)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_ten_times_the_frames_take_no_more_memory(tmp_path, half_length, place):
    peaks = []
    for count in (60, 600):
        person = clips.write(tmp_path / "person.mkv", walking(half_length, count))
        ground = clips.write(tmp_path / "place.mkv", panned(place, count))
        command = [sys.executable, "-c", PEAK, str(person), str(ground), str(tmp_path / "out.mp4")]
        ended = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks.append(int(ended.stdout) / 1024)
    assert peaks[1] < peaks[0] + 16  # MiB; all pictures of 540 frames more would be 90
