"""Bring a file, see what is in it and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from components.bubbles import show_conversation
from components.frame import Studio, TabView, dataset_choices, pick
from components.notices import show_note, show_progress, told
from studio.data import datasets, formats
from studio.data.audit.checks import UNREADABLE
from studio.data.audit.finding import Example, Finding
from studio.data.audit.run import Audit
from studio.data.conversation import Conversation
from studio.data.read import EXPECTED, SUFFIXES
from studio.data.review import read_review, review
from studio.errors import DataError
from studio.place import read_place, write_place
from studio.train.models import STARTER, ensure_base, is_ready, title_of
from studio.workspace import SAMPLE

EXAMPLES_A_PAGE = 5
ROWS_A_FINDING = 8
ROWS_UNREADABLE = 50
SIGNS = {"error": "✖ Broken", "warning": "▲ Look at this", "note": "• For your eyes"}
EMPTY = (
    '<div class="empty"><h3>Your examples appear here</h3><p>One example is a question and the answer that you '
    "would have given. A few dozen teach a tone, a few hundred a task.</p><p>No file at hand? Try the sample: "
    "400 customers’ e-mails, each with the ticket it should become.</p></div>"
)


def build_data_tab(studio: Studio) -> TabView:
    with gr.Row(elem_classes="split"):
        with gr.Column(scale=1, min_width=300, elem_classes="decide"):
            upload = gr.File(
                label="Drop a file of examples here", file_types=list(SUFFIXES), elem_id="upload", height=180
            )
            sample = gr.Button("Try the sample", elem_id="try-sample")
            with gr.Accordion("Open a file by its path", open=False, visible=not studio.shared):
                path = gr.Textbox(label="Path on this computer", elem_id="path", info=EXPECTED)
                open_path = gr.Button("Open", elem_id="open-path")
            saved = gr.Dropdown(label="Your data sets", elem_id="datasets", interactive=True)
            with gr.Column(visible=False, elem_id="mapping") as mapping:
                gr.Markdown("### Which column is what?")
                pending = gr.Textbox(visible=False)
                question = gr.Dropdown(label="Question", elem_id="map-question", interactive=True)
                answer = gr.Dropdown(label="Answer", elem_id="map-answer", interactive=True)
                system = gr.Dropdown(label="Instruction (often none)", elem_id="map-system", interactive=True)
                preview = gr.HTML(elem_id="map-preview")
                use = gr.Button("Use these columns", variant="primary", elem_id="map-use")
            train = gr.Button("Next: Train", variant="primary", elem_id="to-train", interactive=False)
        with gr.Column(scale=2, min_width=320, elem_classes="see"):
            summary = gr.HTML(EMPTY, elem_id="data-summary")
            findings = gr.HTML(elem_id="findings")
            with gr.Column(visible=False) as pages:
                with gr.Row():
                    earlier = gr.Button("Earlier", size="sm", elem_id="earlier", min_width=70)
                    page = gr.Number(1, label="Page of examples", precision=0, minimum=1, elem_id="page", min_width=120)
                    later = gr.Button("Later", size="sm", elem_id="later", min_width=70)
                examples = gr.HTML(elem_id="examples")

    shown = [summary, findings, pages, page, examples, train, saved, mapping]
    form = [question, answer, system]

    def show(name: str) -> Iterator[Any]:
        """The data set of that name, with progress while its tokens are counted."""
        choices = dataset_choices(studio)
        if not name:
            yield _blank(choices)
            return
        dataset = datasets.open_dataset(studio.workspace, name)
        base = read_place(studio.workspace).base
        counted = base if base == STARTER or is_ready(studio.workspace, base) else STARTER
        for progress in ensure_base(studio.workspace, counted):
            yield {summary: show_progress(progress), findings: "", mapping: gr.Column(visible=False)}
        for progress in review(studio.workspace, dataset, counted, datasets.DEFAULT_MAX_LENGTH):
            yield {summary: show_progress(progress), findings: "", mapping: gr.Column(visible=False)}
        found = read_review(dataset, counted, datasets.DEFAULT_MAX_LENGTH)
        if found is None:
            raise DataError("What was found has vanished.", "Open the data set again.")
        conversations = dataset.conversations()
        write_place(studio.workspace, dataset=name)
        yield {
            summary: _show_summary(dataset, found, title_of(counted), "" if counted == base else base),
            findings: _show_findings(dataset, found, {c.row: c for c in conversations}),
            pages: gr.Column(visible=True),
            page: 1,
            examples: _show_page(conversations, 1),
            train: gr.Button(interactive=True),
            saved: gr.Dropdown(choices=choices, value=name),
            mapping: gr.Column(visible=False),
        }

    def _blank(choices: list[tuple[str, str]]) -> dict[Any, Any]:
        return {
            summary: EMPTY,
            findings: "",
            pages: gr.Column(visible=False),
            examples: "",
            train: gr.Button(interactive=False),
            saved: gr.Dropdown(choices=choices, value=None),
        }

    def take(file: Path, mapped: formats.Mapping | None = None) -> Iterator[Any]:
        yield {summary: '<div class="progress" role="status"><p>Reading the file</p><progress></progress></div>'}
        read = datasets.read_examples(file, mapped)
        if not read.conversations and read.unmapped and mapped is None:
            yield ask_for_columns(file, read)
            return
        dataset = datasets.save_dataset(studio.workspace, file.stem, file.name, read)
        yield from show(dataset.name)

    def ask_for_columns(file: Path, read: formats.Converted) -> dict[Any, Any]:
        guess = formats.suggest_mapping(read.unmapped)
        if guess is None:
            raise DataError(
                f"{file.name} has no two columns of text: {', '.join(read.columns) or 'none at all'}.",
                "Bring a table with a question and an answer in each row, or JSONL with messages.",
            )
        columns = read.columns
        return {
            summary: show_note(
                f"{file.name}: {read.rows} rows. Its columns say nothing of question and answer; "
                "say on the left which is which."
            ),
            findings: "",
            mapping: gr.Column(visible=True),
            pending: str(file),
            question: gr.Dropdown(choices=columns, value=guess.question),
            answer: gr.Dropdown(choices=columns, value=guess.answer),
            system: gr.Dropdown(choices=[("none", ""), *((c, c) for c in columns)], value=""),
            preview: _preview(file, guess),
        }

    @told
    def take_upload(file: str | None) -> Iterator[Any]:
        if file:
            yield from take(Path(file))

    @told
    def take_path(typed: str) -> Iterator[Any]:
        if studio.shared:
            raise DataError("Paths are not opened over a shared link.", "Drop the file on the page instead.")
        yield from take(Path(typed.strip().strip('"')).expanduser())

    @told
    def take_sample() -> Iterator[Any]:
        yield from take(SAMPLE)

    @told
    def take_mapped(file: str, asked: str, answered: str, instructed: str) -> Iterator[Any]:
        yield from take(_uploaded(studio, file), formats.Mapping(asked, answered, instructed or ""))

    @told
    def show_preview(file: str, asked: str, answered: str, instructed: str) -> str:
        return _preview(_uploaded(studio, file), formats.Mapping(asked, answered, instructed or ""))

    @told
    def show_saved(name: str) -> Iterator[Any]:
        yield from show(name)

    def turn(step: int) -> Any:
        @told
        def turned(name: str | None, number: float | None) -> Any:
            if not name:
                return 1, ""
            conversations = datasets.open_dataset(studio.workspace, name).conversations()
            last = max(1, -(-len(conversations) // EXAMPLES_A_PAGE))
            wanted = min(max(1, int(number or 1) + step), last)
            return wanted, _show_page(conversations, wanted)

        return turned

    everything = [*shown, pending, *form, preview]
    upload.upload(take_upload, upload, everything, show_progress="hidden")
    sample.click(take_sample, None, everything, show_progress="hidden")
    gr.on([open_path.click, path.submit], take_path, path, everything, show_progress="hidden")
    use.click(take_mapped, [pending, *form], everything, show_progress="hidden")
    saved.input(show_saved, saved, shown, show_progress="hidden")
    gr.on([field.input for field in form], show_preview, [pending, *form], preview, show_progress="hidden")
    earlier.click(turn(-1), [saved, page], [page, examples], show_progress="hidden")
    later.click(turn(1), [saved, page], [page, examples], show_progress="hidden")
    page.submit(turn(0), [saved, page], [page, examples], show_progress="hidden")

    @told
    def read() -> Iterator[Any]:
        yield from show(pick(dataset_choices(studio), read_place(studio.workspace).dataset) or "")

    return TabView(read, shown, [(train, "train")])


def _uploaded(studio: Studio, file: str) -> Path:
    """A path that came back from the page: over a shared link only what was uploaded may be read."""
    path = Path(file).resolve()
    if studio.shared and Path(gr.utils.get_upload_folder()).resolve() not in path.parents:
        raise DataError("That file was not uploaded here.", "Drop the file on the page again.")
    return path


def _preview(file: Path, mapping: formats.Mapping) -> str:
    read = datasets.read_examples(file, mapping)
    if not read.conversations:
        return show_note("No row has both columns.", "bad")
    return "<h4>So it reads</h4>" + "".join(show_conversation(c, 300) for c in read.conversations[:3])


def _show_summary(dataset: datasets.Dataset, found: Audit, counted_by: str, missing: str) -> str:
    about = dataset.description
    shapes = ", ".join(f"{count} as {name}" for name, count in about["shapes"].items())
    counts = dataset.counts
    figures = {
        "examples": f"{found.examples:,}",
        "turns": f"{found.turns:,}",
        "tokens": f"{found.tokens:,}",
        "of them learned": f"{found.learned_tokens:,}",
    }
    cells = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in figures.items())
    notes = [
        f"Recognised: {shapes}. Counted with the tokens of {counted_by}.",
        f"Split: {counts['train']} to learn from, {counts['validation']} to watch while training, "
        f"{counts['test']} held out for the proof"
        + (f", {counts['left_out']} left out for want of a question or an answer." if counts["left_out"] else "."),
    ]
    if missing:
        notes.append(f"{missing} is not downloaded yet; its own tokens are counted once it is.")
    if found.refused:
        notes.append(f"{found.refused} examples are refused by this model’s chat template and will be left out.")
    body = "".join(f"<p>{escape(note)}</p>" for note in notes)
    return (
        f'<h2>{escape(dataset.name)}</h2><dl class="figures">{cells}</dl>{body}'
        f'<p class="fine">From {escape(str(about["source"]))}. SHA-256 {dataset.sha256[:16]}…</p>'
    )


def _show_findings(dataset: datasets.Dataset, found: Audit, by_row: dict[int, Conversation]) -> str:
    if not found.findings:
        return '<div class="note good" role="status">✔ Nothing wrong was found.</div>'
    items = "".join(_show_finding(dataset, finding, by_row) for finding in found.findings)
    return f"<h3>What was found</h3>{items}"


def _show_finding(dataset: datasets.Dataset, finding: Finding, by_row: dict[int, Conversation]) -> str:
    if finding.check is UNREADABLE:
        rows = "".join(
            f"<li>Line {row.line} {escape(row.reason)}. <code>{escape(row.text)}</code></li>"
            for row in dataset.unreadable[:ROWS_UNREADABLE]
        )
        body, shown = f"<ul>{rows}</ul>", ROWS_UNREADABLE
    else:
        examples = [by_row[row] for row in finding.rows[:ROWS_A_FINDING]]
        look = finding.check.look or (lambda example: ())
        body = "".join(show_conversation(c, 600, list(look(Example(c, None)))) for c in examples)
        shown = ROWS_A_FINDING
    more = finding.count - shown
    body += f"<p>… and {more:,} more.</p>" if more > 0 else ""
    return (
        f'<details class="finding {finding.check.severity}"><summary><strong>{SIGNS[finding.check.severity]}</strong> '
        f"{escape(finding.sentence)}</summary><p>{escape(finding.check.why)}</p>{body}</details>"
    )


def _show_page(conversations: list[Any], number: int) -> str:
    start = (number - 1) * EXAMPLES_A_PAGE
    part = conversations[start : start + EXAMPLES_A_PAGE]
    head = f"<p>Examples {start + 1} to {start + len(part)} of {len(conversations):,}</p>"
    return head + "".join(show_conversation(conversation) for conversation in part)
