"""Work on the run that is picked, in a process of its own: how far it is and how it ended, as its note says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr

from components.frame import RunView
from components.notices import show_note, show_progress
from studio.errors import TunesmithError
from studio.runs import Run
from studio.tasks import Progress, is_on, is_stopped, look

Shown = dict[Any, Any]


@dataclass(frozen=True)
class Work:
    """`state` says how far the work is, which `stop` ends; `stopped` is said once somebody did.

    Whoever starts it returns at once, and a tick reads the note of the run that is picked then: what is shown of the
    work on one run never stands over another, and whoever comes back sees it go on.
    """

    state: gr.HTML
    stop: gr.Button
    note_of: Callable[[Run], Path]
    stopped: str

    def show(self, run: Run | None) -> Shown:
        on = run is not None and is_on(self.note_of(run))
        return {self.state: self.words(run) if run else "", self.stop: gr.Button(visible=on)}

    def has_changed(self, run: Run, before: str) -> bool:
        """Since `state` said `before`; mostly not."""
        return (_IS_PROGRESS in before or is_on(self.note_of(run))) and self.words(run) != before

    def tick(self, run: Run, before: str, ended: Callable[[Run], Shown]) -> Shown:
        """What has changed since `state` said `before`; `ended`, asked once, gives what its end changes beside."""
        if not self.has_changed(run, before):
            return {}
        shown = self.show(run)
        has_ended = _IS_PROGRESS in before and _IS_PROGRESS not in shown[self.state]
        return {**shown, **(ended(run) if has_ended else {})}

    def words(self, run: Run) -> str:
        note = self.note_of(run)
        match look(note):
            case Progress() as progress:
                return show_progress(progress)
            case TunesmithError() as error:
                said = self.stopped if is_stopped(note) else f"✖ {error.what} {error.do}"
                return show_note(said, "note" if is_stopped(note) else "bad")
        return ""


@dataclass(frozen=True)
class WorkView(RunView):
    """A view of the run that is picked, with work that may go on while it is seen.

    `ended`: what the end of its work changes, where that is more than what was found.
    """

    work: Work = field(kw_only=True)
    ended: Callable[[Run], Shown] | None = field(default=None, kw_only=True)

    def tick(self, run: Run, before: str) -> Shown:
        """What has changed since its state said `before`, mostly nothing."""
        return self.work.tick(run, before, self.ended or self.found)


_IS_PROGRESS = "<progress"  # as `show_progress` draws it, and no note does
