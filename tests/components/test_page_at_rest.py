"""A page that nobody touches leaves the processor to the training."""

from __future__ import annotations

from components.app import build_app
from components.frame import Studio
from studio.compare.chat import Chat


def test_an_event_whose_progress_is_hidden_shows_it_on_nothing(workspace):
    """Or else Gradio sets it anew on every field that was ever written to, at each tick of a timer."""
    events = build_app(Studio(workspace, Chat())).fns.values()
    hidden = [event for event in events if event.show_progress == "hidden"]
    assert len(hidden) > 100
    assert all(event.show_progress_on == [] for event in hidden)
