"""A judge in a real browser: what would go where and what it would cost is read first, what it did cost after."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from studio.runs import Run
from tests.browser.compared import GREETS, arrive, open_compare, open_view
from tests.browser.readable import require_readable
from tests.studio.judges import judgement, judging
from tests.studio.serving import Serve, serving

SHOTS = os.environ.get("TUNESMITH_SHOTS")  # a folder for pictures of what was seen


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
    open_compare(page, url, "Judge")
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
    expect(state).to_contain_text("It used 1,200 tokens in and 600 out")
    expect(state).to_contain_text("that is 0.72, in the money of these prices")
    expect(plan).to_contain_text("Nothing is sent: big has judged 6 questions already.")
    expect(page.locator("#judged")).to_contain_text("It used 1,200 tokens in and 600 out")
    shoot(page, "after")
    page.reload()
    arrive(page)
    open_view(page, "Judge")
    expect(page.locator("#judge-price-in input")).to_have_value("100")
    expect(plan).to_contain_text("Nothing is sent: big has judged 6 questions already.")
    require_readable(page, "#judge-server", "#judged")
