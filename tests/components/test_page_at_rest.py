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


def test_a_tick_names_few_of_the_page(workspace):
    """Gradio goes through all that an event may change, even where it changes nothing: 70 ms for a tab."""
    ticks = [
        event
        for event in build_app(Studio(workspace, Chat())).fns.values()
        if any(act == "tick" for _, act in event.targets)
    ]
    assert len(ticks) == 3
    assert max(len(event.outputs) for event in ticks) < 20


def test_the_queue_rests_between_two_looks(workspace):
    """As Gradio has it, it looks a thousand times a second."""
    queue = build_app(Studio(workspace, Chat()))._queue
    assert queue.sleep_when_free >= 0.02
    assert queue.progress_update_sleep_when_free >= 0.1
