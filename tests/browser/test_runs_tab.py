"""The table of runs in a real browser: sorted, filtered, walked by keys, and still while the runs go on."""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from playwright.sync_api import Page, expect

from components import runs_tab
from components.frame import Studio
from components.guard import build_guard
from components.progress_icon import build_progress_mark, read_title_script, show_mark
from components.runs_tab import build_runs_tab
from components.theme import build_theme, read_css
from studio.compare.chat import Chat
from studio.data.datasets import read_examples, save_dataset
from studio.notify import read_addresses, write_addresses
from studio.process import ProcessId
from studio.run_notes import read_notes, write_notes
from studio.runs import Run, create_run, list_runs, live_run, open_run
from studio.store import write_json
from studio.train.recipe import make_recipe, write_recipe
from studio.workspace import Workspace
from tests.browser.compared import empty
from tests.browser.readable import SCHEMES, WIDTHS, require_fit, show_at, show_in, violations

TOKEN = "a-start-token"
Make = Callable[..., Run]


@pytest.fixture
def workspace(home: Workspace) -> Workspace:
    return empty(home)


@pytest.fixture
def add(workspace: Workspace) -> Make:
    """`add(name, **recipe)` gives a finished run that is a minute younger than the one before."""

    def add(name: str, data: str = "orders", status: dict[str, Any] | None = None, **settings: Any) -> Run:
        number = len(list(workspace.runs.iterdir()))
        folder = workspace.runs / f"2026-11-{10 + number // 1440:02}-{number // 60 % 24:02}{number % 60:02}-{number}"
        write_recipe(folder / "recipe.yaml", make_recipe(data=data, name=name, **settings))
        write_json(folder / "state.json", {"state": "done", "updated_s": time.time(), **(status or {})})
        return open_run(workspace, folder.name)

    return add


@pytest.fixture
def three(add: Make) -> list[Run]:
    one = add("alpha", status={"best_heldout_loss": 0.9, "seconds": 60.0})
    write_notes(one.folder, tags="good", note="Mia liked it.")
    two = add("beta", status={"best_heldout_loss": 0.5, "seconds": 600.0}, lora_rank=32)
    three = add("gamma", data="letters", status={"state": "failed", "error": {"what": "It broke.", "do": "Mend it."}})
    return [one, two, three]


@pytest.fixture(scope="module")
def url(home: Workspace) -> Iterator[str]:
    studio = Studio(home, Chat())
    gr.set_static_paths([home.exports])
    with gr.Blocks(title="Tunesmith") as demo:
        view = build_runs_tab(studio)
        mark = build_progress_mark()
        demo.load(view.read, None, list(view.outputs), show_progress="hidden")
        gr.Timer(0.3).tick(
            lambda before: show_mark(home, live_run(home), before),
            mark,
            mark,
            queue=False,
            show_progress="hidden",
        )
    _, url, _ = demo.launch(
        app_kwargs={"middleware": [build_guard(TOKEN)]},
        **{"theme": build_theme(), "css": read_css(), "head": read_title_script()},
        **{"quiet": True, "prevent_thread_lock": True, "share": False, "inline": False},
        **{"ssr_mode": False, "num_workers": 0, "footer_links": [], "run_history": False},
        **{"enable_monitoring": False},
    )
    yield f"{url}?token={TOKEN}"
    demo.close(verbose=False)


def expect_names(page: Page, wanted: list[str]) -> None:
    page.wait_for_function(
        "names => `${[...document.querySelectorAll('#runs-table tbody .name')].map(n => n.innerText)}` === names",
        arg=",".join(wanted),
    )


def expect_open(page: Page, heading: str) -> None:
    expect(page.locator("#runs-detail h2")).to_have_text(heading)


def test_before_the_first_run_it_says_what_will_come(page, url, workspace):
    page.goto(url)
    expect(page.get_by_text("No runs yet")).to_be_visible()
    expect(page.locator("#runs-table table")).to_be_hidden()


def test_a_press_on_a_head_sorts_and_what_is_unknown_stays_last(page, url, three):
    page.goto(url)
    expect_names(page, ["gamma", "beta", "alpha"])
    loss = page.get_by_role("button", name="Best held-out loss")
    loss.click()
    expect_names(page, ["beta", "alpha", "gamma"])
    expect(page.locator("th.best")).to_have_attribute("aria-sort", "ascending")
    loss.click()
    expect_names(page, ["alpha", "beta", "gamma"])
    page.get_by_role("button", name="Run", exact=True).click()
    expect_names(page, ["alpha", "beta", "gamma"])


def test_words_a_state_and_a_tag_filter(page, url, three):
    page.goto(url)
    expect_names(page, ["gamma", "beta", "alpha"])
    find = page.get_by_label("Find")
    for words, left in (("MIA", ["alpha"]), ("rank 32", ["beta"]), ("letters", ["gamma"]), ("zebra", [])):
        find.fill(words)
        expect_names(page, left)
    expect(page.locator("#runs-table .count")).to_have_text("0 of 3 runs")
    page.get_by_role("button", name="Show all").click()
    expect_names(page, ["gamma", "beta", "alpha"])
    page.locator("#runs-table .of-state").select_option("failed")
    expect_names(page, ["gamma"])
    page.locator("#runs-table .of-state").select_option("")
    page.locator("#runs-table .of-tag").select_option("good")
    expect_names(page, ["alpha"])


def test_two_ticked_runs_stand_side_by_side_and_a_third_takes_the_place_of_the_first(page, url, three):
    page.goto(url)
    expect_open(page, "gamma")
    page.get_by_label("Open beta").check()
    expect_open(page, "Side by side")
    page.get_by_label("Open alpha").check()
    expect(page.get_by_label("Open gamma")).not_to_be_checked()
    expect(page.locator("#runs-detail .better")).to_have_count(1)
    expect(page.locator("#runs-detail")).to_contain_text("Rank")
    expect(page.locator("#runs-again")).to_be_hidden()
    page.locator("#runs-table .name", has_text="gamma").click()
    expect_open(page, "gamma")
    expect(page.locator("#runs-table input:checked")).to_have_count(1)


def test_the_table_is_walked_by_keys(page, url, three):
    page.goto(url)
    expect_open(page, "gamma")
    page.get_by_role("button", name="Started").focus()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Open gamma")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Open alpha")).to_be_focused()
    page.keyboard.press("Space")
    expect_open(page, "Side by side")
    expect(page.get_by_label("Open alpha")).to_be_focused()
    page.keyboard.press("Enter")
    expect_open(page, "alpha")
    page.keyboard.press("Home")
    expect(page.get_by_label("Open gamma")).to_be_focused()


def test_what_goes_on_is_seen_without_a_reload_and_without_a_jump(page, url, workspace, three, add):
    this = ProcessId.of_this()
    live = {"state": "training", "pid": this.pid, "started_s": this.started_s, "steps": 100}
    run = add("delta", status={**live, "step": 10})
    page.goto(url)
    expect_open(page, "delta")
    expect(page.locator("td.state.training")).to_have_text("● training 10 %")
    page.get_by_label("Open beta").check()
    expect_open(page, "Side by side")
    page.get_by_label("Open beta").focus()
    page.get_by_label("Find").fill("a")
    page.evaluate("window.sameRow = document.querySelector('#runs-table tbody tr')")
    write_json(run.folder / "state.json", {**run.status, "step": 57, "updated_s": time.time() + 1})
    add("epsilon a")
    expect(page.locator("td.state.training")).to_have_text("● training 57 %")
    expect_names(page, ["epsilon a", "delta", "gamma", "beta", "alpha"])
    expect(page.locator("#runs-detail")).to_contain_text("57 of 100")
    assert page.evaluate("window.sameRow === document.querySelectorAll('#runs-table tbody tr')[1]")
    for name in ("delta", "beta"):
        expect(page.get_by_label(f"Open {name}")).to_be_checked()


def test_a_run_is_named_tagged_and_noted(page, url, workspace, three):
    page.goto(url)
    expect_open(page, "gamma")
    page.locator("#run-notes button").first.click()
    for field, words in (("title", "the broken one"), ("tags", "look at, Mia"), ("note", "Too long.")):
        page.locator(f"#run-{field}").get_by_role("textbox").fill(words)
    page.locator("#run-save").click()
    expect_open(page, "the broken one")
    expect_names(page, ["the broken one", "beta", "alpha"])
    notes = read_notes(three[2].folder)
    assert (notes.title, notes.tags, notes.note) == ("the broken one", ("look at", "Mia"), "Too long.")
    page.locator("#run-title").get_by_role("textbox").fill("gamma")
    page.locator("#run-save").click()
    expect_open(page, "gamma")
    assert read_notes(three[2].folder).title == ""


def test_deleting_asks_once_says_what_comes_free_and_opens_the_next(page, url, workspace, three):
    (three[2].folder / "checkpoints").mkdir()
    (three[2].folder / "checkpoints" / "weights").write_bytes(bytes(12_000_000))
    page.goto(url)
    expect_open(page, "gamma")
    page.locator("#runs-delete").click()
    expect(page.locator("#delete-warning")).to_contain_text("frees 12 MB")
    page.locator("#delete-no").click()
    expect(page.locator("#delete-warning")).to_be_hidden()
    assert three[2].folder.exists()
    page.locator("#runs-delete").click()
    page.locator("#delete-yes").click()
    expect_open(page, "beta")
    expect_names(page, ["beta", "alpha"])
    assert not three[2].folder.exists()


def test_a_run_is_repeated_from_its_recipe(page, url, workspace, three, monkeypatch):
    monkeypatch.setattr("studio.runs.require_looked", lambda dataset: None)
    monkeypatch.setattr("studio.runs.open_dataset", lambda workspace, ref: None)
    monkeypatch.setattr(runs_tab, "start_run", create_run)  # nothing is trained here
    page.goto(url)
    expect_open(page, "gamma")
    page.locator("#runs-table .name", has_text="beta").click()
    expect_open(page, "beta")
    page.locator("#runs-again").click()
    expect_open(page, "beta (2)")
    expect_names(page, ["beta (2)", "gamma", "beta", "alpha"])
    assert list_runs(workspace)[0].recipe == three[1].recipe


def test_a_run_is_fetched_as_a_script_by_one_press(page, url, workspace, three, starter, add):
    rows = [{"question": f"Question {n}?", "answer": f"Answer {n}"} for n in range(10)]
    (workspace.root / "shop.jsonl").write_text("\n".join(map(json.dumps, rows)))
    save_dataset(workspace, "shop", "shop.jsonl", read_examples(workspace.root / "shop.jsonl"))
    run = add("delta", data="shop", base=str(starter), lora_rank=24)
    page.goto(url)
    expect_open(page, "delta")
    with page.expect_download() as fetched:
        page.locator("#runs-script").click()
    assert fetched.value.suggested_filename == f"{run.id}-script.zip"
    with zipfile.ZipFile(fetched.value.path()) as archive:
        assert [Path(name).name for name in archive.namelist()] == ["train.py", "train.jsonl", "validation.jsonl"]
        assert b"LORA_RANK = 24" in archive.read(archive.namelist()[0])
    expect(page.locator("#runs-script-link a")).to_have_text(f"{run.id}-script.zip")
    page.locator("#runs-table .name", has_text="alpha").click()
    expect_open(page, "alpha")
    expect(page.locator("#runs-script-link a")).to_have_count(0)
    page.locator("#runs-script").click()  # its model was never unpacked in this workspace
    expect(page.get_by_text("is not here, or not any more.")).to_be_visible()
    expect(page.locator("#runs-script-link a")).to_have_count(0)


def test_who_is_told_of_an_end_is_tried_and_saved(page, url, workspace, three):
    write_addresses(workspace, ["http://127.0.0.1:9/before"])
    page.goto(url)
    expect_open(page, "gamma")
    page.locator("#notices button").first.click()
    where = page.locator("#notice-addresses").get_by_role("textbox")
    expect(where).to_have_value("http://127.0.0.1:9/before")
    where.fill("http://127.0.0.1:9/hook?token=s3cret")
    page.locator("#notice-try").click()
    expect(page.locator("#notice-said")).to_have_text(
        "✖ 127.0.0.1 was not told: it cannot be reached (Connection refused). Check the address."
    )
    page.locator("#notice-save").click()
    expect(page.locator("#notice-said")).to_have_text("✔ Saved. 1 will be told.")
    assert read_addresses(workspace) == ["http://127.0.0.1:9/hook?token=s3cret"]


def test_it_is_labelled_and_readable_and_fits(page, url, three):
    page.goto(url)
    expect_open(page, "gamma")
    for width in WIDTHS:
        show_at(page, width)
        for scheme in SCHEMES:
            show_in(page, scheme)
            for ticked in (1, 2):
                page.get_by_label("Open beta").set_checked(ticked == 2)
                expect_open(page, "gamma" if ticked == 1 else "Side by side")
                assert violations(page) == [], f"{width} {scheme} {ticked}"
                require_fit(page, width)


def test_five_hundred_runs_are_sorted_and_found_at_once(page, url, add):
    for number in range(500):
        add(f"run {number}", status={"best_heldout_loss": (number * 37 % 500) / 500, "seconds": 60.0})
    page.goto(url)
    expect(page.locator("#runs-table .count")).to_have_text("500 runs")
    took_ms = page.evaluate(
        """() => {
            const table = document.querySelector("#runs-table"), began = performance.now();
            table.querySelector("th.best button").click();
            document.body.offsetHeight;
            return performance.now() - began;
        }"""
    )
    assert took_ms < 500
    expect(page.locator("#runs-table tbody .name").first).to_have_text("run 0")
    page.get_by_label("Open run 0,").focus()
    page.keyboard.press("End")
    expect(page.get_by_label("Open run 27,")).to_be_focused()  # 27 * 37 % 500 == 499
    page.get_by_label("Find").fill("run 499")
    expect_names(page, ["run 499"])


def test_title_and_icon_say_how_far_a_run_is_and_how_it_ended_unseen(page, url, workspace, add):
    this = ProcessId.of_this()
    live = {"state": "training", "pid": this.pid, "started_s": this.started_s, "steps": 100}
    page.goto(url)
    expect(page.get_by_text("No runs yet")).to_be_visible()
    expect(page).to_have_title("Tunesmith")
    icon = "document.querySelector(\"link[rel~='icon']\")?.href"
    calm = page.evaluate(icon)
    run = add("one", status={**live, "step": 42})
    expect(page).to_have_title("42 % Tunesmith")
    first = page.evaluate(icon)
    assert first.startswith("data:image/png")
    write_json(run.folder / "state.json", {**run.status, "step": 90})
    expect(page).to_have_title("90 % Tunesmith")
    assert page.evaluate(icon) not in (first, calm)

    page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    write_json(run.folder / "state.json", {**run.status, "state": "failed"})
    expect(page).to_have_title("Failed: Tunesmith")
    assert page.evaluate(icon) == calm
    page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    expect(page).to_have_title("Tunesmith")
