"""A page sees each row once, whatever the worker is doing to the file."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from studio.train.marks import KINDS, MAX_OF_A_KIND, MAX_WORDS
from studio.train.metrics import MAX_GAP_BYTES, MAX_POINTS, QUANTITIES, ROWS_PER_TICK, Curve, read_metrics_since


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics.jsonl"


def train_row(step: int, loss: float = 1.0, **more: Any) -> dict[str, Any]:
    row = {"step": step, "epoch": step / 100, "loss": loss, "smooth": loss, "learning_rate": 2e-4}
    return row | {"tokens_per_s": 410.0} | more


def mark(step: int, kind: str, words: str = "Words.") -> dict[str, Any]:
    return {"step": step, "mark": kind, "words": words}


def write_rows(path: Path, *rows: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def read_on(path: Path, cursor: int, extra: str = "power_w") -> list[Curve]:
    """Ask as the page does: again at once while there is more."""
    answers = [read_metrics_since(path, cursor, extra)]
    while answers[-1]["more"]:
        answers.append(read_metrics_since(path, answers[-1]["cursor"], extra))
    return answers


def size_bytes(curve: Curve) -> int:
    return len(json.dumps(curve).encode())


def test_a_run_that_has_not_logged_yet_is_an_empty_curve(path):
    curve = read_metrics_since(path, 0)
    assert curve["cursor"] == 0
    assert curve["train"]["step"] == curve["heldout"]["step"] == []


def test_each_row_is_answered_once(path):
    write_rows(path, train_row(1, 2.0), train_row(2, 1.5), {"step": 2, "heldout_loss": 1.6})
    first = read_metrics_since(path, 0)
    assert first["train"]["step"] == [1, 2]
    assert first["heldout"] == {"step": [2], "loss": [1.6]}
    assert read_metrics_since(path, first["cursor"])["train"]["step"] == []
    write_rows(path, train_row(3, 1.25))
    second = read_metrics_since(path, first["cursor"])
    assert second["train"] == {"step": [3], "loss": [1.25], "smooth": [1.25], "learning_rate": [2e-4]}
    assert second["now"] == {"step": 3, "epoch": 0.03, "learning_rate": 2e-4, "tokens_per_s": 410.0}
    assert second["marks"] == []


@pytest.mark.parametrize("extra", QUANTITIES)
def test_the_quantity_that_is_shown_comes_with_the_losses_and_no_other(path, extra):
    write_rows(path, train_row(1), train_row(2, **{extra: 0.5}))
    first = read_metrics_since(path, 0, extra)
    assert list(first["train"]) == ["step", "loss", "smooth", extra]
    assert first["train"][extra][-1] == first["now"][extra] == 0.5
    write_rows(path, train_row(3, **{extra: 0.25}))
    assert read_metrics_since(path, first["cursor"], extra)["train"][extra] == [0.25]


@pytest.mark.parametrize("extra", ["", "loss", "step", "../recipe", "x" * 10_000])
def test_what_is_no_quantity_adds_none(path, extra):
    write_rows(path, train_row(1))
    for cursor in (0, 1):
        assert list(read_metrics_since(path, cursor, extra)["train"]) == ["step", "loss", "smooth"]


def test_the_newest_of_each_quantity_is_told_though_the_last_rows_lack_it(path):
    write_rows(path, train_row(1, power_w=180.0, kwh=0.5), train_row(2, power_w=None, temperature_c=70))
    now = read_metrics_since(path, 0)["now"]
    assert (now["power_w"], now["kwh"], now["temperature_c"], now["step"]) == (180.0, 0.5, 70.0, 2)
    assert "memory_bytes" not in now


def test_a_half_written_row_waits_for_the_next_read(path):
    write_rows(path, train_row(1))
    cursor = read_metrics_since(path, 0)["cursor"]
    row = json.dumps(train_row(2)) + "\n"
    for part in (row[:20], row[20:-1]):
        with path.open("a", encoding="utf-8") as file:
            file.write(part)
        assert read_metrics_since(path, cursor)["train"]["step"] == []
        assert read_metrics_since(path, 0)["cursor"] == cursor
    with path.open("a", encoding="utf-8") as file:
        file.write("\n")
    assert read_metrics_since(path, cursor)["train"]["step"] == [2]


def test_what_is_no_row_is_passed_over(path):
    path.write_text('not json\n[1]\n{"step": "two", "loss": 1}\n{"step": 9e9}\n\n{"step": 3, "norm": 1}\n')
    write_rows(path, train_row(4, grad_norm=0.3))
    assert read_metrics_since(path, 0)["train"]["step"] == [4]


def test_a_loss_that_is_not_a_number_is_a_gap(path):
    losses = float("nan"), float("inf"), 10**400, "high", 1.0
    write_rows(path, *(train_row(step, loss) for step, loss in enumerate(losses)))
    curve = read_metrics_since(path, 0)
    assert curve["train"]["loss"] == [None, None, None, None, 1.0]
    assert "NaN" not in json.dumps(curve)


@pytest.mark.parametrize("cursor", [0, 1])
def test_a_rewound_run_is_drawn_anew_and_the_later_row_wins(path, cursor):
    """Resumed from step 2, the run never had the old steps 3 to 5, nor what was measured on them."""
    write_rows(path, *(train_row(step, 1.0) for step in range(1, 6)), {"step": 4, "heldout_loss": 1.0})
    seen = read_metrics_since(path, 0)["cursor"]
    write_rows(path, train_row(3, 0.5))
    again = read_metrics_since(path, seen * cursor)
    if cursor:
        assert again["reset"]
        again = read_metrics_since(path, again["cursor"])
    assert not again["reset"]
    assert again["train"]["step"] == [1, 2, 3]
    assert again["train"]["loss"] == [1.0, 1.0, 0.5]
    assert again["heldout"]["step"] == []


@pytest.mark.parametrize("cursor", [0, 1])
def test_marks_are_answered_once_with_their_words(path, cursor):
    write_rows(path, train_row(1), mark(1, "saved", "Saved."))
    seen = read_metrics_since(path, 0)
    assert seen["marks"] == [mark(1, "saved", "Saved.")]
    assert read_metrics_since(path, seen["cursor"])["marks"] == []
    write_rows(path, train_row(2), mark(2, "spike", "It jumped."), {"step": 2, "mark": "lowered"})
    wanted = [mark(2, "spike", "It jumped."), mark(2, "lowered", "")]
    assert read_metrics_since(path, seen["cursor"] * cursor)["marks"] == [*seen["marks"], *wanted][cursor:]


@pytest.mark.parametrize("row", [mark(1, "unheard of"), mark(-1, "best"), {"step": 1, "mark": ["best"]}, mark(1, None)])
def test_what_is_no_mark_is_passed_over(path, row):
    write_rows(path, train_row(1), row)
    assert read_metrics_since(path, 0)["marks"] == []


def test_a_resumed_run_was_never_best_or_saved_at_the_steps_it_goes_through_again(path):
    kinds = ("saved", "best", "spike", "lowered")
    write_rows(path, *(train_row(step) for step in range(1, 6)), mark(2, "saved"), *(mark(4, kind) for kind in kinds))
    write_rows(path, mark(2, "resumed"), train_row(3), train_row(4))
    curve = read_metrics_since(path, 0)
    assert [(m["step"], m["mark"]) for m in curve["marks"]] == [(2, "saved"), (2, "resumed"), (4, "lowered")]
    write_rows(path, mark(4, "best"), mark(3, "resumed"), train_row(4))
    told = [(m["step"], m["mark"]) for m in read_metrics_since(path, 0)["marks"]]
    assert told == [(2, "saved"), (2, "resumed"), (3, "resumed"), (4, "lowered")]


def test_a_resumed_run_stands_where_it_went_back_to_before_its_first_step(path):
    write_rows(path, *(train_row(step) for step in range(1, 6)), {"step": 4, "heldout_loss": 1.0})
    seen = read_metrics_since(path, 0)["cursor"]
    write_rows(path, mark(2, "resumed"))
    assert read_metrics_since(path, seen)["reset"]
    again = read_metrics_since(path, 0)
    assert (again["train"]["step"], again["heldout"]["step"]) == ([1, 2], [])


def test_marks_are_bounded_and_the_newest_of_each_kind_is_among_them(path):
    write_rows(path, *(mark(step, kind) for step in range(1_001) for kind in KINDS))
    marks = read_metrics_since(path, 0)["marks"]
    for kind in KINDS:
        steps = [m["step"] for m in marks if m["mark"] == kind]
        assert len(steps) <= MAX_OF_A_KIND
        assert steps[-1] == 1_000
        assert steps[0] < 10
    assert [m["step"] for m in marks] == sorted(m["step"] for m in marks)


def test_an_evaluation_after_its_step_is_no_rewind(path):
    write_rows(path, train_row(1), train_row(2))
    cursor = read_metrics_since(path, 0)["cursor"]
    write_rows(path, {"step": 2, "heldout_loss": 1.0}, train_row(3))
    curve = read_metrics_since(path, cursor)
    assert not curve["reset"]
    assert curve["heldout"]["step"] == [2]


def test_a_file_that_was_begun_again_is_drawn_anew(path):
    write_rows(path, *(train_row(step) for step in range(50)))
    cursor = read_metrics_since(path, 0)["cursor"]
    path.write_text(json.dumps(train_row(1)) + "\n")
    assert read_metrics_since(path, cursor)["reset"]


@pytest.mark.parametrize("cursor", [-5, 7, 10**12])
def test_any_number_from_a_page_is_answered(path, cursor):
    write_rows(path, *(train_row(step) for step in range(5)))
    curve = read_metrics_since(path, cursor)
    assert curve["reset"] or len(curve["train"]["step"]) >= 4


def test_a_tick_is_at_most_2_kb_whatever_happens(path):
    write_rows(path, train_row(1))
    cursor = read_metrics_since(path, 0)["cursor"]
    wide, steps = -1.23456e-105, range(2**53 - 60, 2**53 - 1, 2)
    more = dict.fromkeys([*QUANTITIES, "kwh"], wide)
    rows = [row for s in steps for row in (train_row(s, wide, epoch=wide, **more), mark(s, "lowered", "ä" * 120))]
    rows += [mark(2**53 - 2, kind, "😀" * 120) for kind in KINDS]
    write_rows(path, *rows, {"step": 2**53 - 1, "heldout_loss": wide, "note": "x" * 1_000})
    answers = read_on(path, cursor)
    assert [step for answer in answers for step in answer["train"]["step"]] == list(steps)
    told = [m for answer in answers for m in answer["marks"]]
    assert {m["step"] for m in told} >= set(steps)
    assert {len(m["words"]) for m in told} == {MAX_WORDS}
    assert max(size_bytes(answer) for answer in answers) <= 2_048
    assert all(len(answer["train"]["step"]) <= ROWS_PER_TICK for answer in answers)


def test_a_page_that_was_away_for_long_redraws_instead_of_catching_up(path):
    write_rows(path, train_row(1))
    cursor = read_metrics_since(path, 0)["cursor"]
    write_rows(path, *(train_row(step) for step in range(2, MAX_GAP_BYTES // 50)))
    answer = read_metrics_since(path, cursor)
    assert answer["reset"]
    assert size_bytes(answer) <= 2_048


def test_a_run_of_100_000_rows_opens_in_a_second_and_keeps_its_peaks(path):
    losses = [2.0 + (step % 97) / 1_000 for step in range(100_000)]
    losses[31_415], losses[92_653], losses[-1] = 9.0, 0.125, 1.75
    write_rows(path, *(train_row(step, loss) for step, loss in enumerate(losses)))
    write_rows(path, *({"step": 99_999 + step, "heldout_loss": 1.0} for step in range(5_000)))
    start = time.process_time()
    curve = read_metrics_since(path, 0)
    assert time.process_time() - start < 1
    train = curve["train"]
    assert len(train["step"]) <= MAX_POINTS
    assert len(curve["heldout"]["step"]) <= MAX_POINTS
    drawn = dict(zip(train["step"], train["loss"], strict=True))
    assert (drawn[31_415], drawn[92_653], drawn[99_999]) == (9.0, 0.125, 1.75)
    assert train["step"] == sorted(set(train["step"]))
