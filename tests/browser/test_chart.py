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
    """Two runs whose metrics files the tests let grow."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ended: set[str] = set()
        self.asked: list[tuple[str, int]] = []

    def metrics_since(self, run: str, cursor: int) -> dict[str, Any]:
        self.asked.append((run, cursor))
        curve = read_metrics_since(self.folder / f"{run}.jsonl", cursor)
        return {**curve, "live": run not in self.ended}

    def log(self, run: str, steps: range, loss: float = 2.0) -> None:
        with (self.folder / f"{run}.jsonl").open("a") as file:
            for step in steps:
                value = 0.3 + loss / (1 + step / 20)
                row = {"step": step, "loss": value + step % 7 / 40, "smooth": value, "learning_rate": 2e-4}
                file.write(json.dumps(row) + "\n")
                if step % 20 == 0:
                    file.write(json.dumps({"step": step, "heldout_loss": value * 1.1}) + "\n")


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
    expect(page.get_by_role("img", name=f"at step {step}")).to_be_visible(timeout=15_000)


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


def test_the_learning_rate_unfolds_below(page, url, runs):
    runs.log("orders", range(1, 31))
    page.goto(url)
    show(page, "orders")
    expect_latest(page, 30)
    page.get_by_role("button", name="Learning rate").click()
    expect(page.get_by_role("button", name="Learning rate", pressed=True)).to_be_visible()
    page.wait_for_function("chart.querySelector('.plot').data[3].visible === true")
