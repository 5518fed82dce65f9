"""The time left is told by the middle of what was seen."""

from __future__ import annotations

from studio.train.pace import Pace


def pace_of(steps_s: list[float], looks_s: list[float]) -> Pace:
    pace = Pace()
    pace.steps_s.extend(steps_s)
    pace.looks_s.extend(looks_s)
    return pace


def test_before_the_first_step_nobody_knows():
    assert Pace().left_s(0, 100, 10) is None


def test_steps_and_looks_that_are_left_count():
    assert pace_of([2.0] * 5, [30.0]).left_s(25, 100, 10) == 75 * 2 + 8 * 30
    assert pace_of([2.0] * 5, []).left_s(25, 100, 10) == 75 * 2
    assert pace_of([2.0], [30.0]).left_s(100, 100, 10) == 0


def test_a_night_asleep_does_not_move_it():
    assert pace_of([2.0, 2.0, 28_800.0, 2.0], [30.0, 9_000.0, 30.0]).left_s(90, 100, 10) == 10 * 2 + 30


def test_a_machine_that_got_slower_is_believed_after_a_while():
    assert pace_of([1.0] * 500 + [3.0] * 60, []).left_s(0, 10, 10) == 30
