"""A run in words and figures."""

from __future__ import annotations

from html import escape

from components.notices import show_note, words_for, words_for_size
from studio.runs import Run

SAID = {
    "queued": "Waiting for its turn",
    "starting": "Starting",
    "training": "Training",
    "pausing": "Pausing after this step; it goes on from there",
    "paused": "Paused. Go on continues from here",
    "stopping": "Stopping after this step; what it learned is kept",
    "stopped": "Stopped, and what it learned is kept. Resume goes on from here",
    "done": "Done",
    "failed": "Failed",
    "interrupted": "Interrupted: its process is gone. Resume goes on from its newest checkpoint",
}
KIND = {"done": "good", "failed": "bad", "interrupted": "bad"}


def show_status(run: Run) -> str:
    """How a run stands: one sentence, its figures, and what to do if it failed."""
    status = run.status
    head = SAID[run.state]
    if run.state in ("queued", "starting", "training") and status.get("message") not in (
        None,
        "",
        "Training",
    ):
        head += f": {status['message']}"
    error = status.get("error") or {}
    if run.state == "failed" and error:
        head += f". {error['what']} {error['do']}"
    fine = f'<p class="fine">{escape(" ".join(filter(None, _fine_print(run))))}</p>'
    note = show_note(f"{head}.".replace("..", "."), KIND.get(run.state, "note"))
    return f"<h2 {state_mark(run)}>{escape(run.title)}</h2>{note}{_figures(run)}{fine}"


def resume_word(run: Run | None) -> str:
    return "Go on" if run and run.state == "paused" else "Resume"


def _fine_print(run: Run) -> list[str]:
    status = run.status
    tried = status.get("rehearsal")
    return [
        f"Trained with {status['engine']}." if status.get("engine") else "",
        f"Its longest batch was tried first: {words_for_size(tried['peak_bytes'])} at the most, "
        f"{tried['seconds']:.3g} s a step."
        if tried
        else "",
        "This computer may fall asleep meanwhile: switch that off in its settings."
        if run.is_live and status.get("kept_awake") is False
        else "",
    ]


def state_mark(run: Run) -> str:
    """Lets a tick see whether only figures have changed since the page last looked."""
    return f'data-state="{run.state}"'


def _figures(run: Run) -> str:
    status = run.status
    steps = status.get("steps")
    figures = {
        "step": f"{status.get('step', 0):,} of {steps:,}" if steps else None,
        "epoch": f"{status['epoch']:g} of {run.recipe.epochs:g}" if "epoch" in status else None,
        "loss": f"{status['loss']:.3f}" if "loss" in status else None,
        "held-out loss": f"{status['heldout_loss']:.3f}" if "heldout_loss" in status else None,
        "tokens a second": f"{status['tokens_per_s']:.0f}" if "tokens_per_s" in status else None,
        "time left": words_for(status["left_s"]) if run.is_live and status.get("left_s") is not None else None,
        "time taken": words_for(status["seconds"]) if not run.is_live and "seconds" in status else None,
    }
    cells = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in figures.items() if value)
    return f'<dl class="figures">{cells}</dl>' if cells else ""
