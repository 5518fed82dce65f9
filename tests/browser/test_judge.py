"""A judge in a real browser: what would go where and what it would cost is read first, what it did cost after."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from studio.runs import Run
from studio.workspace import Workspace
from tests.browser.compared import GREETS, Answerer, fill, serve_compare
from tests.browser.readable import violations
from tests.studio.judges import judgement, judging
from tests.studio.serving import Serve, serving

SLOW_MS = 60_000
SHOTS = os.environ.get("TUNESMITH_SHOTS")  # a folder for pictures of what was seen


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace.open(tmp_path_factory.mktemp("judge"))


@pytest.fixture(scope="module")
def run(home: Workspace) -> Run:
    return fill(home)


@pytest.fixture(scope="module")
def url(home: Workspace, run: Run) -> Iterator[str]:
    with serve_compare(home, Answerer()) as address:
        yield address


@pytest.fixture
def serve() -> Iterator[Serve]:
    with serving() as serve:
        yield serve


def prefers_the_ticket(first: str, second: str) -> str:
    return judgement("second", 2, 5) if first == GREETS else judgement("first", 5, 2)


def shoot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def test_tokens_and_money_are_told_before_and_after(page: Page, url: str, run: Run, serve: Serve) -> None:
    page.goto(url)
    expect(page.locator("#compare-run input")).to_have_value(re.compile("orders"), timeout=SLOW_MS)
    page.get_by_role("tab", name="Judge").click()
    page.locator("#judge-address textarea, #judge-address input").fill(serve(judging(prefers_the_ticket)))
    page.locator("#judge-model textarea, #judge-model input").fill("big")
    page.locator("#judge-many input").fill("6")
    page.locator("#judge-many input").blur()
    plan = page.locator("#judge-plan")
    expect(plan).to_contain_text("That makes 12 requests: about")
    expect(plan).not_to_contain_text("money")
    page.locator("#judge-price-in input").fill("100")
    page.locator("#judge-price-in input").blur()
    expect(plan).to_contain_text("At 100 for a million in and 0 for a million out that is about")
    page.locator("#judge-price-out input").fill("1000")
    page.locator("#judge-price-out input").blur()
    expect(plan).to_contain_text("At 100 for a million in and 1,000 for a million out that is about")
    shoot(page, "before")
    page.locator("#judge-start").click()
    state = page.locator("#judge-spent")
    expect(state).to_contain_text("It used 1,200 tokens in and 600 out", timeout=SLOW_MS)
    expect(state).to_contain_text("that is 0.72, in the money of these prices")
    expect(plan).to_contain_text("Nothing is sent: big has judged 6 questions already.")
    expect(page.locator("#judged")).to_contain_text("It used 1,200 tokens in and 600 out")
    shoot(page, "after")
    page.reload()
    page.get_by_role("tab", name="Judge").click()
    expect(page.locator("#judge-price-in input")).to_have_value("100", timeout=SLOW_MS)
    expect(plan).to_contain_text("Nothing is sent: big has judged 6 questions already.")
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            assert violations(page, "#judge-server") == [], f"{width} {scheme}"
            assert violations(page, "#judged") == [], f"{width} {scheme}"
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        shoot(page, f"{width}")
