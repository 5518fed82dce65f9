"""The same example again, nearly again, with another answer, or on both sides of the split."""

from __future__ import annotations

from collections.abc import Iterable

from studio.data.audit.finding import Check, Whole


def exact_duplicates(whole: Whole) -> Iterable[int]:
    """Every example that stood earlier in the file already; the first of each stays unmarked."""
    return whole.rows(whole.facts["example_key"].duplicated())


def near_duplicates(whole: Whole) -> Iterable[int]:
    """Of each cluster all but the first, without those that are the same word for word."""
    rows, keys = whole.facts["row"].to_numpy(), whole.facts["example_key"].to_numpy()
    for cluster in whole.clusters:
        seen = {keys[cluster[0]]}
        for place in cluster[1:]:
            if keys[place] not in seen:
                yield int(rows[place])
            seen.add(keys[place])


def contradictions(whole: Whole) -> Iterable[int]:
    """All examples of a question that has two answers or more."""
    asked = whole.facts[whole.facts["prompt_key"] != 0]
    answers = asked.groupby("prompt_key")["answer_key"].transform("nunique")
    return (int(row) for row in asked.loc[answers > 1, "row"])


def leaks(whole: Whole) -> Iterable[int]:
    """Examples kept from training that stand in it all the same, or nearly."""
    rows, splits = whole.facts["row"].to_numpy(), whole.facts["split"].to_numpy()
    for cluster in whole.clusters:
        if any(splits[place] == "train" for place in cluster):
            yield from (int(rows[place]) for place in cluster if splits[place] in ("validation", "test"))


CHECKS = (
    Check(
        "exact_duplicate",
        "{count} example{s} found here twice",
        "What stands twice is learned twice as hard, and by heart.",
        "warning",
        find=exact_duplicates,
    ),
    Check(
        "near_duplicate",
        "{count} example{s} nearly the same as an earlier one",
        "A few words changed are no new example: the model learns the rest by heart.",
        "warning",
        find=near_duplicates,
    ),
    Check(
        "same_question_other_answer",
        "{count} example{s} whose question has another answer elsewhere",
        "The model is pulled both ways and learns neither.",
        "warning",
        find=contradictions,
    ),
    Check(
        "split_leak",
        "{count} held-out example{s} standing in training too",
        "The proof would measure what was learned by heart.",
        "error",
        find=leaks,
    ),
)
