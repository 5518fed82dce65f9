"""The whole way as a person walks it, in a real browser, with a file that is not the sample."""

from __future__ import annotations

import csv
import json
import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from studio.data.datasets import DEFAULT_MAX_LENGTH, read_examples, save_dataset
from studio.data.review import read_review
from studio.place import read_place, write_place
from studio.runs import list_runs
from studio.train.models import STARTER
from studio.workers.llamacpp import LlamaCpp
from studio.workspace import REPOSITORY, Workspace
from tests.browser.readable import show_in, violations
from tests.process.small import end_all

SLOW_MS = 240_000
PICTURES = REPOSITORY / "assets" / "pictures"


@pytest.fixture(scope="module")
def studio(starter_workspace: Workspace) -> Iterator[str]:
    """The real program on a port of its own; gives the address that the terminal shows."""
    command = [sys.executable, str(REPOSITORY / "launch.py"), "--no-browser", "--port", "7990"]
    process = subprocess.Popen(
        [*command, "--workspace", str(starter_workspace.root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    address = None
    for line in process.stdout:
        if found := re.search(r"http://\S+", line):
            address = found[0]
            break
    assert address
    threading.Thread(target=process.stdout.read, daemon=True).start()  # a pipe that nobody reads would stop it
    yield address
    process.terminate()
    process.wait(timeout=60)
    end_all(starter_workspace)  # a run outlives the studio, and would slow down the tests that come after


@pytest.fixture(scope="module")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop's table: a colour in words, and its code. With a double, a stub and a ragged row in it."""
    names = ("red", "green", "blue", "grey", "gold", "pink", "lime", "navy", "teal", "plum")
    shades = ("dark", "light", "pale", "deep", "warm", "cold")
    rows = [
        [f"Which code has {shade} {name}?", f"{shade[:2]}-{name[:3]}".upper()] for name in names for shade in shades
    ]
    rows += [rows[0], ["Which code has nothing?", ""]]
    path = tmp_path_factory.mktemp("shop") / "colours.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow([" Wish ", "Code"])
        writer.writerows(rows)
        writer.writerow(["a", "b", "c"])
    return path


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()


@pytest.fixture
def take_picture(page: Page, request: pytest.FixtureRequest) -> Callable[[str], None]:
    """For the README, where it is asked for."""

    def take(name: str) -> None:
        if request.config.getoption("--pictures"):
            page.evaluate("window.scrollTo({ top: 0, behavior: 'instant' })")
            page.wait_for_timeout(500)
            paths = page.locator("#export-state p > code").first  # where it lies on this machine is nobody's business
            page.screenshot(path=PICTURES / f"{name}.png", mask=[paths], mask_color="#e2e8f0")

    return take


def look_at_every_tab(page: Page, studio: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    schemes = ("light", "dark") if width > 600 else ("dark", "light")  # the page is first loaded in each of them
    page.emulate_media(color_scheme="dark" if schemes[0] == "dark" else "light")
    page.goto(studio)
    names = ["Data", "Train", "Compare", "Export", "Runs"]
    open_tab(page, "Data")
    page.wait_for_timeout(2000)
    if page.locator("#findings").is_visible():  # a data set is open: the views of it too
        opens = page.locator("#findings button[data-act=open]")
        if opens.count():  # the sample has none
            opens.first.click()
        names[1:1] = ["Examples", "Sample", "Tokens", "Advice", "Versions"]
    for name in names:
        open_tab(page, name)
        page.wait_for_timeout(800)
        for scheme in schemes:
            show_in(page, scheme)
            assert violations(page) == [], f"{name} {width} {scheme}"
            overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert overflow <= 0, f"{name} is wider than {width} by {overflow}, {scheme}"


each_width = pytest.mark.parametrize("width", [1280, 390])


@each_width
def test_every_tab_is_labelled_and_readable_and_fits(page: Page, studio: str, width: int) -> None:
    look_at_every_tab(page, studio, width)


def test_who_clicks_while_the_page_loads_stays_there(page: Page, studio: str, starter_workspace: Workspace) -> None:
    write_place(starter_workspace, tab="runs")
    page.goto(studio)
    open_tab(page, "Data")
    page.wait_for_function("window.tunesmithArrived", timeout=SLOW_MS)
    page.wait_for_timeout(1500)
    expect(page.get_by_role("tab", name="Data")).to_have_attribute("aria-selected", "true")


def test_the_whole_journey(
    page: Page,
    studio: str,
    colours: Path,
    starter_workspace: Workspace,
    tmp_path: Path,
    take_picture: Callable[[str], None],
) -> None:
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(studio)

    # Data: the columns say nothing, so the page asks; then it finds what is wrong.
    open_tab(page, "Data")
    page.locator("#upload input[type=file]").set_input_files(colours)
    expect(page.locator("#mapping")).to_be_visible(timeout=SLOW_MS)
    expect(page.locator("#map-preview")).to_contain_text("Which code has dark red?")
    page.locator("#map-use").click()
    expect(page.locator("#data-summary")).to_contain_text("62", timeout=SLOW_MS)
    for words in ("could not be read", "empty message", "found here twice"):
        expect(page.locator("#findings")).to_contain_text(words)
    page.get_by_role("button", name="Show: 1 row that could not be read").click()
    expect(page.locator("#findings")).to_contain_text("has 3 columns where the header has 2")
    take_picture("data")
    page.get_by_role("button", name="See what it does", exact=False).nth(1).click()
    expect(page.locator("#findings .gone")).to_contain_text("Which code has dark red?")
    page.get_by_role("button", name="Mend the 2 safe ones").click()
    expect(page.locator("#data-summary")).to_contain_text("1 double dropped", timeout=SLOW_MS)
    expect(page.locator("#data-summary")).to_contain_text("60")
    page.locator("#to-train").click()

    # Train: ten steps, and the curve moves without a reload.
    expect(page.locator("#start")).to_be_visible()
    page.locator("#details button").first.click()
    page.locator("#advanced > button").first.click()
    page.locator("#group-stop > button").first.click()
    page.locator("#field-max_steps input").fill("10")
    page.locator("#field-eval_steps input").fill("20")
    page.locator("#run-name textarea, #run-name input").first.fill("colours, first try")
    page.locator("#start").click()
    expect(page.locator("#run-status")).to_contain_text("Training", timeout=SLOW_MS)
    expect(page.locator("#bar")).to_be_visible()
    page.evaluate("window.neverReloaded = true")
    curve = page.locator("#chart .js-plotly-plot")
    expect(curve).to_be_visible(timeout=SLOW_MS)
    first = points(page)
    assert first < 10
    wait_for_points(page, first + 1)
    expect(page.locator("#to-compare")).to_be_visible(timeout=SLOW_MS)
    wait_for_points(page, 10)
    assert page.evaluate("window.neverReloaded") is True
    take_picture("train")
    page.locator("#to-compare").click()

    # Compare: both panes answer one question.
    expect(page.locator("#pane-2")).to_contain_text("colours, first try", timeout=SLOW_MS)
    page.locator("#unseen").click()
    expect(page.locator("#wanted")).to_contain_text("Wanted:")
    page.locator("#send").click()
    expect(page.locator("#compare-state")).to_contain_text("Both answered in", timeout=SLOW_MS)
    for pane in ("#pane-1", "#pane-2"):
        expect(page.locator(f"{pane} .message.bot").last).to_contain_text(re.compile(r"\S"))
    expect(page.locator("#figures")).to_contain_text(
        re.compile(r"After: \d+ tokens?, the first after .* sure of its words")
    )
    take_picture("compare")
    page.get_by_label("Mark the words that differ").check()
    expect(page.locator("#apart")).not_to_be_empty()
    page.locator("#why").click()
    expect(page.locator("#reasons")).to_contain_text("% alike")

    # A question is written anew: what came after it goes, in both panes.
    pane = page.locator("#pane-1")
    pane.locator(".message.user").hover()
    pane.get_by_role("button", name="Edit").click()
    pane.locator("textarea").fill("Say one word.")
    pane.get_by_role("button", name="Submit").click()
    expect(page.locator("#pane-2 .message.user")).to_have_text("Say one word.", timeout=SLOW_MS)
    expect(page.locator("#compare-state")).to_contain_text("Both answered in", timeout=SLOW_MS)
    expect(page.locator("#pane-1 .message.bot")).to_have_count(1)
    page.locator("#to-export").click()

    # Export: a GGUF that downloads and is loaded again.
    expect(page.locator("#export-run input")).to_have_value(re.compile("colours, first try"), timeout=SLOW_MS)
    page.get_by_label("Q8_0").check()
    page.locator("#make").click()
    expect(page.locator("#export-state")).to_contain_text("Proven", timeout=SLOW_MS)
    take_picture("export")
    with page.expect_download() as waiting:
        page.locator("#download").click()
    saved = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(saved)
    model = LlamaCpp(saved)
    assert model.tokenize("<|im_end|>") == [2]
    model.close()
    expect(page.locator("#modelfile")).to_contain_text("FROM ./")

    # Runs: it is all kept, and coming back lands where one was.
    open_tab(page, "Runs")
    expect(page.locator("#runs-table")).to_contain_text("colours, first try")
    page.wait_for_timeout(800)
    take_picture("runs")
    page.reload()
    expect(page.locator("#runs-table")).to_be_visible(timeout=SLOW_MS)
    assert list_runs(starter_workspace)[0].title == "colours, first try"


@each_width
def test_every_tab_still_does_with_work_in_it(page: Page, studio: str, width: int) -> None:
    look_at_every_tab(page, studio, width)


def points(page: Page) -> int:
    count = page.evaluate("Math.max(...document.querySelector('#chart .js-plotly-plot').data.map(t => t.x.length))")
    return int(count)


def wait_for_points(page: Page, least: int) -> None:
    grown = "least => document.querySelector('#chart .js-plotly-plot').data.some(t => t.x.length >= least)"
    page.wait_for_function(grown, arg=least, timeout=SLOW_MS)


def test_bad_files_get_a_sentence_and_nothing_is_lost(page: Page, studio: str, tmp_path: Path) -> None:
    page.goto(studio)
    open_tab(page, "Data")
    rubbish = tmp_path / "rubbish.jsonl"
    rubbish.write_bytes(bytes(range(256)) * 20)
    for path, words in (
        (rubbish, "could not be read"),
        (write(tmp_path / "empty.csv", ""), "is empty"),
        (write(tmp_path / "list.json", json.dumps({"a": 1})), "no two columns of text"),
    ):
        page.locator("#upload input[type=file]").set_input_files(path)
        expect(page.locator(".toast-body, .toast-wrap").last).to_contain_text(words)
        expect(page.locator("#upload input[type=file]")).to_be_attached(timeout=SLOW_MS)


def test_what_a_data_set_says_is_text(page: Page, studio: str, tmp_path: Path) -> None:
    evil = "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script>"
    rows = "".join(json.dumps({"prompt": f"{evil} {n}", "completion": f"{evil} so {n}"}) + "\n" for n in range(5))
    page.goto(studio)
    open_tab(page, "Data")
    page.locator("#upload input[type=file]").set_input_files(write(tmp_path / "evil.jsonl", rows))
    page.get_by_role("button", name="Show: 5 examples with broken characters").click(timeout=SLOW_MS)
    expect(page.locator("#findings")).to_contain_text("onerror")
    for name, place in (("Examples", "#examples"), ("Tokens", "#token-example")):
        open_tab(page, name)
        expect(page.locator(place)).to_contain_text("onerror")
    assert page.evaluate("window.hacked") is None


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_examples_are_changed_by_hand_looked_through_and_undone(page: Page, studio: str, tmp_path: Path) -> None:
    rows = "".join(json.dumps({"prompt": f"Where is {n}?", "completion": f"At stop {n}."}) + "\n" for n in range(60))
    page.goto(studio)
    open_tab(page, "Data")
    page.locator("#upload input[type=file]").set_input_files(write(tmp_path / "stops.jsonl", rows))
    expect(page.locator("#data-summary h2")).to_have_text("stops", timeout=SLOW_MS)

    open_tab(page, "Examples")
    page.locator("#search").get_by_role("textbox").press_sequentially("is 17")
    expect(page.locator("#examples .pager").first).to_have_text("Examples 1 to 1 of 1")
    page.get_by_role("button", name="Edit example 18").click()
    page.locator("#edit-1 textarea").fill("At the harbour.")
    page.locator("#edit-keep").click()
    expect(page.locator("#examples")).to_contain_text("changed, not kept yet")
    page.get_by_role("button", name="Keep as a new version").first.click()
    expect(page.locator("#data-summary")).to_contain_text("by hand: 1 edited", timeout=SLOW_MS)

    open_tab(page, "Sample")
    page.get_by_role("button", name="Draw a sample").click()
    expect(page.locator("#sample")).to_contain_text("0 of 20 looked at")
    for key, words in (("k", "1 of 20"), ("d", "2 of 20")):
        page.keyboard.press(key)
        expect(page.locator("#sample")).to_contain_text(words)
    expect(page.locator("#sample")).to_contain_text("About 50% of your examples are wrong, between")

    open_tab(page, "Versions")
    expect(page.locator("#differences ins")).to_have_text(["the", "harbour"])
    page.get_by_role("button", name="Undo: work with the version before").click()
    expect(page.locator("#data-summary h2")).to_have_text("stops", timeout=SLOW_MS)


def test_more_examples_are_made_and_do_not_count_unseen(page: Page, studio: str, tmp_path: Path) -> None:
    with serve_examples() as address:
        page.goto(studio)
        open_tab(page, "Data")
        expect(page.locator("#data-summary h2")).to_be_visible(timeout=SLOW_MS)
        page.wait_for_timeout(2500)  # the page shows the data set once more when its tab is opened
        page.locator("#making button").first.click()
        for name, words in (("address", address), ("model", "tiny"), ("description", "Parcels")):
            page.locator(f"#make-{name}").get_by_role("textbox").fill(words)
        page.locator("#make-many input").fill("10")
        page.locator("#make-start").click()
        expect(page.locator("#data-summary h2")).to_contain_text("made", timeout=SLOW_MS)
    expect(page.locator("#data-summary")).to_contain_text("From tiny at")
    page.locator("#make-target input").click()
    page.get_by_role("option").last.click()
    page.locator("#make-add").click()
    expect(page.locator(".toast-body").last).to_contain_text("0 of its examples were looked through")


@contextmanager
def serve_examples() -> Iterator[str]:
    """An OpenAI-compatible server on loopback that gives five new examples each time."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made = [{"question": f"Where is parcel {random.random()}?", "answer": f"At stop {n}."} for n in range(5)]
            content = json.dumps({"choices": [{"message": {"content": json.dumps({"examples": made})}}]}).encode()
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


def test_file_that_comes_while_the_page_is_read_stays(
    page: Page, studio: str, starter_workspace: Workspace, tmp_path: Path
) -> None:
    """What was there before takes seconds to be looked at, and was then shown, and kept, in place of the new file."""
    rows = [
        json.dumps({"question": f"Where is {number} {'and on ' * 80}?", "answer": f"In {number} {'or so ' * 60}."})
        for number in range(3000)
    ]
    long = tmp_path / "long.jsonl"
    long.write_text("\n".join(rows), encoding="utf-8")
    short = tmp_path / "short.jsonl"
    short.write_text("\n".join(rows[:41]), encoding="utf-8")
    dataset = save_dataset(starter_workspace, "long", long.name, read_examples(long))
    write_place(starter_workspace, dataset=dataset.ref, tab="data")
    page.goto(studio)
    summary = page.locator("#data-summary")
    expect(summary.locator("progress")).to_be_visible()
    page.locator("#upload input[type=file]").set_input_files(short)
    expect(summary).to_contain_text("short", timeout=SLOW_MS)
    expect(summary.locator("progress")).to_have_count(0, timeout=SLOW_MS)
    end = time.monotonic() + SLOW_MS / 1000
    while read_review(dataset, STARTER, DEFAULT_MAX_LENGTH) is None:
        assert time.monotonic() < end
        page.wait_for_timeout(200)
    page.wait_for_timeout(2000)  # until the end of the first reading would have come
    expect(summary).to_contain_text("short")
    assert read_place(starter_workspace).dataset.startswith("short")
