"""The report of a run: one press writes it, the page is shown as it is, and the browser fetches page and PDF."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr

from components.alone import or_say
from components.frame import RunView, Studio, open_picked
from components.notices import show_note, told
from studio.errors import TunesmithError
from studio.report.write import Written, is_outdated, read_written, tells_sides, write_report
from studio.runs import Run, open_run
from studio.workspace import ASSETS

EMPTY = (
    '<p class="fine">Not written yet. It says in one document what was measured of this run and what was not: the '
    "verdict, the scores, the vote, what was forgotten, examples, the data, the recipe and the versions.</p>"
)
WRITING = "Writing the report …"
OUTDATED = "Something was measured, or voted, since it was written. Write it anew to have it in."
TELLS_SIDES = (
    "It was written before the blind vote began, and shows whose answers are whose. Vote on, or write it anew: what is "
    "still to be voted on is then left out."
)


def build_report_view(studio: Studio, run: gr.Dropdown) -> RunView:
    """Build it below `run`, which holds the id of the run that is picked."""
    write = gr.Button("Write the report", variant="primary", elem_id="write-report")
    page = gr.HTML(
        css_template=(ASSETS / "report_view.css").read_text(encoding="utf-8"),
        js_on_load=(ASSETS / "report_view.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id="report",
    )

    def show(run_id: str | None) -> dict[Any, Any]:
        if not run_id:
            return {page: EMPTY}
        return found(open_run(studio.workspace, run_id))

    def found(chosen: Run) -> dict[Any, Any]:
        return {page: or_say(lambda: show_report(chosen, studio.workspace.exports))}

    @told
    def write_it(run_id: str | None) -> Iterator[str]:
        chosen = open_picked(studio, run_id)
        yield show_note(WRITING)
        try:
            write_report(chosen, studio.workspace.exports)
        except TunesmithError:
            yield show_report(chosen, studio.workspace.exports)
            raise
        yield show_report(chosen, studio.workspace.exports)

    write.click(write_it, run, page, show_progress="hidden")
    return RunView([page], show, found=found)


def show_report(run: Run, folder: Path) -> str:
    """What was written last, in a frame of its own: no rule of its style or of the window's reaches the other."""
    written = read_written(run, folder)
    if written is None:
        return EMPTY
    if tells_sides(run, written):
        return show_note(TELLS_SIDES, "bad")
    note = show_note(OUTDATED) if is_outdated(run, written) else ""
    html = written.html.read_text(encoding="utf-8")
    # Without scripts, whatever stands in it; with our origin, so that the window can tell it to be light or dark.
    frame = (
        f'<iframe sandbox="allow-same-origin" title="Report of {escape(run.title)}" srcdoc="{escape(html)}"></iframe>'
    )
    return f"{note}{_show_links(written)}{frame}"


def _show_links(written: Written) -> str:
    links = "".join(
        f'<a download href="/gradio_api/file={quote(file.as_posix())}">{words}</a>'
        for file, words in ((written.html, "Download the page (HTML)"), (written.pdf, "Download the PDF"))
    )
    return f'<p class="links">{links}</p>'
