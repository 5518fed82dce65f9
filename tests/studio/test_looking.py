"""A sample tells of the whole, and how surely."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from studio.data.datasets import Dataset, save_dataset
from studio.data.formats import convert_rows
from studio.data.looking import Sample, draw_sample, estimate_wrong, judge, read_sample, write_sample
from studio.data.read import Row
from studio.workspace import Workspace


def save(workspace: Workspace, count: int, sources: int = 1) -> Dataset:
    rows = [
        Row(n, {"question": f"Question number {n}?", "answer": f"Answer {n}", "source": f"s{n % sources}"})
        for n in range(count)
    ]
    return save_dataset(workspace, "shop", "shop.jsonl", convert_rows(rows))


@pytest.mark.parametrize(("count", "drawn"), [(8, 8), (60, 20), (200, 40), (1000, 100), (4000, 200)])
def test_a_tenth_or_a_fifth_is_drawn_and_no_more_than_one_looks_at(workspace, count, drawn):
    sample = draw_sample(save(workspace, count), [])
    assert len(sample.rows) == len(set(sample.rows)) == drawn


def test_every_source_is_in_the_sample_in_proportion_from_the_beginning_on(workspace):
    sample = draw_sample(save(workspace, 600, sources=3), [])
    for length in (30, 60):
        counts = Counter(row % 3 for row in sample.rows[:length])
        assert max(counts.values()) - min(counts.values()) <= 2


def test_of_examples_that_are_alike_as_many_are_drawn_as_there_are_in_proportion(workspace):
    sample = draw_sample(save(workspace, 200), [list(range(100, 200))])
    assert sum(row >= 100 for row in sample.rows) == pytest.approx(20, abs=1)


def test_what_was_said_is_kept_and_can_be_taken_back(workspace):
    dataset = save(workspace, 30)
    sample = write_sample(dataset, draw_sample(dataset, []))
    first, second = sample.rows[:2]
    sample = judge(dataset, judge(dataset, sample, first, "kept"), second, "dropped")
    assert read_sample(dataset) == sample
    assert (sample.wrong, sample.next_row) == (1, sample.rows[2])
    assert judge(dataset, sample, second, None).next_row == second


def test_the_interval_holds_the_truth_nineteen_times_in_twenty():
    draw = random.Random(4)
    held = 0
    for _ in range(2000):
        truth = draw.choice([0.02, 0.05, 0.1, 0.3])
        wrong = {row for row in range(1000) if row < 1000 * truth}
        rows = draw.sample(range(1000), 100)
        found = estimate_wrong(Sample(rows, {row: "dropped" if row in wrong else "kept" for row in rows}), 1000)
        held += found.low <= truth <= found.high
    assert 0.93 <= held / 2000 <= 0.985


def test_with_none_looked_at_nothing_is_said_and_with_all_nothing_is_unsure():
    assert estimate_wrong(Sample([1, 2], {}), 2) is None
    found = estimate_wrong(Sample([1, 2], {1: "kept", 2: "edited"}), 2)
    assert (found.share, round(found.low, 6), round(found.high, 6)) == (0.5, 0.5, 0.5)
