"""What went wrong is told for as long as it takes to read it, and does not lie over the page for ever."""

from __future__ import annotations

import gradio as gr
import pytest

from components.notices import told
from studio.errors import RunError


def test_a_refusal_says_what_happened_and_what_to_do_and_goes_after_a_while():
    @told
    def refuse() -> None:
        raise RunError("“<b>orders” is training.", "Wait for its end.")

    with pytest.raises(gr.Error) as raised:
        refuse()
    assert raised.value.message == "“&lt;b&gt;orders” is training.<br>Wait for its end."
    assert raised.value.duration is not None
    assert 10 <= raised.value.duration <= 30
