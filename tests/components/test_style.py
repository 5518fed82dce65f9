"""The page's rules survive Gradio, which sets a prefix before each part of a list, also of one within brackets."""

from __future__ import annotations

import re

from components.theme import read_css


def test_no_rule_lists_several_within_has():
    """`:has(.note, .progress)` would only ever see the note: what stands after the comma is looked for elsewhere."""
    assert re.findall(r":has\([^)]*,[^)]*\)", read_css()) == []
