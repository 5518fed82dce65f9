"""How a failure reaches the person: one sentence of what happened, one of what to do. And how waiting looks."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterator
from functools import wraps
from html import escape
from typing import Any

import gradio as gr

from studio.errors import TunesmithError
from studio.tasks import Progress

LOG = logging.getLogger("tunesmith")
READ_S = 20  # for the longest of these sentences, twice; it would else lie over what it speaks of until it is closed


def told(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap an event handler, generator or not, so that no traceback reaches a person."""
    if inspect.isgeneratorfunction(handler):

        @wraps(handler)
        def generator(*args: Any, **kwargs: Any) -> Iterator[Any]:
            try:
                yield from handler(*args, **kwargs)
            except Exception as error:
                raise as_notice(error) from error

        return generator

    @wraps(handler)
    def function(*args: Any, **kwargs: Any) -> Any:
        try:
            return handler(*args, **kwargs)
        except Exception as error:
            raise as_notice(error) from error

    return function


def as_notice(error: Exception) -> gr.Error:
    """In words; what is unforeseen goes to the log."""
    if isinstance(error, gr.Error):
        return error
    if isinstance(error, TunesmithError):
        text = f"{escape(error.what)}<br>{escape(error.do)}"
    else:
        LOG.exception("A handler failed")
        text = f"Something unforeseen happened: {escape(str(error)[:200])}<br>The terminal says where."
    return gr.Error(text, title="That did not work", duration=READ_S, print_exception=False)


def ending_with(updates: Iterator[Any], last: Any) -> Iterator[Any]:
    """The updates, then `last`, also where they break off. (A `finally` may not yield once the page is gone.)"""
    try:
        yield from updates
    except Exception:
        yield last
        raise
    yield last


def show_progress(progress: Progress) -> str:
    """A bar with words: what is done, how much of it, how long it takes."""
    left = f", {words_for(progress.left_s)} left" if progress.left_s is not None else ""
    share = progress.share if progress.share is not None else 0.0
    words = f"{escape(progress.message)}{left}"
    return (
        f'<div class="progress" role="status"><p>{words}</p>'
        f'<progress aria-label="{words}" max="1" value="{share:.3f}"></progress></div>'
    )


def show_note(text: str, kind: str = "note") -> str:
    """A sentence in a box; `kind` is note, good or bad, and a word or sign in the text says so too."""
    return f'<div class="note {kind}" role="status">{escape(text)}</div>' if text else ""


def words_for(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def words_for_size(size_bytes: float) -> str:
    return f"{size_bytes / 1e9:.2f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.0f} MB"
