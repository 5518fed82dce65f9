"""HTML with real buttons in it: which of them was pressed, and what it stands beside, reaches the handler."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

# The page is drawn anew after each press; whoever works with keys stays at the button that was pressed.
LISTEN = """
let pressed = "";
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-act]");
  if (!button) return;
  pressed = button.dataset.act + " " + button.dataset.of;
  trigger("click", { act: button.dataset.act, of: button.dataset.of });
});
watch("value", () => {
  for (const button of element.querySelectorAll("button[data-act]"))
    if (button.dataset.act + " " + button.dataset.of === pressed) button.focus({ preventScroll: true });
});
"""


def build_actions(value: str = "", **settings: Any) -> gr.HTML:
    return gr.HTML(value, js_on_load=LISTEN, **settings)


def action(act: str, label: str, of: object = "", kind: str = "", title: str = "", disabled: bool = False) -> str:
    """A button; `kind` is empty, `first` or `bad`, and `title` what it says to who cannot see what it is beside."""
    described = f' aria-label="{escape(title)}"' if title else ""
    off = " disabled" if disabled else ""
    return (
        f'<button type="button" class="act {kind}" data-act="{escape(act)}" data-of="{escape(str(of))}"'
        f"{described}{off}>{escape(label)}</button>"
    )


def pressed(event: gr.EventData) -> tuple[str, str]:
    """(act, of) of the button, as the page says; what comes from a page is only ever looked up."""
    data: dict[str, Any] = event._data or {}
    return str(data.get("act", "")), str(data.get("of", ""))


def pager(page: int, pages: int, shown: str) -> str:
    if pages <= 1:
        return f'<p class="pager fine">{shown}</p>'
    earlier = action("page", "Earlier", page - 1, disabled=page <= 0)
    later = action("page", "Later", page + 1, disabled=page >= pages - 1)
    return f'<p class="pager">{earlier}<span>{shown}</span>{later}</p>'
