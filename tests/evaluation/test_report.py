"""The report's page as text, and the small pictures inside it. What a browser makes of it: test_report_browser.py."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from bgswap.evaluation.metric import find
from bgswap.evaluation.report.report import contents, page
from bgswap.evaluation.report.thumbnails import SIDES, outline, side_for, small
from bgswap.evaluation.results import Results, Row
from bgswap.evaluation.statistics import duels, summaries, worst
from bgswap.folders.picture import encode, read
from tests.evaluation.conftest import HOSTILE_FIELD, HOSTILE_KEY


class Elements(HTMLParser):
    """Every element's name and attributes, and the text in scripts, by a parser that is not the browser's."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[tuple[dict[str, str | None], str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "script":
            self.inside.append((self.found[-1][1], data))


@pytest.fixture(scope="module")
def text(reported: Results) -> str:
    return page(reported, by="clothes", title="Coats & <dresses>")


def held(text: str) -> Any:
    """What the page's script is given."""
    return json.loads(next(data for attributes, data in Elements(text).inside if attributes.get("id") == "data"))


def test_the_page_holds_every_key_system_metric_and_note(text: str, reported: Results) -> None:
    given = held(text)
    assert [row["key"] for row in given["rows"]] == [row.key for row in reported.rows]
    assert [one["name"] for one in given["systems"]] == list(reported.systems)
    assert given["metrics"][0] | {"about": ""} == {
        "name": "mse", "unit": "levels²", "lower": True, "best": 0.0, "ofSet": False, "about": ""
    }  # fmt: skip
    assert given["notes"] == ["mse: 0..255"]
    assert [(one["name"], one["count"]) for one in given["groups"]] == [("", 9), ("coat", 4), ("dress", 5)]


def test_hostile_names_and_fields_stay_inside_the_json_as_text(text: str) -> None:
    assert HOSTILE_KEY not in text
    assert HOSTILE_FIELD not in text
    assert [tag for tag, _ in Elements(text).found].count("script") == 2
    assert not any(tag == "img" for tag, _ in Elements(text).found)
    given = held(text)
    assert given["rows"][5]["key"] == HOSTILE_KEY
    assert given["rows"][2]["fields"]["note"] == HOSTILE_FIELD


def test_a_title_is_text_too(text: str) -> None:
    assert "<title>Coats &amp; &lt;dresses&gt;</title>" in text


def test_the_policy_has_the_hash_of_the_script_and_lets_nothing_else_run(text: str) -> None:
    elements = Elements(text)
    policy = next(a["content"] for tag, a in elements.found if tag == "meta" and "http-equiv" in a)
    script = "".join(data for attributes, data in elements.inside if not attributes)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy is not None
    assert f"script-src 'sha256-{digest}';" in policy
    assert "default-src 'none'" in policy
    handlers = [name for _, attributes in elements.found for name in attributes if name.startswith("on")]
    assert handlers == []


def test_the_page_asks_for_nothing_from_elsewhere(text: str) -> None:
    addresses = [a[name] or "" for _, a in Elements(text).found for name in ("src", "href", "action") if name in a]
    assert all(address.startswith("#") for address in addresses), addresses
    assert set(re.findall(r"https?://[^\"'\s<)]*", text)) == {"http://www.w3.org/2000/svg"}  # a name, never fetched
    assert not re.search(r"@import|url\(", text)


def test_a_picture_that_occurs_twice_is_held_once(text: str) -> None:
    given = held(text)
    assert len(given["images"]) == 9 * 3  # input and do nothing are one, ours and true are one, and blurred
    assert all(row["pictures"][0] == row["pictures"][1] for row in given["rows"])


def test_what_has_no_value_is_null_and_never_nan_or_zero(text: str) -> None:
    given = held(text)
    assert given["rows"][3]["scores"] == [[None], [50.0], [30.0]]
    row = Row("a", {"x": {"mse": float("inf")}})
    assert contents(Results(("x", "y"), find(["mse"]), [row]))["rows"][0]["scores"] == [[None], [None]]


def test_the_statistics_are_those_of_the_tables(text: str, reported: Results) -> None:
    given = held(text)
    for one, told in zip(summaries(reported, "clothes"), given["summaries"], strict=True):
        assert reported.systems[told["system"]] == one.system
        assert (told["group"], told["count"]) == (one.group, one.count)
        assert told["mean"] == pytest.approx(one.mean, rel=1e-6)
    for one, told in zip(duels(reported), given["duels"], strict=True):
        assert (told["wins"], told["ties"], told["losses"]) == (one.wins, one.ties, one.losses)
    expected = [reported.rows.index(row) for row, _ in worst(reported, reported.metrics[0], "ours")]
    assert given["worst"][0][2] == expected == [8, 7, 6, 5, 4, 3, 2, 1, 0]


def test_no_pictures_no_scores_and_no_rows_still_make_a_page() -> None:
    assert "<html" in page(Results(("a",), find(["mse"]), [Row("k", {})]))
    assert "<html" in page(Results((), (), []))


def test_a_hundred_pictures_in_six_columns_stay_under_five_megabytes(photo: NDArray[np.uint8]) -> None:
    side = side_for(600)
    systems = ("do nothing", "a", "b", "c")
    around = outline((np.hypot(*np.ogrid[-128:128, -128:128]) < 90).astype(np.uint8) * 255)
    rows = []
    for n in range(20):  # a fifth of the hundred, five times its bytes
        crop = photo[n % 5 * 50 :, n // 5 * 60 :][:256, :256]
        columns = [crop, crop[:, ::-1], crop[::-1], 255 - crop, crop // 2, crop[::-1, ::-1]]
        shown = dict(zip(("input", *systems, "true"), (small(one, side) for one in columns), strict=True))
        rows.append(Row(f"{n}.jpg", {name: {"mse": 1.0 * n} for name in systems}, {}, shown, (256, 256), around))
    made = page(Results(systems, find(["mse"]), rows))
    assert side >= 128
    assert len(held(made)["images"]) == 120
    assert 1_000_000 < 5 * len(made) < 5_000_000


def test_small_pictures_shrink_as_more_of_them_share_the_page() -> None:
    sides = [side_for(count) for count in (0, 1, 10, 100, 1000, 10_000, 100_000)]
    assert sides == sorted(sides, reverse=True)
    assert (sides[0], sides[-1]) == (SIDES[1], SIDES[0])


def test_a_small_picture_is_the_photo_averaged_over_areas(photo: NDArray[np.uint8]) -> None:
    shown = read(small(photo[:, :256], 64)).rgb
    areas = photo[:, :256].reshape(64, 8, 32, 8, 3).mean((1, 3))  # NumPy's own block means
    assert shown.shape == (64, 32, 3)
    assert np.abs((shown - areas).mean(2)).mean() < 4.5  # levels: what WebP at this quality loses of brightness


def test_nothing_is_enlarged_and_masks_and_deep_pictures_are_taken(photo: NDArray[np.uint8]) -> None:
    assert read(small(photo[:20, :30], 100)).size == (20, 30)
    assert read(small(photo[..., 0], 50)).size == (50, 50)
    deep = read(small(photo.astype(np.uint16) * 257, 50)).rgb
    assert (deep == read(small(photo, 50)).rgb).all()


def test_transparency_shows_a_checkerboard_and_no_hidden_color() -> None:
    cutout = np.zeros((256, 256, 4), np.uint8)
    cutout[..., 0] = 255  # red everywhere, hidden on the left
    cutout[:, 128:, 3] = 255
    shown = read(small(cutout, 64)).rgb.astype(int)
    assert np.abs(shown[:8, :8] - 255).max() < 12
    assert np.abs(shown[:8, 8:16] - 204).max() < 12
    assert (shown[:, 40:, 0] > 230).all()
    assert (shown[:, 40:, 1:] < 25).all()
    assert (shown[:, :24, 0] - shown[:, :24, 1] < 25).all()


def test_leaving_the_profile_out_changes_no_pixel(photo: NDArray[np.uint8]) -> None:
    tagged, bare = encode(photo, "webp", quality=82), small(photo, 512)
    assert b"ICCP" in tagged
    assert b"ICCP" not in bare
    assert len(bare) < len(tagged) - 588
    assert (read(bare).rgb == read(tagged).rgb).all()


def test_a_rectangle_has_its_corners_for_outline() -> None:
    mask = np.zeros((100, 250), np.uint8)
    mask[20:60, 50:150] = 255  # rows 20..59, columns 50..149: middles at 20.5 and 59.5 of 100, 50.5 and 149.5 of 250
    (found,) = outline(mask)
    assert set(found) == {(0.202, 0.205), (0.202, 0.595), (0.598, 0.595), (0.598, 0.205)}


def test_a_hole_is_outlined_and_an_empty_mask_has_no_outline() -> None:
    ring = np.zeros((120, 120), np.uint8)
    cv2.circle(ring, (60, 60), 50, 255, -1)
    cv2.circle(ring, (60, 60), 20, 0, -1)
    assert len(outline(ring)) == 2
    assert outline(np.zeros((50, 50), np.uint8)) == []


def test_the_outline_of_a_large_real_mask_is_short_and_encloses_its_area(test_data: Any) -> None:
    mask = cv2.resize(read(test_data / "people/masks/0081.png").rgb[..., 0], (1708, 2560))
    found = outline(mask)
    areas = [
        abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(one, one[1:] + one[:1], strict=True))) / 2 for one in found
    ]
    assert sum(len(one) for one in found) < 400
    # the largest contour is the person, the second the gap between the legs
    assert areas[0] - areas[1] == pytest.approx((mask >= 128).mean(), rel=0.05)
