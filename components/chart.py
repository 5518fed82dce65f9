"""The curve of a run, live: Plotly draws it once and then gets only the new points."""

from __future__ import annotations

import importlib.util
import mimetypes
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr

from studio.errors import RunError
from studio.train.marks import MAX_OF_A_KIND
from studio.train.metrics import EMPTY_CURVE, QUANTITIES
from studio.workspace import ASSETS

SCRIPTS = ("chart_looks.js", "chart_marks.js", "chart.js")  # one function's body: the last begins


def build_chart(metrics_since: Callable[[str, int, str], Mapping[str, Any]], elem_id: str = "chart") -> gr.HTML:
    """Build the curve. Its value is a run's id, or empty; another id begins a new curve.

    The page stops asking once a run is no longer live. What follows a `#` only makes it look again, so that a run
    that is resumed moves on: "2026-11-24-1530-orders#training". Up to four runs to compare with follow after `|`:
    "2026-11-24-1530-orders#training|2026-11-23-0900-orders|2026-11-22-1100-letters". The zoom stays while they
    change.

    Args:
        metrics_since: Given a run's id, a cursor and the quantity shown below the loss, all from the page and so
            not to be trusted, answers what `read_metrics_since` does, and `live`: whether more may come; with the
            whole curve, of cursor 0, also `name`: what to call the run where it is compared with.
    """
    plotly_js = _find_plotly_js()
    # Windows may call it text/plain, which a browser then refuses to run.
    mimetypes.add_type("text/javascript", ".js")
    gr.set_static_paths([plotly_js])

    def read_curve(question: list[Any]) -> dict[str, Any]:
        run, cursor, extra = question
        try:
            return dict(metrics_since(str(run), int(cursor), str(extra)))
        except RunError:  # it was deleted meanwhile
            return dict(EMPTY_CURVE)

    return gr.HTML(
        value="",
        html_template=(ASSETS / "chart.html").read_text(encoding="utf-8"),
        css_template=(ASSETS / "chart.css").read_text(encoding="utf-8"),
        js_on_load="\n".join((ASSETS / name).read_text(encoding="utf-8") for name in SCRIPTS),
        server_functions=[read_curve],
        apply_default_css=False,
        elem_id=elem_id,
        quantities=[{"key": key, **quantity._asdict()} for key, quantity in QUANTITIES.items()],
        most_marks=MAX_OF_A_KIND,
        plotly_url=f"/gradio_api/file={quote(plotly_js.as_posix())}",
    )


def _find_plotly_js() -> Path:
    """Find it without importing plotly, which takes as long as the rest of the start."""
    spec = importlib.util.find_spec("plotly")
    origin = spec.origin if spec else None
    assert origin, "pyproject.toml asks for plotly"
    return Path(origin).parent / "package_data" / "plotly.min.js"
