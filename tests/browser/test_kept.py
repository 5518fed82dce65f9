"""Keeping a conversation and bringing questions, in a real browser, below two panes without a model."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import gradio as gr
import pytest
from playwright.sync_api import Locator, Page, expect

from components.asked_view import build_asked_view, list_questions, questions_from
from components.frame import Studio
from components.guard import build_guard
from components.kept_view import KeptForm, build_kept_view
from components.theme import build_theme, read_css
from components.turns import Turns, turn_of
from studio.compare.chat import Chat
from studio.compare.kept import Kept, Pane, Setup, folder_of, list_kept
from studio.compare.sampling import Sampling
from studio.runs import Run, open_run
from studio.store import write_json
from studio.train.recipe import make_recipe, write_recipe
from studio.workspace import Workspace
from tests.browser.pages import wait_until_answered
from tests.browser.readable import require_readable

TOKEN, RUN = "a-start-token", "2026-11-24-1530-orders"
ATTACK = '<img src="x" onerror="window.attacked = 1">'
SETUP = Sampling(0.8, 0.9, 7)
NAMES = ("Before: SmolLM2, untouched", "After: SmolLM2 + adapter “orders”, step 40")


@pytest.fixture(scope="module")
def run(home: Workspace) -> Run:
    folder = home.runs / RUN
    write_recipe(folder / "recipe.yaml", make_recipe(data="orders", name="orders"))
    write_json(folder / "state.json", {"state": "done"})
    return open_run(home, RUN)


@pytest.fixture(scope="module")
def url(home: Workspace, run: Run) -> Iterator[str]:
    studio = Studio(home, cast(Chat, None))
    gr.set_static_paths([home.exports])
    with gr.Blocks(analytics_enabled=False) as demo:
        picked = gr.Dropdown([("orders", RUN)], value=RUN, label="Run")
        with gr.Row():
            panes = [gr.Chatbot(label=name, elem_id=f"pane-{place}", height=200) for place, name in enumerate(NAMES)]
        box = gr.Textbox(label="Ask both", elem_id="ask")
        asked = build_asked_view(studio)
        listed = gr.Dropdown(label="Questions", elem_id="listed", interactive=True)
        system = gr.Textbox("Be kind.", label="Instruction", elem_id="system")

        def described(given: dict[Any, Any]) -> tuple[list[Pane], Setup]:
            return [Pane(name) for name in NAMES], Setup(given[system], SETUP, 128)

        def fill(kept: Kept, turns: Sequence[Turns]) -> dict[Any, Any]:
            return {**dict(zip(panes, turns, strict=True)), system: kept.setup.system}

        view = build_kept_view(studio, picked, KeptForm(panes, {system}, described, [system], fill))
        box.submit(_answer, [box, *panes], panes, show_progress="hidden")
        gr.Button("Clear", elem_id="clear").click(lambda: ([], [], ""), None, [*panes, system])
        for arrival in asked.arrivals:
            arrival.success(
                lambda source: list_questions(questions_from(studio, source, list), source), asked.source, listed
            )
        demo.load(
            lambda: {**view.show(RUN), **asked.show()}, None, [*view.outputs, *asked.outputs], show_progress="hidden"
        ).then(None, js="() => { window.filled = true; }")
    _, address, _ = demo.launch(
        app_kwargs={"middleware": [build_guard(TOKEN)]},
        **{"theme": build_theme(), "css": read_css()},
        **{"quiet": True, "prevent_thread_lock": True, "share": False, "inline": False},
        **{"ssr_mode": False, "num_workers": 0, "footer_links": [], "run_history": False},
        **{"enable_monitoring": False},
    )
    yield f"{address}?token={TOKEN}"
    demo.close(verbose=False)


def _answer(question: str, *said: Turns) -> list[Turns]:
    answers = ("At home.", f'{{"place": 7}} {ATTACK}')
    return [
        [*before, turn_of("user", question), turn_of("assistant", answer)]
        for before, answer in zip(said, answers, strict=True)
    ]


def test_a_conversation_is_kept_renamed_removed_brought_back_and_opened(page: Page, url: str, run: Run):
    open_page(page, url)
    page.locator("#keep-it").click()
    expect(page.get_by_text("There is nothing to keep yet.")).to_be_visible()
    ask(page, f"Where is parcel 7? {ATTACK}")
    page.locator("#keep-it").click()
    expect(page.locator("#kept-state")).to_contain_text("Kept as “Where is parcel 7? <img")
    (kept,) = list_kept(run)
    assert isinstance(kept, Kept)
    assert (kept.setup, [pane.title for pane in kept.panes]) == (Setup("Be kind.", SETUP, 128), list(NAMES))
    assert kept.panes[1].messages[1].content == f'{{"place": 7}} {ATTACK}'

    field(page, "#kept-name").fill("../../<b>the parcel</b>")
    page.locator("#kept-rename").click()
    expect(page.locator("#kept-state")).to_contain_text("It is called “../../<b>the parcel</b>” now.")
    page.locator("#kept-remove").click()
    expect(page.locator("#kept-state")).to_contain_text("is removed. The file lies in the run’s folder")
    expect(page.locator("#kept")).to_be_hidden()
    page.reload()
    unfold(page)
    page.get_by_role("button", name="Bring back “../../<b>the parcel</b>”").click()
    expect(page.locator("#keep > button")).to_contain_text("(1 kept)")
    field(page, "#system").fill("Be short.")
    page.locator("#kept-open").click()
    expect(page.locator("#kept-state")).to_contain_text("is open, as it was kept on")
    expect(page.locator("#pane-1 .message.bot")).to_contain_text(ATTACK)
    expect(field(page, "#system")).to_have_value("Be kind.")
    expect(page.locator(".message img")).to_have_count(0)
    assert page.evaluate("window.attacked") is None


def test_it_is_taken_along_in_each_form(page: Page, url: str):
    open_page(page, url)
    ask(page, "Where is it?")
    field(page, "#keep-name").fill("to go")
    page.keyboard.press("Enter")
    expect(page.locator("#kept-state")).to_contain_text("Kept as “to go”.")
    texts = {}
    for label, form in (("Markdown", "md"), ("JSON, all", "json"), ("A row to learn from", "jsonl")):
        page.locator("#kept-form input").click()
        page.get_by_role("option", name=re.compile(label)).click()
        if form == "jsonl":
            page.locator("#kept-pane input").click()
            page.get_by_role("option", name=re.compile("Before")).click()
        with page.expect_download() as download:
            page.locator("#kept-export").click()
        assert re.fullmatch(rf"{RUN}-conversation-[\d-]+-\w+(-pane-1)?\.{form}", download.value.suggested_filename)
        texts[form] = Path(download.value.path()).read_text(encoding="utf-8")
    assert texts["md"].startswith("# to go\n")
    assert json.loads(texts["json"])["name"] == "to go"
    roles = [said["role"] for said in json.loads(texts["jsonl"])["messages"]]
    assert roles == ["system", "user", "assistant"]


def test_a_broken_one_is_listed_and_the_others_open(page: Page, url: str, run: Run):
    folder_of(run).mkdir(exist_ok=True)
    broken = folder_of(run) / "99990101-000000-broken.json"
    broken.write_text("{", encoding="utf-8")
    open_page(page, url)
    expect(field(page, "#kept-list")).to_have_value("99990101-000000-broken (cannot be read)")
    page.locator("#kept-open").click()
    expect(page.get_by_text("This conversation cannot be read: it is damaged")).to_be_visible()
    assert broken.read_text(encoding="utf-8") == "{"
    broken.unlink()


def test_questions_come_from_a_file_and_stay_over_a_reload(page: Page, url: str, tmp_path: Path):
    open_page(page, url)
    expect(page.locator("#asked-source")).to_be_hidden()
    (tmp_path / "mine.csv").write_text(f"question,answer\nWhere is {ATTACK}?,At home\nWhy?,\n", encoding="utf-8")
    (tmp_path / "empty.md").write_text("# A text\n", encoding="utf-8")
    upload = page.locator("input[type=file]")
    upload.set_input_files(tmp_path / "mine.csv")
    expect(page.locator("#asked-words")).to_contain_text("2 questions from mine.csv, 1 with an answer.")
    expect(page.locator("#listed")).to_contain_text("Questions of the file (2)")
    upload.set_input_files(tmp_path / "empty.md")
    expect(page.get_by_text("empty.md holds no question that can be asked here.")).to_be_visible()
    page.reload()
    unfold(page)
    page.get_by_label("mine.csv (2)").check()
    expect(page.locator("#listed")).to_contain_text("Questions of the file (2)")
    page.get_by_label("Questions it never saw").check()
    expect(page.locator("#listed")).to_contain_text("Questions it never saw (0)")
    assert page.evaluate("window.attacked") is None


def test_it_is_labelled_and_readable_and_fits(page: Page, url: str):
    open_page(page, url)
    ask(page, "Where is it?")
    field(page, "#keep-name").fill("x" * 120)
    page.locator("#keep-it").click()
    page.locator("#kept-export").click()
    expect(page.locator("#kept-link a")).to_be_visible()
    require_readable(page, "#keep")


def open_page(page: Page, url: str) -> None:
    page.goto(url)
    unfold(page)


def unfold(page: Page) -> None:
    page.wait_for_function("window.filled")
    wait_until_answered(page)
    page.locator("#keep > button").click()
    expect(page.locator("#keep-it")).to_be_visible()


def ask(page: Page, question: str) -> None:
    field(page, "#ask").fill(question)
    field(page, "#ask").press("Enter")
    expect(page.locator("#pane-1 .message.bot")).to_be_visible()


def field(page: Page, place: str) -> Locator:
    return page.locator(f"{place} :is(textarea, input)").first
