"""More examples, made by a model that the person names: watched, called off, looked through, and only then added."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from components.frame import Shown, Studio, dataset_choices
from components.notices import show_note, show_progress, told
from studio.data import documents, making
from studio.data.datasets import Dataset, open_dataset
from studio.errors import DataError
from studio.keys import write_key

MOST_SEEDS = 40
ADDRESS = "http://localhost:11434/v1"


def build_making_view(studio: Studio, data: Shown) -> None:
    gr.Markdown(
        "A model writes new ones in the manner of yours. What is sent: the description, four of your examples at a "
        "time, and the document; to the address that you name, and nowhere else."
    )
    address = gr.Textbox(ADDRESS, label="Address of an OpenAI-compatible server", elem_id="make-address")
    model = gr.Textbox(label="Model", placeholder="llama3.1:8b, gpt-4.1-mini, …", elem_id="make-model")
    key = gr.Textbox(
        label="Key (kept in this system's keyring)",
        type="password",
        elem_id="make-key",
        info="A local server needs none.",
    )
    description = gr.Textbox(label="What are they for?", lines=2, elem_id="make-description")
    seeds = gr.Checkbox(True, label="Show it some of the examples on the right", elem_id="make-seeds")
    document = gr.File(label="A document to draw from", file_types=list(documents.SUFFIXES), height=140)
    with gr.Row():
        wanted = gr.Number(
            50, label="How many", precision=0, minimum=1, maximum=5_000, min_width=90, elem_id="make-many"
        )
        price_in = gr.Number(0, label="Price in", info="per million tokens", minimum=0, min_width=90)
        price_out = gr.Number(0, label="Price out", info="per million tokens", minimum=0, min_width=90)
    with gr.Row():
        start = gr.Button("Make them", size="sm", elem_id="make-start", min_width=90)
        go_on = gr.Button("Go on", size="sm", elem_id="make-go-on", min_width=70)
        stop = gr.Button("Stop", size="sm", elem_id="make-stop", min_width=60)
        show_made = gr.Button("Show what is made", size="sm", elem_id="make-show", min_width=110)
    state = gr.HTML(elem_id="make-state")
    with gr.Row():
        target = gr.Dropdown(label="Add what is shown on the right to", interactive=True, elem_id="make-target")
        add = gr.Button("Add them", size="sm", elem_id="make-add", min_width=90)

    @told
    def begin(ref: str, where: str, name: str, secret: str, about: str, with_seeds: bool, file: str | None,
              many: float, cost_in: float, cost_out: float) -> Iterator[Any]:  # fmt: skip
        _require_home(studio)
        dataset = open_dataset(studio.workspace, ref) if ref else None
        if secret:
            write_key(where.strip(), secret)
        ask = making.Ask(
            where.strip(),
            (name or "").strip(),
            about or "",
            int(many),
            _draw_seeds(dataset) if dataset and with_seeds else [],
            documents.read_document(Path(file)) if file else [],
            dataset.system if dataset else "",
            float(cost_in or 0),
            float(cost_out or 0),
        )
        job = making.begin(studio.workspace, dataset.name if dataset else "examples", ask)
        yield from watch(job)

    @told
    def again() -> Iterator[Any]:
        _require_home(studio)
        yield from watch(_newest(studio))

    def watch(job: Path) -> Iterator[Any]:
        for progress in making.run(studio.workspace, job):
            yield {state: show_progress(progress), data.arrived: ""}
        made = making.read_made(job)
        yield {state: show_note(f"Made {made.kept}, refused {made.refused}.", "good")}
        yield {data.arrived: making.keep(studio.workspace, job).ref}

    @told
    def end() -> str:
        job = _newest(studio)
        making.stop(job)
        made = making.read_made(job)
        return show_note(f"Stopped. {made.kept} are made and kept; Go on makes the rest.")

    @told
    def show_now() -> str:
        return making.keep(studio.workspace, _newest(studio)).ref

    @told
    def add_them(ref: str, chosen: str | None) -> str:
        if not chosen:
            raise DataError("Add them to what?", "Pick a data set of yours.")
        made = open_dataset(studio.workspace, ref)
        return making.join(studio.workspace, made, open_dataset(studio.workspace, chosen)).ref

    given = [data.ref, address, model, key, description, seeds, document, wanted, price_in, price_out]
    watched = [state, data.arrived]
    data.arrivals.append(start.click(begin, given, watched, show_progress="hidden"))
    data.arrivals.append(go_on.click(again, None, watched, show_progress="hidden"))
    stop.click(end, None, state, show_progress="hidden")
    data.arrivals.append(show_made.click(show_now, None, data.arrived, show_progress="hidden"))
    data.arrivals.append(add.click(add_them, [data.ref, target], data.arrived, show_progress="hidden"))
    target.focus(
        lambda: gr.Dropdown(choices=dataset_choices(studio)), None, target, show_progress="hidden", queue=False
    )


def _require_home(studio: Studio) -> None:
    if studio.shared:
        raise DataError("Examples are not made over a shared link.", "Open the studio on the machine itself.")


def _newest(studio: Studio) -> Path:
    jobs = making.list_jobs(studio.workspace)
    if not jobs:
        raise DataError("Nothing has been made yet.", "Say what you want and press Make them.")
    return jobs[0]


def _draw_seeds(dataset: Dataset) -> list[dict[str, str]]:
    """Of what is learned from alone: what is held out stays unseen."""
    index = dataset.index
    rows = [int(row) for row, _, side in index if side == 0]
    drawn = random.Random(1).sample(rows, min(MOST_SEEDS, len(rows)))
    return [
        {"question": conversation.prompt[-1].content, "answer": conversation.wanted}
        for conversation, _ in dataset.rows(drawn)
        if conversation.prompt
    ]
