"""Take the tuned model home: one file that was run before it is called good."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any
from urllib.parse import quote

import gradio as gr

from components.frame import Studio, TabView, open_picked, pick, require_rest, run_choices
from components.notices import ending_with, show_note, show_progress, told, words_for, words_for_size
from studio.compare.endings import TOO_MANY
from studio.export import gguf
from studio.place import read_place, write_place
from studio.runs import Run, open_run

STEPS = (
    ("Merge", "merg"),
    ("Convert and round", "convert"),
    ("Check", "check"),
)


def build_export_tab(studio: Studio) -> TabView:
    with gr.Row(elem_classes="split"):
        with gr.Column(scale=1, min_width=300, elem_classes="decide"):
            run = gr.Dropdown(label="Run", elem_id="export-run", interactive=True)
            kind = gr.Radio(
                [(title, name) for name, title in gguf.KINDS.items()],
                value="gguf",
                label="What to make",
                elem_id="kind",
            )
            quant = gr.Radio(
                [(q.title, q.id) for q in gguf.QUANTS.values()], value="q4_k_m", label="How small", elem_id="quant",
                info="Q4_K_M is rounded with your own training examples in view, where the model’s kind allows it.",
            )  # fmt: skip
            make = gr.Button("Make it", variant="primary", elem_id="make")
            cancel = gr.Button("Cancel", variant="stop", visible=False, elem_id="cancel-export")
        with gr.Column(scale=2, min_width=320, elem_classes="see"):
            state = gr.HTML(_empty(), elem_id="export-state")
            modelfile = gr.Code(label="Ollama Modelfile", visible=False, elem_id="modelfile", interactive=False)

    shown = [state, modelfile, make, cancel]

    @told
    def export(run_id: str | None, chosen: str, size: str) -> Iterator[Any]:
        tuned = open_picked(studio, run_id)
        require_rest(studio, but=gguf.note_of(tuned, chosen, size))
        studio.chat.close()
        write_place(studio.workspace, run=tuned.id)
        yield {
            make: gr.Button(interactive=False),
            cancel: gr.Button(visible=True),
            modelfile: gr.Code(visible=False),
        }
        idle = {make: gr.Button(interactive=True), cancel: gr.Button(visible=False)}
        yield from ending_with(work(tuned, chosen, size), idle)

    def work(tuned: Run, chosen: str, size: str) -> Iterator[Any]:
        for progress in gguf.export_run(tuned, chosen, size):
            yield {state: (_show_steps(progress.message) if chosen == "gguf" else "") + show_progress(progress)}
        yield show(tuned.id, chosen, size)

    @told
    def end(run_id: str | None, chosen: str, size: str) -> Any:
        if run_id:
            gguf.stop_export(open_run(studio.workspace, run_id), chosen, size)
        return {state: show_note("Cancelled. Nothing was left behind.")}

    def show(run_id: str | None, chosen: str, size: str) -> dict[Any, Any]:
        made = gguf.read_export(open_run(studio.workspace, run_id), chosen, size) if run_id else None
        return {
            state: _show_export(made) if made else _empty(),
            modelfile: gr.Code(value=made.modelfile if made else "", visible=bool(made and made.modelfile)),
        }

    @told
    def change(run_id: str | None, chosen: str, size: str) -> Any:
        return {**show(run_id, chosen, size), quant: gr.Radio(visible=chosen == "gguf")}

    make.click(
        export,
        [run, kind, quant],
        shown,
        show_progress="hidden",
        concurrency_id="accelerator",
        concurrency_limit=1,
    )
    cancel.click(end, [run, kind, quant], [state], queue=False)
    gr.on(
        [run.input, kind.input, quant.input],
        change,
        [run, kind, quant],
        [state, modelfile, quant],
        show_progress="hidden",
    )

    @told
    def read(wanted: str, size: str) -> Any:
        choices = run_choices(studio)
        chosen = pick(choices, read_place(studio.workspace).run)
        return {run: gr.Dropdown(choices=choices, value=chosen), **show(chosen, wanted, size)}

    # What to make stays as it is: who comes here chooses it while this is still being read.
    return TabView(read, [run, state, modelfile], inputs=[kind, quant])


def _empty() -> str:
    return (
        '<div class="empty"><h3>Your file appears here</h3><p>Press Make it. The adapter is merged into its base, '
        "converted, rounded, and then run: ten questions that no training saw must be answered as the trained model "
        "answers them. Only then is the file called good.</p></div>"
    )


def _show_steps(message: str) -> str:
    current = next((i for i, (_, word) in enumerate(STEPS) if word in message.lower()), -1)
    signs = ["✔" if i < current else "…" if i == current else "○" for i in range(len(STEPS))]
    items = "".join(f"<li>{sign} {title}</li>" for sign, (title, _) in zip(signs, STEPS, strict=True))
    return f'<ol class="steps">{items}</ol>'


def _say_endless(check: dict[str, Any]) -> str:
    """Empty where the trained model ends its answers."""
    ending = check.get("should_finish", 1.0)
    if ending >= 1 - TOO_MANY:
        return ""
    return (
        f"▲ The trained model itself ends only {ending:.0%} of its answers; the others go on until they are cut. "
        "Train it longer, and see that no answers are cut off."
    )


def _show_export(made: gguf.Export) -> str:
    size = f"{words_for_size(made.size_bytes)}, made in {words_for(made.seconds)}"
    place = f"<p>Where it is: <code>{escape(str(made.path))}</code></p>"
    if not made.checked:
        return f"<h2>Made</h2><p>{size}.</p>{place}{show_note(escape(made.words)) if made.words else ''}"
    check = made.check
    link = (
        f'<p><a class="download" id="download" download href="/gradio_api/file={quote(made.path.as_posix())}">'
        f"Download {escape(made.path.name)}</a></p>"
    )
    proof = show_note(
        f"✔ Proven: the file was run with {check['prompts']} questions that no training saw. "
        f"It read {check['same_prompt']:.0%} of them exactly as the trained model does, ended {check['finished']:.0%} "
        f"of its answers by itself, and {check['agreement']:.0%} of its next words are the trained model’s.",
        "good",
    )
    proof += show_note(_say_endless(check)) + (show_note(escape(made.words)) if made.words else "")
    how = (
        "<p>In <strong>LM Studio</strong>: put the file into its models folder, under any two folders. "
        "In <strong>Ollama</strong>: save the Modelfile below beside the file (it lies there already) and run "
        "<code>ollama create my-model -f Modelfile</code>.</p>"
    )
    return f"<h2>Your model</h2>{proof}<p>{size}.</p>{place}{link}{how}"
