"""A run as a plain Python file to take along: one press writes it with its examples, and the browser fetches it."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from urllib.parse import quote

import gradio as gr

from components.frame import Studio
from components.notices import show_note, told
from studio.errors import TunesmithError
from studio.runs import open_run
from studio.train.script import as_script

# A download button of Gradio's fetches what stood in it before it was pressed.
FETCH = """(html) => {
  const box = document.createElement("div");
  box.innerHTML = html;
  box.querySelector("a")?.click();
}"""


def build_script_link(studio: Studio, chosen: gr.Textbox) -> gr.HTML:
    """The button "As a script", and below it where the archive is; `chosen` holds the id of the run that is open."""
    button = gr.Button("As a script", elem_id="runs-script", size="md")
    link = gr.HTML(elem_id="runs-script-link")

    @told
    def write(ids: str) -> Iterator[str]:
        run = open_run(studio.workspace, ids)
        yield show_note("Writing the script and its examples …")
        try:
            script = as_script(studio.workspace, run.recipe)
        except TunesmithError:
            yield ""
            raise
        yield show_link(script.write_zip(studio.workspace.exports / f"{run.id}-script.zip"))

    done = button.click(write, chosen, link, show_progress="hidden")
    done.success(None, link, None, js=FETCH)
    chosen.change(lambda: "", None, link, show_progress="hidden", queue=False)
    return link


def show_link(archive: Path) -> str:
    return (
        f'<p><a download href="/gradio_api/file={quote(archive.as_posix())}">{escape(archive.name)}</a> holds '
        "<code>train.py</code> and your examples: it trains the same with Unsloth and TRL, without Tunesmith.</p>"
    )
