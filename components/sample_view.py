"""A sample to look through, one example at a time: K keeps, E edits, D drops."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from components.actions import LISTEN, action, pressed
from components.bubbles import show_conversation
from components.editor import as_drafted, build_editor
from components.frame import DataView, Shown, Studio
from components.notices import told
from studio.data import looking, versions
from studio.data.datasets import DEFAULT_MAX_LENGTH, Dataset, open_dataset
from studio.data.review import read_review

# Keys count where nobody is writing, and only while the sample is on screen.
KEYS = """
document.addEventListener("keydown", (event) => {
  const act = { k: "keep", e: "edit", d: "drop" }[event.key.toLowerCase()];
  const writes = event.target.closest("input, textarea, select, [contenteditable]");
  if (!act || writes || event.ctrlKey || event.metaKey || event.altKey || !element.offsetParent) return;
  const button = element.querySelector(`button[data-act=${act}]`);
  if (button) { event.preventDefault(); button.click(); }
});
"""


def build_sample_view(studio: Studio, data: Shown) -> DataView:
    listed = gr.HTML(js_on_load=LISTEN + KEYS, elem_id="sample")
    editor = build_editor(studio, data.ref, "sample-edit")

    def show(dataset: Dataset, base: str) -> dict[Any, Any]:
        return {listed: _show(dataset, looking.read_sample(dataset)), **editor.close()}

    @told
    def act(ref: str, base: str, event: gr.EventData) -> Iterator[Any]:
        dataset = open_dataset(studio.workspace, ref)
        sample = looking.read_sample(dataset)
        done, of = pressed(event)
        yield {data.arrived: ""}
        if done == "keep-all":
            yield {data.arrived: versions.keep_drafts(studio.workspace, dataset).ref}
            return
        if done == "begin" or sample is None:
            found = read_review(dataset, base, DEFAULT_MAX_LENGTH)
            clusters = next((f.clusters for f in found.findings if f.clusters), []) if found else []
            sample = looking.write_sample(dataset, looking.draw_sample(dataset, clusters))
        elif done == "edit":
            yield editor.open(dataset, int(of))
            return
        elif done in ("keep", "drop"):
            if done == "drop":
                versions.write_draft(dataset, int(of), None)
            sample = looking.judge(dataset, sample, int(of), "dropped" if done == "drop" else "kept")
        elif done == "back" and sample.verdicts:
            last = list(sample.verdicts)[-1]
            versions.forget_draft(dataset, last)
            sample = looking.judge(dataset, sample, last, None)
        yield {listed: _show(dataset, sample), **editor.close()}

    @told
    def edited(ref: str, row: str) -> Any:
        dataset = open_dataset(studio.workspace, ref)
        sample = looking.read_sample(dataset)
        assert sample, "an example of it was edited"
        changed = int(row) in versions.read_drafts(dataset).changed
        return _show(dataset, looking.judge(dataset, sample, int(row), "edited" if changed else "kept"))

    # Multiple: a key that comes while the page still takes in what the last one did is not lost.
    shown = [listed, *editor.outputs, data.arrived]
    pressing = listed.click(act, [data.ref, data.base], shown, show_progress="hidden", trigger_mode="multiple")
    data.arrivals.append(pressing)
    editor.kept.success(edited, [data.ref, editor.row], listed, show_progress="hidden")
    return DataView([listed, *editor.outputs], show)


def _show(dataset: Dataset, sample: looking.Sample | None) -> str:
    if sample is None:
        return (
            '<div class="empty"><h3>How good are they?</h3><p>Look through a sample, drawn at random over all sources: '
            "K keeps an example, E edits it, D drops it. What you find wrong in the sample tells how much is wrong in "
            f"all.</p><p>{action('begin', 'Draw a sample', kind='first')}</p></div>"
        )
    row = sample.next_row
    seen = len(sample.verdicts)
    head = f"<p><strong>{seen} of {len(sample.rows)} looked at.</strong> {_say_estimate(dataset, sample)}</p>"
    back = action("back", "Back to the one before") if seen else ""
    if row is None:
        drafts = len(versions.read_drafts(dataset))
        keep = action("keep-all", f"Keep the {drafts} changes as a new version", kind="first") if drafts else ""
        again = action("begin", "Draw the sample anew")
        return f'{head}<p class="acts">{keep}{back}{again}</p>'
    buttons = (
        action("keep", "K  Keep", row, "first")
        + action("edit", "E  Edit", row)
        + action("drop", "D  Drop", row, "bad")
        + back
    )
    return f'{head}<p class="acts">{buttons}</p>{show_conversation(as_drafted(dataset, row), 4000)}'


def _say_estimate(dataset: Dataset, sample: looking.Sample) -> str:
    found = looking.estimate_wrong(sample, len(dataset.index))
    if found is None:
        return ""
    low, high = (f"{100 * bound:.0f}" for bound in (found.low, found.high))
    return f"About {found.share:.0%} of your examples are wrong, between {low} and {high} %."
