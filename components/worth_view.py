"""Was it worth it? The base alone, with examples in its prompt, and tuned; before training: should I?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Literal

import gradio as gr

from components.alone import or_say
from components.frame import DataView, Shown, Studio, open_picked, require_rest
from components.notices import show_note, show_progress, told
from components.work_view import Work, WorkView
from components.worth_table import show_worth
from studio.compare.worth_again import say_behind
from studio.compare.worth_job import Job, job_before, job_of_run
from studio.data.datasets import Dataset, open_dataset
from studio.errors import DataError, RunError, TunesmithError
from studio.runs import Run, open_run
from studio.tasks import Progress, read_note
from studio.train.models import ensure_base, title_of
from studio.workspace import ASSETS

NOT_ASKED = (
    '<p class="fine">Not asked yet. The same held-out questions go to the base alone, to the base with the best three '
    "to five of your examples in its prompt, and to the tuned model: how right they are, how many tokens they cost, "
    "how long they take. A few minutes for small models.</p>"
)
NOT_ASKED_BEFORE = (
    '<p class="fine">{base} answers your held-out questions alone, and with the best three to five of your examples in '
    "its prompt. If that is good enough, you need no training; if not, you know what training has to beat. A few "
    "minutes for small models.</p>"
)
STOPPED = "Stopped. What was answered is kept; press the button to go on."


@dataclass(frozen=True)
class Asking:
    """A button that asks, one that stops, how far it is, and what was found."""

    ask: gr.Button
    stop: gr.Button
    state: gr.HTML
    shown: gr.HTML

    @property
    def outputs(self) -> list[Any]:
        return [self.stop, self.state, self.shown]

    def show(self, job: Job, empty: str) -> dict[Any, Any]:
        """Asking goes on while nobody looks."""
        known = read_note(job.note) if job.is_on else {}
        progress = Progress(known.get("message", "Starting"), known.get("share"), known.get("left_s"))
        return {
            self.stop: gr.Button(visible=job.is_on),
            self.state: show_progress(progress) if job.is_on else "",
            self.shown: or_say(lambda: show_worth(job.read()) or empty),
        }

    def watch(self, job: Job, empty: str) -> Iterator[dict[Any, Any]]:
        note = ""
        yield {self.state: show_progress(Progress("Starting")), self.stop: gr.Button(visible=True)}
        try:
            for progress in job.work():
                yield {self.state: show_progress(progress)}
        except TunesmithError:
            if not job.is_stopped:
                yield {self.state: "", self.stop: gr.Button(visible=False)}
                raise
            note = STOPPED
        yield {**self.show(job, empty), self.state: show_note(note)}

    def end(self, job: Job) -> dict[Any, Any]:
        job.stop()
        return {self.state: show_note(STOPPED), self.stop: gr.Button(visible=False)}


def _build_asking(words: str, name: str, variant: Literal["primary", "secondary"] = "secondary") -> Asking:
    with gr.Row():
        ask = gr.Button(words, variant=variant, elem_id=f"ask-{name}")
        stop = gr.Button("Stop", elem_id=f"stop-{name}", visible=False, scale=0, min_width=90)
    state = gr.HTML(elem_id=f"{name}-state")
    shown = gr.HTML(
        css_template=(ASSETS / "forgot.css").read_text(encoding="utf-8"), apply_default_css=False, elem_id=name
    )
    return Asking(ask, stop, state, shown)


def build_worth_view(studio: Studio, run: gr.Dropdown) -> WorkView:
    """Build it below `run`, which holds the id of the run that is picked."""
    asking = _build_asking("Was it worth it?", "worth", "primary")
    work = Work(asking.state, asking.stop, lambda chosen: job_of_run(chosen).note, STOPPED)

    def show(run_id: str | None) -> dict[Any, Any]:
        if not run_id:
            return {**work.show(None), asking.shown: NOT_ASKED}
        chosen = open_run(studio.workspace, run_id)
        return {**work.show(chosen), **found(chosen)}

    def found(chosen: Run) -> dict[Any, Any]:
        return {asking.shown: or_say(lambda: _show_of(chosen))}

    @told
    def ask(run_id: str | None) -> dict[Any, Any]:
        chosen = open_picked(studio, run_id)
        if not chosen.has_adapter:
            raise RunError(f"{chosen.title} has learned nothing yet.", "Let it train, or stop it to keep what it has.")
        job = job_of_run(chosen)
        _rest(studio, but=job.note)
        job.begin()
        return work.show(chosen)

    @told
    def end(run_id: str | None) -> dict[Any, Any]:
        chosen = open_picked(studio, run_id)
        job_of_run(chosen).stop()
        return work.show(chosen)

    _connect(asking, ask, end, [run])
    return WorkView(asking.outputs, show, found=found, work=work)


def _show_of(run: Run) -> str:
    known = job_of_run(run).read()
    return show_note(say_behind(run, known)) + (show_worth(known) or NOT_ASKED)


def build_should_view(studio: Studio, data: Shown) -> DataView:
    """Folded: the same before training, for the data set on the page and the model by which it was looked at."""
    with gr.Accordion("Should I train at all? Let the base try", open=False, elem_id="should"):
        asking = _build_asking("Let the base try", "worth-before")

    def empty(base: str) -> str:
        return NOT_ASKED_BEFORE.format(base=escape(title_of(base)))

    def show(dataset: Dataset, base: str) -> dict[Any, Any]:
        return asking.show(job_before(studio.workspace, dataset, base), empty(base))

    @told
    def ask(ref: str, base: str) -> Iterator[dict[Any, Any]]:
        dataset = _open(studio, ref)
        _rest(studio)
        for progress in ensure_base(studio.workspace, base):
            yield {asking.state: show_progress(progress)}
        yield from asking.watch(job_before(studio.workspace, dataset, base), empty(base))

    @told
    def end(ref: str, base: str) -> dict[Any, Any]:
        return asking.end(job_before(studio.workspace, _open(studio, ref), base))

    _connect(asking, ask, end, [data.ref, data.base])
    return DataView(asking.outputs, show)


def _connect(asking: Asking, ask: Callable[..., Any], end: Callable[..., Any], given: list[Any]) -> None:
    asking.ask.click(
        ask, given, asking.outputs, show_progress="hidden", concurrency_id="accelerator", concurrency_limit=1
    )
    asking.stop.click(end, given, [asking.state, asking.stop], show_progress="hidden")


def _open(studio: Studio, ref: str) -> Dataset:
    if not ref:
        raise DataError("There is no data set yet.", "Bring a file, or try the sample.")
    return open_dataset(studio.workspace, ref)


def _rest(studio: Studio, but: Path | None = None) -> None:
    """Nothing else has the memory, and times are not those of two at once."""
    require_rest(studio, but)
    studio.chat.close()
