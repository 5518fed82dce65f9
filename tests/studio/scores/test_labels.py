"""Labels: accuracy, macro F1 and the confusion matrix are scikit-learn's."""

from __future__ import annotations

import random

import numpy
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from studio.scores.comparison import compare
from studio.scores.expected import Expected
from studio.scores.labels import OTHER, confusion, find_labels, macro_f1_of, read_label
from studio.scores.measures import Example

LABELS = ("angry", "calm", "glad")


def drawn(seed: int) -> tuple[list[str], list[str]]:
    """Labels in odd writing, some answers none of them, some labels never wanted."""
    dice = random.Random(seed)
    kinds = LABELS[: dice.randrange(1, 4)]
    wanted = dice.choices(kinds, k=dice.randrange(1, 60))
    answers = [dice.choice([each, dice.choice(LABELS), f" {each.title()}.\n", "none of them"]) for each in wanted]
    return wanted, answers


def codes_of(*sides: list[str]) -> list[numpy.ndarray]:
    return [numpy.array([LABELS.index(each) if each else -1 for each in side]) for side in sides]


@pytest.mark.parametrize("seed", range(100))
def test_figures_of_labels_are_those_of_scikit_learn(seed):
    wanted, answers = drawn(seed)
    given = [read_label(LABELS, answer) for answer in answers]
    found = confusion(LABELS, wanted, answers)
    theirs = confusion_matrix(wanted, given, labels=[*LABELS, OTHER])
    assert found.counts.tolist() == theirs[:-1].tolist()
    assert found.accuracy == pytest.approx(accuracy_score(wanted, given))
    kinds = sorted(set(wanted))
    f1 = f1_score(wanted, given, labels=kinds, average="macro", zero_division=0)
    assert found.macro_f1 == pytest.approx(f1)
    assert macro_f1_of(*codes_of(wanted, given)).value == pytest.approx(f1)


@pytest.mark.parametrize("seed", range(20))
def test_an_examples_influence_is_what_a_little_more_of_it_does(seed):
    """By scikit-learn's weights of examples."""
    wanted, answers = drawn(seed)
    given = [read_label(LABELS, answer) for answer in answers]
    found = macro_f1_of(*codes_of(wanted, given))
    step = 1e-6
    for place, influence in enumerate(found.influence):
        sides = []
        for sign in (1, -1):
            weights = numpy.ones(len(wanted))
            weights[place] += sign * step
            kinds = sorted(set(wanted))
            sides.append(f1_score(wanted, given, labels=kinds, average="macro", zero_division=0, sample_weight=weights))
        assert influence == pytest.approx(len(wanted) * (sides[0] - sides[1]) / (2 * step), abs=1e-5)
    assert found.influence.mean() == pytest.approx(0, abs=1e-12)


def test_labels_as_common_as_each_other_are_worth_all_examples_and_rare_ones_fewer():
    assert macro_f1_of(numpy.repeat([0, 1, 2], 10), numpy.zeros(30, int)).effective == pytest.approx(30)
    assert macro_f1_of(numpy.repeat([0, 2], [28, 2]), numpy.zeros(30, int)).effective == pytest.approx(
        4 / (1 / 28 + 1 / 2)
    )


def test_a_comparison_of_labels_holds_accuracy_and_macro_f1():
    wanted, answers = drawn(11)
    examples = [Example(each, Expected(labels=LABELS)) for each in wanted]
    found = compare(examples, answers, wanted, ["label_right", "macro_f1", "label_known"])
    assert found["label_right"].base.value == pytest.approx(confusion(LABELS, wanted, answers).accuracy)
    assert found["macro_f1"].base.value == pytest.approx(confusion(LABELS, wanted, answers).macro_f1)
    assert found["macro_f1"].tuned.value == found["label_known"].tuned.value == 1
    assert found["macro_f1"].tuned.low < 1
    assert found["label_right"].word == found["macro_f1"].word == "better"


@pytest.mark.parametrize(
    ("wanted", "labels"),
    [
        (["Glad", "calm.", "calm"] * 10, ("calm", "glad")),
        (["yes"] * 30, ()),
        ([f"answer {i}" for i in range(40)], ()),
        (["yes", "no"] * 5, ()),
        (['{"a": 1}', '{"a": 2}'] * 20, ()),
        (["yes", "no"] * 15 + ["It depends."], ("no", "yes")),
        (["yes", "no"] * 15 + [f"It depends on {i}." for i in range(10)], ()),
    ],
)
def test_labels_are_a_few_answers_that_nearly_all_have(wanted, labels):
    assert find_labels(wanted) == labels
