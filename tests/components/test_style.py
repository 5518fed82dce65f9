"""The page's rules survive Gradio, which sets a prefix before each part of a list, also of one within brackets."""

from __future__ import annotations

import re

from components.theme import read_css


def test_no_rule_for_a_kind_of_window_names_the_page_itself():
    """Within @media Gradio looks for all that it names inside the page, where the page itself is not."""
    for media in re.findall(r"^@media[^{]*\{(.*?)^\}", read_css(), re.DOTALL | re.MULTILINE):
        assert ".gradio-container" not in media


def test_no_rule_lists_several_within_has():
    """`:has(.note, .progress)` would only ever see the note: what stands after the comma is looked for elsewhere."""
    assert re.findall(r":has\([^)]*,[^)]*\)", read_css()) == []
