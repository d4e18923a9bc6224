"""A real browser for the pages that eval writes, without a network, or a skip that says why; results to report."""

import shutil
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from bgswap.evaluation.metric import find
from bgswap.evaluation.report.thumbnails import outline, small
from bgswap.evaluation.results import Results, Row

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium, one for all tests. Skips without Playwright, or without a browser on PATH."""
    driver = pytest.importorskip("playwright.sync_api", reason="pages are tested by Playwright: pip install playwright")
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"pages are tested in a browser, and none of {', '.join(BROWSERS)} is on PATH: install chromium")
    with driver.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def browser_page(browser: Any) -> Iterator[tuple[Any, list[str]]]:
    """A fresh page of 1400 x 900 that reaches files alone, and the list of all that goes wrong on it.

    The list gets console errors and warnings (broken policies among them), uncaught errors, dialogs, and every address
    beyond the disk that the page asks for; a test ends with `assert not wrong`.
    """
    context = browser.new_context(viewport={"width": 1400, "height": 900}, accept_downloads=True)
    wrong: list[str] = []

    def decide(route: Any) -> None:
        if route.request.url.startswith(("file:", "data:", "blob:")):
            route.continue_()
        else:
            wrong.append(f"network: {route.request.url}")
            route.abort()

    context.route("**/*", decide)
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(f"uncaught: {error}"))

    def dismiss(dialog: Any) -> None:
        wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    page.on("dialog", dismiss)
    yield page, wrong
    context.close()


HOSTILE_KEY = "set/<img src=x onerror=alert(1)>.jpg"
HOSTILE_FIELD = "</script><script>alert(2)</script>"


@pytest.fixture(scope="session")
def reported(photo: NDArray[np.uint8]) -> Results:
    """Nine crops of a real photo, in three systems; a hostile name and field; one score that is NaN; a spectrum.

    The scores by hand: "ours" has mse 0, 10, .. 80 in the order of keys, "blurred" 80, 70, .. 0, the do-nothing row 40
    everywhere, but on the fourth picture NaN.
    """
    mask = np.zeros((200, 150), np.uint8)
    mask[50:150, 30:120] = 255
    rows = []
    for n in range(9):
        true = photo[n * 30 : n * 30 + 200, 100:250]
        given = np.where(mask[..., None] > 0, true // 2, true)
        blurred = cv2.GaussianBlur(true, (0, 0), 3)
        shown = {"input": given, "do nothing": given, "blurred": blurred, "ours": true, "true": true}
        scores = {
            "do nothing": {"mse": float("nan") if n == 3 else 40.0},
            "blurred": {"mse": 80.0 - 10 * n},
            "ours": {"mse": 10.0 * n},
        }
        key = HOSTILE_KEY if n == 5 else f"set/{n}.jpg"
        fields = {"clothes": "coat" if n % 2 else "dress", "note": HOSTILE_FIELD if n == 2 else "plain"}
        pictures = {name: small(pixels, 150) for name, pixels in shown.items()}
        rows.append(Row(key, scores, fields, pictures, (200, 150), outline(mask)))
    curves = {name: {"brightness": ([0.0, 0.5, 1.0], [1.0, 0.1 * n, 0.01])} for n, name in enumerate(("ours", "true"))}
    return Results(
        ("do nothing", "blurred", "ours"), find(["mse"]), rows, ("do nothing",), curves=curves, notes=("mse: 0..255",)
    )
