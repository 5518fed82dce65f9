"""A run that never learned where to stop is told, with what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from components.scores_view import show_scores
from studio.compare.endings import say_endless
from studio.export.gguf import clear_leftovers


def answers(ended: int, endless: int) -> dict[str, list[dict[str, bool]]]:
    return {"answers": [{"tuned_finished": True}] * ended + [{"tuned_finished": False}] * endless}


def test_endless_answers_are_told_with_what_to_do():
    words = say_endless(answers(6, 4))
    assert words.startswith("4 of 10 answers of the tuned model did not come to an end")
    assert "Train it longer" in words


def test_few_endless_answers_are_nothing_to_tell():
    assert say_endless(answers(9, 1)) == ""
    assert say_endless({"answers": []}) == ""
    assert say_endless({}) == ""


def test_scores_on_the_page_need_no_endings():
    """Files of scores from before answers were known to end are shown as they are."""
    assert "come to an end" not in show_scores(None)


def test_exports_of_processes_that_are_gone_are_cleared(tmp_path):
    """Cancel ends the process at once, so what it was writing is removed by whoever cancels, or by the next export."""
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    names = f".run-q8_0.{gone.stdout.strip()}", f".run-f16.{os.getpid()}", "run"
    dead, alive, made = (tmp_path / name for name in names)
    for folder in (dead, alive, made):
        folder.mkdir()
        (folder / "part.gguf").write_bytes(b"half")
    clear_leftovers(tmp_path)
    assert sorted(folder.name for folder in tmp_path.iterdir()) == sorted((alive.name, made.name))
    shutil.rmtree(tmp_path)
    clear_leftovers(tmp_path)  # a workspace without exports
