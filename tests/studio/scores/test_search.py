"""A pattern that runs away is ended in time, whatever it is looked for in."""

from __future__ import annotations

import time

import pytest

from studio.errors import SettingError
from studio.scores.search import require_pattern, require_quick

RUNS_AWAY = r"(a|aa)+$"


def test_a_pattern_that_would_take_hours_is_given_up():
    began = time.monotonic()
    with pytest.raises(SettingError, match="takes too long on these answers") as raised:
        require_quick(["", RUNS_AWAY], ["a" * 80 + "b"], most_s=1.0)
    assert time.monotonic() - began < 5
    assert "Repeats within repeats" in raised.value.do


def test_quick_ones_pass_on_thousands_of_texts_whatever_stands_in_them():
    texts = [f"So it is.\n#### {n}" for n in range(5000)] + ["half a sign \ud800", "", "nul \x00"]
    require_quick([r"#### (.+)", r"^Ticket \d+"], texts)


def test_without_a_pattern_nothing_is_started(monkeypatch):
    monkeypatch.setattr("subprocess.run", lambda *args, **kwargs: pytest.fail("it started a process"))
    require_quick(["", ""], ["text"])


@pytest.mark.parametrize("pattern", ["(", "a{2}{3}", "[z-a]", "(?P<n>a)(?P<n>b)", "\\"])
def test_what_is_no_pattern_is_refused(pattern):
    with pytest.raises(SettingError, match="is no regular expression"):
        require_pattern(pattern)
