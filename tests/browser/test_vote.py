"""The blind vote in a real browser: by keys, kept over a reload, and nothing that reaches the page tells the sides."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from studio.data.datasets import list_datasets
from studio.runs import Run
from studio.store import read_json, read_rows, write_json
from studio.vote.ballots import begin_or_extend
from studio.vote.votes import read_standing
from studio.workspace import Workspace
from tests.browser.compared import (
    ATTACK,
    GREETS,
    NAMES,
    RUN,
    Answerer,
    arrive,
    empty,
    fill,
    open_compare,
    open_view,
    serve_compare,
)
from tests.browser.pages import LOOK, wait_for_a_look
from tests.browser.readable import require_readable

SENT: list[tuple[str, str]] = []  # (path, body) of all that the program answered
Make = Callable[..., Run]


class Recorder:
    """Stands where a curious voter would: at all that the program sends to the page."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def record(message: Any) -> None:
            if message.get("body"):
                SENT.append((scope["path"], message["body"].decode("utf-8", "replace")))
            await send(message)

        await self.app(scope, receive, record)


@pytest.fixture(scope="module")
def url(home: Workspace, answerer: Answerer) -> Iterator[str]:
    with serve_compare(home, answerer, Middleware(Recorder)) as address:
        yield address


@pytest.fixture
def begun(run: Run) -> Run:
    begin_or_extend(run)
    return run


def open_vote(page: Page, url: str) -> None:
    open_compare(page, url, "Blind vote")
    page.locator("#vote [data-ready], #vote[data-ready]").wait_for()


def expect_question(page: Page, number: int) -> None:
    expect(page.locator("#vote .count strong")).to_have_text(f"Question {number} of 10.")


def votes(run: Run) -> list[dict[str, Any]]:
    return list(read_rows(run.folder / "votes.jsonl"))


def test_before_the_first_run_it_says_what_comes_here(page, url, emptied):
    page.goto(url)
    page.get_by_role("tab", name="Blind vote").click()
    expect(page.locator("#vote")).to_contain_text("Train one first.")


def test_one_votes_by_keys_takes_back_and_goes_on_after_a_reload(page, url, begun):
    open_vote(page, url)
    expect_question(page, 1)
    expect(page.locator("#vote [role=status]")).to_have_text("No vote yet.")
    for number, key in enumerate("1234", start=2):
        page.keyboard.press(key)
        expect_question(page, number)
    assert [vote["vote"] for vote in votes(begun)] == ["left", "right", "both good", "both bad"]
    said = page.locator("#vote [role=status] strong")
    expect(said).to_contain_text(re.compile(r"Tuned won \d of 4, lost \d, tied 2; a fair coin would do this"))
    page.get_by_role("button", name="Undo the last vote").click()
    expect_question(page, 4)
    expect(said).to_contain_text("of 3, lost")
    page.reload()
    arrive(page)
    open_view(page, "Blind vote")
    expect_question(page, 4)
    expect(said).to_contain_text("of 3, lost")
    assert page.evaluate("window.attacked") is None
    expect(page.locator("#vote .pair-of-answers")).to_contain_text(ATTACK)
    expect(page.locator("#vote .pair-of-answers img")).to_have_count(0)


def test_a_key_counts_only_where_nobody_writes_and_the_answers_are_in_sight(page, url, begun):
    open_vote(page, url)
    who, reason = page.get_by_label("Your name"), page.get_by_label("Why?")
    who.fill("Mia")
    reason.press_sequentially("3 of 4 fields, 12 words")
    open_view(page, "Talk")
    page.get_by_role("textbox", name="Ask all of them").press_sequentially("1234")
    page.keyboard.press("Tab")
    page.keyboard.press("1")  # nothing of it is to be seen
    open_view(page, "Blind vote")
    page.keyboard.press("Control+1")
    expect_question(page, 1)
    reason.focus()
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    expect_question(page, 2)
    (vote,) = votes(begun)
    assert (vote["vote"], vote["reason"], vote["who"]) == ("right", "3 of 4 fields, 12 words", "Mia")
    expect(reason).to_have_value("")
    page.reload()
    arrive(page)
    open_view(page, "Blind vote")
    expect(who).to_have_value("Mia")


def known_to_the_page(page: Page, url: str, home: Workspace, base: str, sides: Sequence[str]) -> dict[str, Any]:
    """All that a voter could look at before the first vote, where the base says `base` and the sides are given."""
    page.goto("about:blank")
    run = fill(empty(home), base, GREETS if base == NAMES else NAMES)
    begin_or_extend(run)
    ballots = read_json(run.folder / "ballots.json")
    drawn = sorted(ballots["ballots"], key=lambda each: each["row"])
    ballots["ballots"] = [{**each, "left": left} for each, left in zip(drawn, sides, strict=True)]
    write_json(run.folder / "ballots.json", ballots)
    for file in ("scores.json", "ballots.json"):  # whose times the page is told; they differ between any two visits
        os.utime(run.folder / file, (1_800_000_000, 1_800_000_000))
    page.context.clear_cookies()
    SENT.clear()
    asked: list[str] = []
    note = lambda request: asked.append(f"{request.method} {request.url} {request.post_data}")  # noqa: E731
    page.on("request", note)
    open_vote(page, url)
    wait_for_a_look(page)
    page.remove_listener("request", note)
    sent = [body for path, body in SENT if "/queue/" in path or path in ("/", "/config")]
    # How often it looked, and whether before it knew of the run, is a matter of how long loading took.
    known = {tidy(each) for each in asked if LOOK not in each or RUN in each}
    return {"source": page.content(), "sent": tidy("".join(sent)), "asked": known}


def tidy(text: str) -> str:
    """Without what differs between any two visits."""
    text = re.sub(r"session_hash(\W+)\w+", r"session_hash\1…", text)
    text = re.sub(r'"(event_id|\w*time|\w*duration|\w*eta|id)": ?("\w+"|[\d.e-]+|null)', r'"\1": …', text)
    return re.sub(r"event: heartbeat.*|data: \{\"msg\": \"heartbeat\"\}\s*", "", text)


def test_nothing_that_reaches_the_page_tells_whose_answer_is_whose(page, url, home):
    sides = ["base", "tuned", "tuned", "base", "base", "base", "tuned", "base", "tuned", "tuned"]
    others = ["tuned" if side == "base" else "base" for side in sides]
    one = known_to_the_page(page, url, home, base=GREETS, sides=sides)
    twin = known_to_the_page(page, url, home, base=NAMES, sides=others)
    assert GREETS in one["source"]
    assert len(one["asked"]) > 5
    assert "Question 1 of 10" in one["sent"]
    assert one["sent"] == twin["sent"]
    assert one["asked"] == twin["asked"]
    assert plain(one["source"]) == plain(twin["source"])
    turned = known_to_the_page(page, url, home, base=GREETS, sides=others)
    assert turned["source"].index(GREETS) > one["source"].index(GREETS)
    assert without_answers(turned["source"]) == without_answers(one["source"])


def plain(source: str) -> str:
    """The page's own source as a voter may read it, without the names that Gradio makes up for each visit."""
    source = re.sub(r"html-[a-z0-9]+", "", source)
    return re.sub(r'(for|id|aria-\w+)="[\w-]*\d[\w-]*"|token=[\w-]+|svelte-\w+', "", source)


def without_answers(source: str) -> str:
    """Neither the answers nor the mark, which is made of them."""
    for answer in (GREETS, escape(NAMES, quote=False)):
        source = source.replace(answer, "an answer")
    return re.sub(r'data-of="[0-9a-f]{16}"', "", plain(source))


def test_while_both_are_asked_no_answer_reaches_the_page(page, url, run):
    (run.folder / "scores.json").unlink()
    open_vote(page, url)
    expect(page.locator("#vote")).to_contain_text("First both are asked up to 20 held-out questions")
    SENT.clear()
    page.get_by_role("button", name="Ask both, then vote").click()
    expect_question(page, 1)
    told = [body for path, body in SENT if "/queue/" in path]
    before = "".join(body for body in told if "Question 1 of 10" not in body)
    assert "Asking both 10 held-out questions: 9 done" in before
    assert "Good day" not in before
    assert "Mia" not in before
    page.keyboard.press("1")
    expect_question(page, 2)
    assert votes(run)[0]["settings"]["answers"] == "chat"


def test_votes_become_preference_rows_by_one_press_and_data_takes_them(page, url, begun, home):
    open_vote(page, url)
    for number in range(10):
        expect_question(page, number + 1)
        page.keyboard.press("12"[number % 2])
    expect(page.get_by_text("All 10 questions are voted on.")).to_be_visible()
    standing = read_standing(begun)
    assert standing
    assert standing.tally.decided == 10
    page.get_by_text("Learn from these votes").click()
    with page.expect_download() as fetched:
        page.get_by_role("button", name="Download the rows").click()
    assert fetched.value.suggested_filename == f"{RUN}-preferences.jsonl"
    rows = [json.loads(line) for line in Path(fetched.value.path()).read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 10
    assert {row["chosen"][0]["content"] for row in rows} <= {GREETS, NAMES}
    page.get_by_role("button", name="Bring them into Data").click()
    expect(page.locator("#vote-rows")).to_contain_text("They stand in Data as")
    newest = list_datasets(home)[0]
    assert newest.description["shapes"] == {"chosen and rejected": 10}


def test_it_is_labelled_and_readable_and_fits(page, url, begun):
    open_vote(page, url)
    expect_question(page, 1)
    page.keyboard.press("1")
    expect_question(page, 2)
    page.get_by_text("How sure is this?").click()
    require_readable(page, "#vote")
    bottom = page.locator("#vote .ballot").bounding_box()
    top = page.locator("#vote .count").bounding_box()
    assert top
    assert bottom
    assert bottom["y"] + bottom["height"] - top["y"] < 900  # question, answers and buttons on one screen of a phone
