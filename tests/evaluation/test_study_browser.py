import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bgswap.evaluation.study.command import study
from bgswap.evaluation.study.draw import StudySettings
from bgswap.evaluation.study.make import Sources, make_study, write
from bgswap.folders.encode import encode

SYSTEMS = ("elm", "ash", "yew", "oak", "fir")  # brightest first
BRIGHTNESS = """() => [...document.querySelectorAll("button.frame img")].map((image) => {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, 12, 16);
  const pixels = context.getImageData(0, 0, 12, 16).data;
  return pixels.reduce((sum, value, place) => sum + (place % 4 < 3 ? value : 0), 0);
})"""


@pytest.fixture
def world(tmp_path, photo):
    """A folder of three crops of a real photo for every system, each darker than the last, and one of cut-outs."""
    made = {}
    for rank, system in enumerate(SYSTEMS):
        made[system] = tmp_path / system
        made[system].mkdir()
        for n in range(3):
            crop = photo[40 * n : 40 * n + 160, 150:270] * (1 - 0.12 * rank)
            (made[system] / f"{n}.png").write_bytes(encode(np.rint(crop).astype(np.uint8), "png"))
    return made


@pytest.fixture
def page_of_pairs(world, tmp_path) -> Path:
    out = tmp_path / "study.html"
    write(make_study(world, StudySettings(title="<b>Pictures</b>")), out)
    return out


def begin(page, file, rater):
    page.goto(file.as_uri())
    page.fill("#rater", rater)
    page.click("#start button")
    shown(page, 1)


def shown(page, number):
    """Wait for a question. Playwright's own waiting for a condition would need eval, which the page forbids."""
    page.locator("#count", has_text=re.compile(rf"^{number} of ")).wait_for()
    page.wait_for_selector('#pictures[aria-busy="false"]')


def brighter(page) -> int:
    left, right = page.evaluate(BRIGHTNESS)
    return 0 if left > right else 1


def save(page, folder: Path, button="#download") -> Path:
    with page.expect_download() as started:
        page.click(button)
    path = folder / started.value.suggested_filename
    started.value.save_as(path)
    return path


def rows_of(file: Path):
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def by_picture(page, side):
    page.locator("button.frame").nth(side).click()


def by_button(page, side):
    page.locator("figure > button:not(.frame)").nth(side).click()


def answer_all(page, file, rater, way, folder):
    """All thirty pairs, by what is seen: the brighter one is better, and of every sixth pair that cannot be told."""
    begin(page, file, rater)
    for number in range(1, 31):
        shown(page, number)
        if number % 6 == 0:
            page.click("#tie")
        else:
            way(page, brighter(page))
    page.wait_for_selector("#done:not([hidden])")
    return save(page, folder)


@pytest.mark.slow
def test_thirty_pairs_answered_by_clicks_give_the_known_order_back(browser_page, page_of_pairs, tmp_path):
    page, wrong = browser_page
    hostile, files = 'Zoë, "the" =1+1', []
    for rater, way in (("", by_picture), (hostile, by_button)):
        files.append(answer_all(page, page_of_pairs, rater, way, tmp_path))
        page.click("#next-rater")
    number = json.loads((tmp_path / "study.key.json").read_text())["study"]
    assert files[0].name.startswith(f"answers-{number}-rater-")
    assert files[1].name == f"answers-{number}-Zoë-the-1-1.csv"
    fitted = CliRunner().invoke(study, ["fit", *map(str, files), "--json"], catch_exceptions=False)
    assert [json.loads(line)["system"] for line in fitted.stdout.splitlines()] == list(SYSTEMS)
    assert "60 answers of 2 raters" in fitted.stderr
    rows = rows_of(files[1])
    assert {row["rater"] for row in rows} == {hostile}
    assert len({row["pair"] for row in rows}) == 30
    assert all(0 <= int(row["milliseconds"]) < 60_000 for row in rows)
    orders = [[row["pair"] for row in rows_of(file)] for file in files]
    assert orders[0] != orders[1]  # every rater has an order of questions
    assert not wrong


def test_undo_takes_back_answers_and_asks_the_same_pairs_again(browser_page, page_of_pairs, tmp_path):
    page, wrong = browser_page
    begin(page, page_of_pairs, "Ann")
    pictures = []
    for number, key in enumerate(("1", "2", "3"), 1):
        pictures.append(page.evaluate(BRIGHTNESS))
        page.keyboard.press(key)
        shown(page, number + 1)
    page.keyboard.press("u")
    shown(page, 3)
    assert page.evaluate(BRIGHTNESS) == pictures[2]
    page.click("#undo")
    shown(page, 2)
    assert page.evaluate(BRIGHTNESS) == pictures[1]
    page.keyboard.press("ArrowLeft")
    shown(page, 3)
    assert page.evaluate(BRIGHTNESS) == pictures[2]
    page.keyboard.press("ArrowDown")
    shown(page, 4)
    assert [row["choice"] for row in rows_of(save(page, tmp_path, "#save"))] == ["left", "left", "tie"]
    assert not wrong


def test_a_reload_goes_on_where_it_was(browser_page, page_of_pairs, tmp_path):
    page, wrong = browser_page
    begin(page, page_of_pairs, "Ann")
    page.keyboard.press("ArrowLeft")
    shown(page, 2)
    page.keyboard.press("ArrowRight")
    shown(page, 3)
    waiting = page.evaluate(BRIGHTNESS)
    page.reload()
    shown(page, 3)
    assert page.evaluate(BRIGHTNESS) == waiting
    assert [row["choice"] for row in rows_of(save(page, tmp_path, "#save"))] == ["left", "right"]
    assert not wrong


def test_a_browser_that_keeps_nothing_for_pages_from_disk_still_asks(browser_page, page_of_pairs):
    page, wrong = browser_page
    page.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw new Error('refused'); } })")
    begin(page, page_of_pairs, "Ann")
    page.keyboard.press("ArrowLeft")
    shown(page, 2)
    assert not wrong


def test_a_key_held_down_or_a_double_click_answers_one_pair(browser_page, page_of_pairs):
    page, wrong = browser_page
    begin(page, page_of_pairs, "Ann")
    page.keyboard.down("ArrowLeft")
    page.keyboard.down("ArrowLeft")  # a second down without an up is a repeat
    page.keyboard.up("ArrowLeft")
    shown(page, 2)
    frame = page.locator("button.frame").first.bounding_box()
    page.mouse.click(frame["x"] + 50, frame["y"] + 50)
    shown(page, 3)
    page.mouse.down(click_count=2)  # the second half of a double click, once the next pair is there
    page.mouse.up(click_count=2)
    assert page.evaluate("JSON.parse(Object.values(localStorage)[0]).answers.length") == 2
    assert not wrong


def test_both_pictures_have_one_size_and_zoom_at_the_same_spot(browser_page, page_of_pairs):
    page, wrong = browser_page
    for width, height in ((1400, 900), (400, 800)):
        page.set_viewport_size({"width": width, "height": height})
        begin(page, page_of_pairs, "Ann")
        left, right = (page.locator("button.frame").nth(side).bounding_box() for side in (0, 1))
        assert (left["width"], left["height"]) == (right["width"], right["height"])
        assert left["width"] / left["height"] == pytest.approx(120 / 160, abs=0.01)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.keyboard.press(" ")
        page.mouse.move(left["x"] + left["width"] * 0.25, left["y"] + left["height"] * 0.75)
        spots = page.evaluate(
            """() => [...document.querySelectorAll(".frame img")].map((image) => {
              const style = getComputedStyle(image);
              return [style.transform, ...style.transformOrigin.split(" ").map(Number.parseFloat)];
            })"""
        )
        assert spots[0] == spots[1]
        assert spots[0][0] == "matrix(2.5, 0, 0, 2.5, 0, 0)"
        assert spots[0][1:] == pytest.approx([left["width"] * 0.25, left["height"] * 0.75], abs=1)
        page.evaluate("localStorage.clear()")
    assert not wrong


def test_the_page_tells_nobody_which_system_is_which_and_shows_markup_as_text(browser_page, page_of_pairs):
    page, wrong = browser_page
    page.goto(page_of_pairs.as_uri())
    assert page.inner_text("#welcome h1") == "<b>Pictures</b>"
    told = "Object.keys(JSON.parse(document.getElementById('data').textContent))"
    assert page.evaluate(told) == ["study", "kind", "title", "question", "questions", "pictures"]
    begin(page, page_of_pairs, "<i>Ann</i>")
    images = page.locator("button.frame img")
    assert [images.nth(side).get_attribute("alt") for side in (0, 1)] == ["Left picture", "Right picture"]
    for number in range(1, 31):
        shown(page, number)
        page.keyboard.press("ArrowDown")
    page.wait_for_selector("#done:not([hidden])")
    assert "<i>Ann</i>" in page.inner_text("#summary")
    assert not wrong


def test_three_picks_in_order_give_the_known_ranks_back(browser_page, world, tmp_path):
    page, wrong = browser_page
    out = tmp_path / "top.html"
    write(make_study(world, StudySettings(kind="top3"), Sources(foreground=world["fir"])), out)
    begin(page, out, "Ann")
    for number in range(1, 4):
        shown(page, number)
        light = page.evaluate(BRIGHTNESS)
        best = sorted(range(5), key=lambda place: -light[place])[:3]
        assert page.locator("figure").count() == 6  # five results, and what was set in
        if number == 1:  # by the keyboard, with a pick taken back twice over
            page.keyboard.press(str(best[1] + 1))
            page.keyboard.press("u")
            page.keyboard.press(str(best[2] + 1))
            page.keyboard.press(str(best[2] + 1))
            for place in best:
                page.keyboard.press(str(place + 1))
            page.keyboard.press("Enter")
        else:
            for place in best:
                assert page.locator("#next").is_disabled()
                page.locator("button.frame").nth(place).click()
            page.keyboard.press(" ")  # after a click, the mouse's pick stays and Space zooms
            assert page.locator("#pictures.zoomed").count() == 1
            page.click("#next")
    page.wait_for_selector("#done:not([hidden])")
    file = save(page, tmp_path)
    fitted = CliRunner().invoke(study, ["fit", str(file)], catch_exceptions=False)
    rows = list(csv.DictReader(fitted.stdout.splitlines()))
    # every set's brightest first: 1, 2, 3 points, 8 for the others, all three sets to the first
    assert [row["system"] for row in rows[:3]] == list(SYSTEMS[:3])
    assert [float(row["score"]) for row in rows] == [1, 2, 3, 8, 8]
    assert [float(row["sets_won"]) for row in rows] == [3, 0, 0, 0, 0]
    assert not wrong
