"""The curve moves while a run goes on, and stays as the person left it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from playwright.sync_api import Page, expect

from components.chart import build_chart
from components.guard import build_guard
from studio.train.metrics import read_metrics_since

TOKEN = "a-start-token"


class Runs:
    """Runs whose metrics files the tests let grow."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ended: set[str] = set()
        self.asked: list[tuple[str, int]] = []
        self.extras: list[str] = []
        self.sizes: list[int] = []

    def metrics_since(self, run: str, cursor: int, extra: str) -> dict[str, Any]:
        self.asked.append((run, cursor))
        self.extras.append(extra)
        curve = read_metrics_since(self.folder / f"{run}.jsonl", cursor, extra)
        answer = {**curve, "live": run not in self.ended, **({} if cursor else {"name": f"Run of {run}"})}
        if cursor:
            self.sizes.append(len(json.dumps(answer)))
        return answer

    def log(self, run: str, steps: range, loss: float = 2.0, **more: float) -> None:
        with (self.folder / f"{run}.jsonl").open("a") as file:
            for step in steps:
                value = 0.3 + loss / (1 + step / 20)
                row = {"step": step, "loss": value + step % 7 / 40, "smooth": value, "learning_rate": 2e-4}
                file.write(json.dumps(row | more) + "\n")
                if step % 20 == 0:
                    file.write(json.dumps({"step": step, "heldout_loss": value * 1.1}) + "\n")

    def mark(self, run: str, step: int, kind: str, words: str) -> None:
        with (self.folder / f"{run}.jsonl").open("a") as file:
            file.write(json.dumps({"step": step, "mark": kind, "words": words}) + "\n")


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


@pytest.fixture
def url(runs: Runs) -> Iterator[str]:
    with gr.Blocks() as demo:
        value = gr.Textbox(label="Run")
        chart = build_chart(runs.metrics_since)
        value.submit(lambda run: run, value, chart)
    _, url, _ = demo.launch(
        app_kwargs={"middleware": [build_guard(TOKEN)]},
        **{"quiet": True, "prevent_thread_lock": True, "share": False, "inline": False},
        **{"ssr_mode": False, "num_workers": 0, "footer_links": [], "run_history": False},
        **{"enable_monitoring": False},
    )
    yield f"{url}?token={TOKEN}"
    demo.close(verbose=False)


def show(page: Page, value: str) -> None:
    page.get_by_label("Run").fill(value)
    page.get_by_label("Run").press("Enter")


def expect_latest(page: Page, step: int) -> None:
    expect(page.get_by_role("img", name=f"at step {step}")).to_be_visible()


def drawn(page: Page) -> dict[str, Any]:
    return page.evaluate(
        """() => {
            const { data, _fullLayout: { xaxis, yaxis } } = chart.querySelector('.plot');
            return { steps: data[1].x, hue: data[1].line.color,
                     x: xaxis.range, y: yaxis.range, whole: xaxis.autorange };
        }"""
    )


def expect_labels(page: Page, labels: list[str]) -> None:
    page.wait_for_function(
        "labels => `${chart.querySelector('.plot').layout.annotations.map(({ text }) => text)}` === labels",
        arg=",".join(labels),
    )


def zoom(page: Page) -> None:
    box = page.locator("#chart .nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + box["height"] * 0.1)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.8, steps=5)
    page.mouse.up()
    expect(page.get_by_role("button", name="Show the whole curve")).to_be_visible()


def test_before_the_first_step_it_says_what_will_come(page, url, runs):
    page.goto(url)
    expect(page.get_by_text("The curve appears with the first step.")).to_be_visible()
    show(page, "orders")
    expect(page.get_by_text("The curve appears with the first step.")).to_be_visible()
    runs.log("orders", range(1, 3))
    expect_latest(page, 2)
    expect(page.get_by_text("The curve appears with the first step.")).to_be_hidden()


@pytest.mark.parametrize(("losses", "least"), [((2.5,), 0.25), ((2.5, 2.5004), 0.25), ((0.004, 0.0041), 0.005)])
def test_the_first_values_stand_on_an_axis_of_a_sensible_range(page, url, runs, losses, least):
    with (runs.folder / "orders.jsonl").open("w") as file:
        for step, loss in enumerate(losses):
            file.write(json.dumps({"step": step, "heldout_loss": loss}) + "\n")
    page.goto(url)
    show(page, "orders")
    page.wait_for_function(
        "count => window.chart?.querySelector('.plot').data?.[2].x.length === count", arg=len(losses)
    )
    low, high = drawn(page)["y"]
    assert 0 <= low < min(losses) <= max(losses) < high
    assert least <= high - low <= 2
    runs.log("orders", range(1, 101))
    expect_latest(page, 100)
    low, high = drawn(page)["y"]
    assert low < 0.7
    assert high > 2.2


def test_the_curve_moves_without_a_reload_and_keeps_its_zoom(page, url, runs):
    runs.log("orders", range(1, 101))
    page.goto(url)
    show(page, "orders")
    expect_latest(page, 100)
    page.evaluate("window.neverReloaded = true")
    zoom(page)
    before = drawn(page)
    runs.log("orders", range(101, 301))
    expect_latest(page, 300)
    after = drawn(page)
    assert after["steps"] == list(range(1, 301))
    assert (after["x"], after["y"]) == (before["x"], before["y"])
    assert page.evaluate("window.neverReloaded")
    page.get_by_role("button", name="Show the whole curve").click()
    expect(page.get_by_role("button", name="Show the whole curve")).to_be_hidden()
    assert drawn(page)["x"][1] >= 300


def test_another_run_begins_a_new_curve(page, url, runs):
    runs.log("orders", range(1, 101))
    runs.log("letters", range(1, 41), loss=1.0)
    page.goto(url)
    show(page, "orders")
    expect_latest(page, 100)
    zoom(page)
    show(page, "letters")
    expect_latest(page, 40)
    now = drawn(page)
    assert now["steps"] == list(range(1, 41))
    assert now["whole"]
    show(page, "")
    expect(page.get_by_role("img", name="Loss curve, empty")).to_be_visible()


def test_a_rewound_run_is_drawn_anew_where_the_person_looks(page, url, runs):
    runs.log("orders", range(1, 101))
    page.goto(url)
    show(page, "orders")
    expect_latest(page, 100)
    zoom(page)
    before = drawn(page)
    runs.log("orders", range(81, 91))
    expect_latest(page, 90)
    assert drawn(page)["steps"] == list(range(1, 91))
    assert drawn(page)["x"] == before["x"]


def test_it_asks_only_while_the_run_is_live_and_a_resumed_run_moves_on(page, url, runs):
    runs.log("orders", range(1, 11))
    runs.ended.add("orders")
    page.goto(url)
    show(page, "orders#interrupted")
    expect_latest(page, 10)
    asked = len(runs.asked)
    page.wait_for_timeout(5_000)
    assert len(runs.asked) == asked
    runs.ended.clear()
    runs.log("orders", range(11, 21))
    show(page, "orders#training")
    expect_latest(page, 20)
    assert all(cursor > 0 for _, cursor in runs.asked[asked:])


def test_names_stand_at_the_line_ends_in_both_modes_and_on_a_phone(page, url, runs):
    runs.log("orders", range(1, 101))
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(url)
    show(page, "orders")
    expect_latest(page, 100)
    expect_labels(page, ["trained<br>0.633", "held-out<br>0.697"])
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 1280, "height": 800})
    expect_labels(page, ["trained 0.633", "held-out 0.697"])
    hue = drawn(page)["hue"]
    page.evaluate("document.body.classList.add('dark')")
    page.wait_for_function("hue => chart.querySelector('.plot').data[1].line.color !== hue", arg=hue)
    expect_labels(page, ["trained 0.633", "held-out 0.697"])


def traces(page: Page) -> list[dict[str, Any]]:
    """What is drawn, without empty lines: name, x, y, hover words."""
    return page.evaluate(
        """() => chart.querySelector('.plot').data.filter(({ x, visible }) => x.length && visible !== false)
            .map(({ name, x, y, customdata, line }) => ({ name, x, y, words: customdata, dash: line?.dash }))"""
    )


def words_on(page: Page) -> list[str]:
    return page.evaluate("chart.querySelector('.plot').layout.annotations.map(({ text }) => text)")


def expect_trace(page: Page, name: str, length: int) -> dict[str, Any]:
    page.wait_for_function(
        "([name, length]) => chart.querySelector('.plot').data?.some((t) => t.name === name && t.x.length === length)",
        arg=[name, length],
    )
    return next(trace for trace in traces(page) if trace["name"] == name)


def test_what_the_run_logs_unfolds_below_and_keeps_the_zoom(page, url, runs):
    runs.log("orders", range(1, 101), memory_bytes=3 * 2**30, utilisation=0.985, kwh=0.061)
    page.goto(url)
    show(page, "orders")
    expect_latest(page, 100)
    choice = page.get_by_label("Also show")
    expect(choice.locator("option")).to_have_text(["nothing more", "Learning rate", "Memory", "Utilisation"])
    expect(page.get_by_text("memory 3.0 GB · 99 % busy · 0.061 kWh so far")).to_be_visible()
    assert set(runs.extras) == {""}
    zoom(page)
    before = drawn(page)
    choice.focus()
    page.keyboard.type("Mem")  # as one chooses without a mouse
    assert expect_trace(page, "Memory", 100)["y"] == pytest.approx([3.0] * 100, rel=1e-4)
    runs.log("orders", range(101, 111), memory_bytes=4 * 2**30)
    expect_latest(page, 110)
    assert expect_trace(page, "Memory", 110)["y"][-1] == pytest.approx(4.0, rel=1e-4)
    assert "4 GB" not in words_on(page)  # the name stands where the zoomed part ends
    assert drawn(page)["x"] == before["x"]
    page.get_by_role("button", name="Show the whole curve").click()
    page.wait_for_function("chart.querySelector('.plot').layout.annotations.some(({ text }) => text === '4 GB')")
    choice.select_option("")
    page.wait_for_function("chart.querySelector('.plot').data[3].visible === false")
    assert runs.sizes
    assert max(runs.sizes) <= 2_048


def test_a_choice_holds_for_the_next_run_that_has_it(page, url, runs):
    runs.log("orders", range(1, 31), power_w=180.0)
    runs.log("letters", range(1, 21))
    runs.log("tickets", range(1, 11), power_w=90.0)
    page.goto(url)
    show(page, "orders")
    expect_latest(page, 30)
    page.get_by_label("Also show").select_option("power_w")
    expect_trace(page, "Power", 30)
    show(page, "letters")
    expect_latest(page, 20)
    expect(page.get_by_label("Also show")).to_have_value("")
    show(page, "tickets")
    expect_latest(page, 10)
    assert expect_trace(page, "Power", 10)["y"] == [90.0] * 10


def test_moments_that_matter_are_marked_with_a_shape_a_word_and_hover_words(page, url, runs):
    runs.log("orders", range(1, 61))
    runs.mark("orders", 20, "best", "An earlier best.")
    runs.mark("orders", 40, "best", "Best so far.")
    runs.mark("orders", 30, "saved", "Saved.")
    runs.mark("orders", 50, "spike", "The loss jumped <b>")
    page.goto(url)
    show(page, "orders")
    expect_latest(page, 60)
    marked = {trace["name"]: trace for trace in traces(page)}
    assert (marked["best"]["x"], marked["saved"]["x"], marked["spikes"]["x"]) == ([40], [30], [50])
    assert marked["best"]["y"] == pytest.approx([(0.3 + 2 / 3) * 1.1], rel=1e-4)
    assert marked["spikes"]["words"] == ["The loss jumped &lt;b&gt; (step 50)"]
    assert {"best", "spike"} <= set(words_on(page))
    expect(page.get_by_role("img", name="best: step 40")).to_be_visible()
    runs.mark("orders", 60, "resumed", "Resumed after the power failed.")
    runs.log("orders", range(61, 71))
    expect_latest(page, 70)
    event = next(trace for trace in traces(page) if trace["name"] == "events")
    assert (event["x"], event["dash"]) == ([60, 60, None], "dash")
    assert "resumed" in words_on(page)
    assert [trace["x"] for trace in traces(page) if trace["name"] == "best"] == [[40]]


def test_words_do_not_crowd_the_curve(page, url, runs):
    runs.log("orders", range(1, 101))
    for step in range(10, 100, 2):
        runs.mark("orders", step, "paused", "Paused.")
        runs.mark("orders", step, "spike", "A spike.")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(url)
    show(page, "orders")
    expect_latest(page, 100)
    page.wait_for_function("chart.querySelector('.plot').layout.annotations.length > 2")
    assert len(words_on(page)) <= 12 + 2
    overlap = page.evaluate(
        """() => {
            const boxes = [...chart.querySelectorAll('.annotation-text')]
                .filter(({ textContent }) => /paused|spike/.test(textContent))
                .map((word) => word.getBoundingClientRect());
            return boxes.some((a, i) => boxes.some((b, j) => i < j && a.left < b.right && b.left < a.right
                && a.top + 3 < b.bottom && b.top + 3 < a.bottom));
        }"""
    )
    assert not overlap


def test_runs_are_compared_each_with_its_own_dash_and_name(page, url, runs):
    runs.log("orders", range(1, 101))
    runs.log("letters", range(1, 61), loss=1.0)
    runs.log("tickets", range(1, 101), loss=3.0)
    runs.ended.add("letters")
    page.goto(url)
    show(page, "orders#training")
    expect_latest(page, 100)
    zoom(page)
    before = drawn(page)
    show(page, "orders#training|letters|tickets|orders")
    expect_trace(page, "Run of letters", 60)
    expect_trace(page, "Run of tickets", 100)
    lines = {trace["name"]: trace for trace in traces(page)}
    dashes = [lines[f"Run of {name}"]["dash"] for name in ("letters", "tickets")]
    assert len({*dashes, None, "dot"}) == 4
    assert lines["Run of letters, held-out"]["dash"] == "dot"
    assert drawn(page)["x"] == before["x"]
    asked = len(runs.asked)
    runs.log("tickets", range(101, 121), loss=3.0)
    expect_trace(page, "Run of tickets", 120)
    later = runs.asked[asked:]
    assert all(cursor > 0 for _, cursor in later)
    assert "letters" not in {run for run, _ in later}
    page.get_by_role("button", name="Show the whole curve").click()
    page.wait_for_function(
        "chart.querySelector('.plot').layout.annotations.some(({ text }) => text.startsWith('Run of ticke'))"
    )
    show(page, "orders#training|tickets")
    page.wait_for_function("chart.querySelector('.plot').data.length === 10")
    expect_trace(page, "Run of tickets", 120)
    show(page, "orders#done")
    page.wait_for_function("chart.querySelector('.plot').data.length === 8")


def test_a_run_may_be_changed_while_the_picture_is_being_redrawn(page, url, runs):
    """What throws fails the test, by the fixture of the browser."""
    runs.log("orders", range(1, 41), power_w=180.0)
    runs.log("letters", range(1, 31), power_w=90.0)
    page.goto(url)
    show(page, "orders")
    expect_latest(page, 40)
    page.get_by_label("Also show").select_option("power_w")
    expect_trace(page, "Power", 40)
    page.evaluate(
        """() => {
            const plot = chart.querySelector('.plot');
            // Whenever a run's picture is taken away, colours and size change as well, before and after.
            new MutationObserver(() => {
                for (let turn = 0; turn < 4; turn += 1)
                    setTimeout(() => document.body.classList.toggle('dark'), turn * 7);
            }).observe(plot, { attributeFilter: ['aria-label'] });
        }"""
    )
    for run, last in (("letters", 30), ("orders", 40)) * 3:
        page.evaluate("document.body.classList.toggle('dark')")
        show(page, run)
        expect_latest(page, last)
    expect_trace(page, "Power", 40)


def test_the_page_does_not_grow_with_the_looks(page, url, runs):
    runs.log("orders", range(1, 101), power_w=180.0)
    runs.mark("orders", 40, "best", "Best so far.")
    page.goto(url)
    show(page, "orders#0")
    expect_latest(page, 100)
    page.get_by_label("Also show").select_option("power_w")
    expect_trace(page, "Power", 100)
    count = "document.querySelectorAll('*').length"
    before = page.evaluate(count)
    for look in range(1, 9):
        runs.log("orders", range(100 + look, 101 + look), power_w=180.0)
        runs.mark("orders", 100 + look, "saved", "Saved.")
        show(page, f"orders#{look}")
        expect_latest(page, 100 + look)
    assert page.evaluate(count) < before + 40  # a sign a saved step, no new picture a look
