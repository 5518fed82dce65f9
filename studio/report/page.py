"""The report as one HTML file that holds all it needs: no script, no address, light, dark and print."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import jinja2
from markupsafe import Markup

from studio.report.pictures import style
from studio.workspace import ASSETS

TEMPLATE = ASSETS / "report.html.jinja"
BLANK_LINES = re.compile(r"\n\s*\n")
MOST_LETTERS = 500  # of a question or an answer
COLOURS = {name: f"var(--{name})" for name in ("ink", "quiet", "line", "ground", "before", "after")}


def render_page(document: dict[str, Any]) -> str:
    """`document` as `as_plain` gives it. All in it is text, but for the pictures that are ours."""
    rules = Markup(style(COLOURS, "var(--sans)"))
    return _template().render(document=document, picture_rules=rules)


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"cut": cut, "picture": Markup}
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8"))


def cut(text: str, most: int = MOST_LETTERS) -> str:
    """Without empty lines, and no longer than what one reads of an example."""
    dense = BLANK_LINES.sub("\n", text.strip())
    return dense if len(dense) <= most else f"{dense[:most].rstrip()} …"
