"""The report in a real browser: from disk, without a network, by mouse and by keys."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bgswap.evaluation.report.report import page as report
from bgswap.evaluation.results import Results
from tests.evaluation.conftest import HOSTILE_FIELD, HOSTILE_KEY

Opened = tuple[Any, list[str]]


@pytest.fixture(scope="module")
def address(reported: Results, tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(report(reported, by="clothes", title="A report"), "utf-8")
    return path.as_uri()


@pytest.fixture
def opened(browser_page: Opened, address: str) -> Opened:
    page, wrong = browser_page
    page.goto(address)
    return page, wrong


def keys_shown(page: Any) -> list[str]:
    return page.locator(".cell .name").all_text_contents()


def by_key(page: Any, key: str) -> None:
    page.locator(f'.cell[title="{key}"]').click()
    page.locator("#viewer").wait_for(state="visible")


def settled(page: Any) -> None:
    """Wait until what was asked for is drawn."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def layers(page: Any) -> list[dict[str, float]]:
    """Where every pane's picture stands within its pane."""
    return page.evaluate("""() => [...document.querySelectorAll('.port')].map((port) => {
        const [a, b] = [port, port.firstElementChild].map((one) => one.getBoundingClientRect());
        return { x: b.x - a.x, y: b.y - a.y, width: b.width, height: b.height };
    })""")


def same(boxes: list[dict[str, float]]) -> bool:
    return all(abs(box[side] - boxes[0][side]) < 0.01 for box in boxes for side in box)


def test_it_opens_from_disk_without_a_complaint_and_every_plot_is_drawn(opened: Opened) -> None:
    page, wrong = opened
    for name in ("summary", "groups", "paired", "worst", "distributions", "scatter", "spectra", "pictures"):
        page.locator(f"#{name}").scroll_into_view_if_needed()
        assert page.locator(f"#{name} h2").first.is_visible(), name
    page.locator("#spectra svg .curve").first.wait_for(state="attached")
    assert page.locator("#distributions .dots").count() == 3
    assert page.locator("#scatter .dots").get_attribute("d").count("M") == 8  # the fourth has no do-nothing score
    assert page.locator("#spectra .chart .curve").count() == 2
    assert wrong == []


def test_names_and_fields_are_text_and_run_nothing(opened: Opened) -> None:
    page, wrong = opened
    assert HOSTILE_KEY in keys_shown(page)
    by_key(page, HOSTILE_KEY)
    assert page.locator("#shown").inner_text() == HOSTILE_KEY
    page.keyboard.press("Escape")
    page.locator("#viewer").wait_for(state="hidden")
    by_key(page, "set/2.jpg")
    assert HOSTILE_FIELD in page.locator("#about").inner_text()
    assert page.locator("img[src=x]").count() == 0
    assert wrong == []


def test_the_summary_marks_the_best_by_more_than_weight_and_tells_counts(opened: Opened) -> None:
    page, _ = opened
    head, *lines = page.locator("#summary table tr").all()
    assert "levels²" in head.inner_text()
    assert head.locator("[aria-label='lower is better']").count() == 1
    # means of 0, 10 .. 80 are 40 in both systems, and 40 of the do-nothing row: no best
    assert page.locator("#summary [aria-label=best]").count() == 0
    assert "of 8 pictures" in lines[0].inner_text()
    # among coats (1, 3, 5, 7) ours has 10, 30, 50, 70, blurred 70, 50, 30, 10; among dresses both 40 as well
    assert [line.locator("th").first.inner_text().split("\n")[0] for line in lines] == ["do nothing", "blurred", "ours"]
    assert page.locator("#summary tbody.baselines tr").count() == 1


def test_a_score_that_is_nan_shows_as_a_dash(opened: Opened) -> None:
    page, _ = opened
    page.select_option("#by-metric", label="mse")
    page.select_option("#by-system", label="do nothing")
    assert page.locator('.cell[title="set/3.jpg"] .score').text_content() == "mse –"
    assert keys_shown(page)[-1] == "set/3.jpg"  # last in either direction
    page.select_option("#by-way", label="best first")
    assert keys_shown(page)[-1] == "set/3.jpg"


def test_sorting_follows_the_numbers_in_both_directions(opened: Opened, reported: Results) -> None:
    page, _ = opened
    keys = [row.key for row in reported.rows]
    assert keys_shown(page) == keys
    page.select_option("#by-metric", label="mse")
    page.select_option("#by-system", label="ours")  # 0, 10, .. 80 in the order of keys, lower is better
    assert keys_shown(page) == keys[::-1]
    page.select_option("#by-way", label="best first")
    assert keys_shown(page) == keys
    page.select_option("#by-system", label="blurred")
    assert keys_shown(page) == keys[::-1]


def test_the_filter_finds_names_and_fields(opened: Opened) -> None:
    page, _ = opened
    page.fill("#filter", "COAT set/")
    assert keys_shown(page) == ["set/1.jpg", "set/3.jpg", HOSTILE_KEY, "set/7.jpg"]
    assert page.locator("#found").inner_text() == "4 of 9 pictures"


def test_keys_go_through_the_pictures_in_the_chosen_order(opened: Opened) -> None:
    page, wrong = opened
    page.select_option("#by-metric", label="mse")
    page.select_option("#by-system", label="ours")
    by_key(page, "set/8.jpg")
    seen = []
    for key in ("ArrowRight", "j", "k", "ArrowLeft", "ArrowLeft"):
        page.keyboard.press(key)
        settled(page)
        seen.append(page.locator("#shown").inner_text())
    assert seen == ["set/7.jpg", "set/6.jpg", "set/7.jpg", "set/8.jpg", "set/8.jpg"]
    page.keyboard.press("Escape")
    page.locator("#viewer").wait_for(state="hidden")
    page.locator('.cell:focus[title="set/8.jpg"]').wait_for()  # where one came from
    page.keyboard.press("ArrowRight")
    page.locator('.cell:focus[title="set/7.jpg"]').wait_for()
    assert wrong == []


def test_panes_zoom_and_move_in_step(opened: Opened) -> None:
    page, wrong = opened
    by_key(page, "set/1.jpg")
    settled(page)
    titles = page.locator("#panes figcaption > b").all_inner_texts()
    assert titles == ["input (do nothing)", "blurred", "ours", "true"]
    start = layers(page)
    assert same(start)
    port = page.locator(".port").nth(1).bounding_box()
    page.mouse.move(port["x"] + 60, port["y"] + 80)
    page.mouse.wheel(0, -600)
    settled(page)
    wheeled = layers(page)
    assert same(wheeled)
    factor = wheeled[0]["width"] / start[0]["width"]
    assert factor > 2
    assert 60 - wheeled[1]["x"] == pytest.approx((60 - start[1]["x"]) * factor, abs=0.1)  # it stays under the pointer
    page.mouse.down()
    page.mouse.move(port["x"] + 20, port["y"] + 50)
    page.mouse.up()
    dragged = layers(page)
    assert same(dragged)
    assert dragged[0]["x"] - wheeled[0]["x"] == pytest.approx(-40, abs=0.1)
    page.keyboard.press("0")
    assert layers(page) == start
    page.keyboard.press("+")
    assert layers(page)[0]["width"] == pytest.approx(start[0]["width"] * 1.5)
    page.keyboard.press("-")
    assert layers(page)[0]["width"] == pytest.approx(start[0]["width"])
    page.locator(".port").nth(2).dblclick()
    assert layers(page)[0]["width"] == pytest.approx(start[0]["width"] * 4)
    assert same(layers(page))
    assert wrong == []


def test_the_outline_lies_on_the_mask_in_every_pane(opened: Opened) -> None:
    page, _ = opened
    by_key(page, "set/1.jpg")
    assert page.locator(".layer svg").count() == 0
    page.keyboard.press("o")
    settled(page)
    assert page.locator(".layer svg").count() == 4
    assert page.locator("#outline").get_attribute("aria-pressed") == "true"
    share = page.evaluate("""() => {
        const layer = document.querySelector('.layer').getBoundingClientRect();
        const drawn = document.querySelector('.layer svg path').getBoundingClientRect();
        return [(drawn.x - layer.x) / layer.width, (drawn.y - layer.y) / layer.height,
                drawn.width / layer.width, drawn.height / layer.height];
    }""")
    # the mask: columns 30..119 of 150, rows 50..149 of 200; the outline runs half a pixel inside
    assert share == pytest.approx([30.5 / 150, 50.5 / 200, 89 / 150, 99 / 200], abs=0.02)
    page.keyboard.press("o")
    assert not page.locator(".layer svg").first.is_visible()


def test_the_difference_to_the_truth_is_drawn_from_the_pictures(opened: Opened, photo: NDArray[np.uint8]) -> None:
    page, wrong = opened
    by_key(page, "set/1.jpg")
    page.keyboard.press("d")
    page.locator(".layer canvas[data-drawn]").nth(2).wait_for(state="attached")
    settled(page)
    heat = page.evaluate("""() => [...document.querySelectorAll('.layer canvas')].map((one) => {
        const read = (x, y, w, h) => [...one.getContext('2d').getImageData(x, y, w, h).data];
        const mean = (list) => list.filter((_, n) => n % 4 === 0).reduce((a, b) => a + b, 0) / (list.length / 4);
        return [mean(read(30, 45, 51, 60)), mean(read(0, 0, 15, 150))];
    })""")
    assert len(heat) == 3  # the truth stays itself
    given, _, ours = heat
    # shown at 113 x 150, three quarters of the second crop; the person is given half as bright
    true = photo[30 + 60 : 30 + 140, 100 + 40 : 100 + 108].astype(float)
    expected = (
        ((true - true // 2).sum(2) * 255 / 64).clip(0, 255).mean()
    )  # 64 levels, or 192 in three channels, are white
    assert given[0] == pytest.approx(expected, abs=12)
    assert given[1] < 40  # untouched beside it, but for compression
    assert ours == [0, 0]  # the truth itself
    assert page.locator("#legend").is_visible()
    page.keyboard.press("d")
    assert not page.locator(".layer canvas").first.is_visible()
    assert wrong == []


def test_a_worst_picture_opens_and_the_next_is_the_next_worst(opened: Opened) -> None:
    page, _ = opened
    links = page.locator("#worst .cards > div").nth(2).locator("a")
    assert links.locator(".name").all_inner_texts()[:2] == ["set/8.jpg", "set/7.jpg"]
    links.first.click()
    page.locator("#viewer").wait_for(state="visible")
    page.keyboard.press("j")
    settled(page)
    assert page.locator("#shown").inner_text() == "set/7.jpg"
    assert page.locator("#position").inner_text() == "2 of 9"


def test_a_dot_tells_its_picture_and_opens_it(opened: Opened) -> None:
    page, _ = opened
    page.locator("#scatter").scroll_into_view_if_needed()
    page.select_option("#scatter select >> nth=1", label="blurred")
    page.locator("#scatter svg").focus()
    page.keyboard.press("ArrowRight")  # the leftmost dot: blurred 0, ours 80
    assert page.locator("#tip").inner_text().split("\n")[0] == "set/8.jpg"
    page.keyboard.press("Enter")
    page.locator("#viewer").wait_for(state="visible")
    assert page.locator("#shown").inner_text() == "set/8.jpg"


def test_light_and_dark_follow_the_system_and_the_button(opened: Opened) -> None:
    page, wrong = opened
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(ground)
    assert light != dark
    page.click("#theme")
    assert page.evaluate(ground) == light
    page.click("#theme")
    page.emulate_media(color_scheme="light")
    assert page.evaluate(ground) == dark
    assert wrong == []


def test_the_help_opens_by_its_key_and_closes(opened: Opened) -> None:
    page, wrong = opened
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("Escape")
    page.locator("#help").wait_for(state="hidden")
    assert wrong == []


def test_at_400_pixels_nothing_sticks_out_sideways(opened: Opened) -> None:
    page, wrong = opened
    page.set_viewport_size({"width": 400, "height": 800})
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth") == 400
    by_key(page, "set/1.jpg")
    settled(page)
    assert page.evaluate("document.getElementById('viewer').scrollWidth") <= 400
    assert same(layers(page))
    assert layers(page)[0]["width"] > 100
    assert wrong == []


def test_an_address_with_a_picture_opens_it(browser_page: Opened, address: str) -> None:
    page, wrong = browser_page
    page.goto(f"{address}#picture-4")
    assert page.locator("#shown").inner_text() == "set/4.jpg"
    assert wrong == []
