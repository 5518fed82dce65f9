"""Bring a file, see what is in it and what is wrong with it, mend it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from components.advice_view import build_advice_view
from components.bubbles import show_conversation
from components.examples_view import build_examples_view
from components.findings_view import build_findings_view
from components.frame import Shown, Studio, TabView, current_ref, dataset_choices
from components.making_view import build_making_view
from components.notices import show_note, show_progress, told
from components.sample_view import build_sample_view
from components.summary import show_summary
from components.tokens_view import build_tokens_view
from components.versions_view import build_versions_view
from components.worth_view import build_should_view
from studio.data import datasets, formats, intake
from studio.data import review as looking
from studio.data.read import EXPECTED, SUFFIXES
from studio.data.rows import Row
from studio.data.shapes import SHAPES
from studio.errors import DataError, TunesmithError
from studio.place import read_place, write_place
from studio.train.models import STARTER, ensure_base, is_ready, title_of
from studio.workspace import SAMPLE

EMPTY = (
    '<div class="empty"><h3>Your examples appear here</h3><p>One example is a question and the answer that you '
    "would have given. A few dozen teach a tone, a few hundred a task.</p><p>No file at hand? Try the sample: "
    "400 customers’ e-mails, each with the ticket it should become.</p></div>"
)
_WAIT = '<div class="progress" role="status"><p>Reading the file</p><progress></progress></div>'
BY_ITSELF, COLUMNS = "", formats.YOUR_COLUMNS


def build_data_tab(studio: Studio) -> TabView:
    with gr.Row(elem_classes="split"):
        with gr.Column(scale=1, min_width=300, elem_classes="decide"):
            upload = gr.File(
                label="Drop a file of examples here", file_types=list(SUFFIXES), elem_id="upload", height=180
            )
            sample = gr.Button("Try the sample", elem_id="try-sample")
            with gr.Accordion("Open a file by its path", open=False, visible=not studio.shared):
                path = gr.Textbox(label="Path of a file or a folder", elem_id="path", info=EXPECTED)
                open_path = gr.Button("Open", elem_id="open-path")
            saved = gr.Dropdown(label="Your data sets", elem_id="datasets", interactive=True)
            pending = gr.Textbox(visible=False)
            with gr.Accordion("Was it read wrongly?", open=False, visible=False, elem_id="reread") as reread:
                shape = gr.Dropdown(
                    [
                        ("Each row by itself", BY_ITSELF),
                        *((s.name, s.name) for s in SHAPES),
                        ("Columns I name", COLUMNS),
                    ],
                    value=BY_ITSELF,
                    label="Read the rows as",
                    elem_id="shape",
                )
                again = gr.Button("Read it again", elem_id="read-again")
            with gr.Column(visible=False, elem_id="mapping") as mapping:
                gr.Markdown("### Which column is what?")
                question = gr.Dropdown(label="Question", elem_id="map-question", interactive=True)
                answer = gr.Dropdown(label="Answer", elem_id="map-answer", interactive=True)
                context = gr.Dropdown(label="Passage before the question (often none)", interactive=True)
                system = gr.Dropdown(label="Instruction (often none)", elem_id="map-system", interactive=True)
                preview = gr.HTML(elem_id="map-preview")
                use = gr.Button("Use these columns", variant="primary", elem_id="map-use")
            current, counted, arrived = (gr.Textbox(visible=False) for _ in range(3))
            data = Shown(current, counted, arrived, [])
            with gr.Accordion("Make more examples", open=False, visible=not studio.shared, elem_id="making"):
                build_making_view(studio, data)
            train = gr.Button("Next: Train", variant="primary", elem_id="to-train", interactive=False)
        with gr.Column(scale=2, min_width=320, elem_classes="see"):
            summary = gr.HTML(EMPTY, elem_id="data-summary")
            stop = gr.Button("Stop", size="sm", visible=False, elem_id="stop-reading")
            seen = gr.Textbox(visible=False)  # the ref of what is shown
            with gr.Tabs(visible=False, elem_id="data-tabs") as inner:
                views = []
                with gr.Tab("Findings"):
                    views.append(build_findings_view(studio, data))
                with gr.Tab("Examples"):
                    views.append(build_examples_view(studio, data))
                with gr.Tab("Sample"):
                    views.append(build_sample_view(studio, data))
                with gr.Tab("Tokens"):
                    views.append(build_tokens_view(studio, data))
                with gr.Tab("Advice"):
                    views.append(build_advice_view(studio, data))
                    views.append(build_should_view(studio, data))
                with gr.Tab("Versions"):
                    views.append(build_versions_view(studio, data))

    columns = [question, answer, context, system]
    shown = [summary, stop, current, seen, counted, inner, train, saved, pending, mapping, reread]
    shown += [output for view in views for output in view.outputs]

    def show(ref: str, remember: bool = True) -> Iterator[Any]:
        """A version of a data set, with progress while it is looked at; `remember` it as the one the person is at."""
        choices = dataset_choices(studio)
        if not ref:
            yield {
                summary: EMPTY,
                inner: gr.Tabs(visible=False),
                train: gr.Button(interactive=False),
                saved: gr.Dropdown(choices=choices, value=None),
                stop: gr.Button(visible=False),
            }
            return
        dataset = datasets.open_dataset(studio.workspace, ref)
        base = read_place(studio.workspace).base
        known = base if base == STARTER or is_ready(studio.workspace, base) else STARTER
        waiting = {mapping: gr.Column(visible=False), stop: gr.Button(visible=False)}
        for progress in ensure_base(studio.workspace, known):
            yield {summary: show_progress(progress), **waiting}
        yield {current: dataset.ref, counted: known}
        try:
            for progress in looking.review(studio.workspace, dataset, known, datasets.DEFAULT_MAX_LENGTH):
                yield {summary: show_progress(progress), **waiting, stop: gr.Button(visible=True)}
        except TunesmithError:
            words = f"{dataset.title} was not looked at to the end. Pick it under Your data sets to try again."
            yield {summary: show_note(words), saved: gr.Dropdown(choices=choices, value=None), **waiting}
            raise
        found = looking.read_review(dataset, known, datasets.DEFAULT_MAX_LENGTH)
        if found is None:
            raise DataError("What was found has vanished.", "Open the data set again.")
        if remember:
            write_place(studio.workspace, dataset=dataset.ref)
        yield {
            summary: show_summary(dataset, found, title_of(known), "" if known == base else base),
            seen: dataset.ref,
            inner: gr.Tabs(visible=True),
            train: gr.Button(interactive=True),
            saved: gr.Dropdown(choices=choices, value=dataset.ref),
            reread: gr.Accordion(visible=True),
            **waiting,
            **{output: value for view in views for output, value in view.show(dataset, known).items()},
        }

    def take(file: Path, reading: intake.Reading | None = None) -> Iterator[Any]:
        """Read a file and show it; what was shown before comes back where that fails or is called off."""
        try:
            yield from take_in(file, reading)
        except Exception:
            yield from show(current_ref(studio))
            raise

    def take_in(file: Path, reading: intake.Reading | None) -> Iterator[Any]:
        yield {summary: _WAIT, pending: str(file), mapping: gr.Column(visible=False)}
        if reading is None:
            rows = intake.first_rows(file)
            if not formats.convert_rows(rows).conversations:
                yield ask_for_columns(file, rows)
                return
        for progress in intake.take_in(studio.workspace, file, reading):
            yield {summary: show_progress(progress), stop: gr.Button(visible=True)}
        yield from show(intake.taken(studio.workspace, file).ref)

    def ask_for_columns(file: Path, rows: list[Row]) -> dict[Any, Any]:
        names = list(dict.fromkeys(name for row in rows for name in row.value))
        guess = formats.suggest_mapping([row.value for row in rows])
        if guess is None:
            raise DataError(
                f"{file.name} has no two columns of text: {', '.join(names) or 'none at all'}.",
                "Bring a table with a question and an answer in each row, or JSONL with messages.",
            )
        maybe = [("none", ""), *((name, name) for name in names)]
        return {
            summary: show_note(
                f"{file.name}: its columns say nothing of question and answer; say on the left which is which."
            ),
            stop: gr.Button(visible=False),
            inner: gr.Tabs(visible=False),
            train: gr.Button(interactive=False),
            saved: gr.Dropdown(value=None),
            reread: gr.Accordion(visible=False),
            mapping: gr.Column(visible=True),
            question: gr.Dropdown(choices=names, value=guess.question),
            answer: gr.Dropdown(choices=names, value=guess.answer),
            context: gr.Dropdown(choices=maybe, value=guess.context),
            system: gr.Dropdown(choices=maybe, value=""),
            preview: _preview(file, guess),
        }

    @told
    def take_upload(file: str | None) -> Iterator[Any]:
        """The field is empty again afterwards: Gradio's takes no other file while it shows one."""
        if not file:
            return
        try:
            yield from take(Path(file))
        except Exception:
            yield {upload: None}
            raise
        yield {upload: None}

    @told
    def take_path(typed: str) -> Iterator[Any]:
        if studio.shared:
            raise DataError("Paths are not opened over a shared link.", "Drop the file on the page instead.")
        yield from take(Path(typed.strip().strip('"')).expanduser())

    @told
    def take_sample() -> Iterator[Any]:
        yield from take(SAMPLE)

    @told
    def take_again(file: str, chosen: str) -> Iterator[Any]:
        if not file:
            raise DataError(
                "The file itself is not at hand any more.", "Bring it again; then it can be read otherwise."
            )
        source = _uploaded(studio, file)
        if chosen == COLUMNS:
            yield ask_for_columns(source, intake.first_rows(source))
        else:
            yield from take(source, intake.Reading(shape=chosen))

    @told
    def take_mapped(file: str, *named: str) -> Iterator[Any]:
        yield from take(_uploaded(studio, file), intake.Reading(_mapping(*named)))

    @told
    def show_preview(file: str, *named: str) -> str:
        return _preview(_uploaded(studio, file), _mapping(*named))

    @told
    def call_off(file: str, ref: str, base: str) -> Any:
        if file:
            intake.call_off(studio.workspace, _uploaded(studio, file))
        if ref:
            dataset = datasets.open_dataset(studio.workspace, ref)
            looking.call_off(dataset, base, datasets.DEFAULT_MAX_LENGTH)
        return gr.Button(visible=False)

    @told
    def show_saved(ref: str) -> Iterator[Any]:
        yield {pending: ""}
        yield from show(ref)

    @told
    def show_changed(ref: str, before: str) -> Iterator[Any]:
        """After a press in one of the views: where it made or took another version, all shows that."""
        yield gr.skip()
        if ref and ref != before:
            yield from show(ref)

    @told
    def read() -> Iterator[Any]:
        yield from show_current()

    def show_current() -> Iterator[Any]:
        """What the person is at; if they took something else meanwhile, that."""
        ref = current_ref(studio)
        for seen_so_far in show(ref, remember=False):
            if current_ref(studio) != ref:
                yield from show_current()
                return
            yield seen_so_far

    everything = [*shown, *columns, preview]
    upload.upload(take_upload, upload, [*everything, upload], show_progress="hidden")
    sample.click(take_sample, None, everything, show_progress="hidden")
    gr.on([open_path.click, path.submit], take_path, path, everything, show_progress="hidden")
    use.click(take_mapped, [pending, *columns], everything, show_progress="hidden")
    again.click(take_again, [pending, shape], everything, show_progress="hidden")
    stop.click(call_off, [pending, current, counted], stop, show_progress="hidden")
    saved.input(show_saved, saved, shown, show_progress="hidden")
    gr.on([field.input for field in columns], show_preview, [pending, *columns], preview, show_progress="hidden")
    for arrival in data.arrivals:
        arrival.success(show_changed, [arrived, seen], shown, show_progress="hidden")
    takes = [upload.upload, sample.click, open_path.click, path.submit, use.click, again.click, saved.input]
    return TabView(read, shown, [(train, "train")], interrupts=takes)


def _uploaded(studio: Studio, file: str) -> Path:
    """A path that came back from the page: over a shared link only what was uploaded may be read."""
    path = Path(file).resolve()
    if studio.shared and path != SAMPLE and Path(gr.utils.get_upload_folder()).resolve() not in path.parents:
        raise DataError("That file was not uploaded here.", "Drop the file on the page again.")
    return path


def _mapping(question: str, answer: str, context: str, system: str) -> formats.Mapping:
    return formats.Mapping(question, answer, system or "", context or "")


def _preview(file: Path, mapping: formats.Mapping) -> str:
    read = formats.convert_rows(intake.first_rows(file), mapping)
    if not read.conversations:
        return show_note("No row has both columns.", "bad")
    return "<h4>So it reads</h4>" + "".join(show_conversation(c, 300) for c in read.conversations[:3])
