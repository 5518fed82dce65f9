"""Rank, rate, epochs, length and batch from the size and kind of the data, each with its reason."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from studio.data.audit.run import Audit
from studio.data.datasets import Dataset
from studio.train.facts import holds_passages
from studio.train.presets import SMALL_MODEL_FACTOR, rate_factor
from studio.train.recipe import SETTINGS, bounds

FEW = 200  # examples under which every one of them is soon known by heart
THOUSAND, MANY = 1_000, 10_000
SHORT_ANSWER = 16  # tokens: a label, a number, a name
LENGTH_STEP = 64  # tokens: what the kernels of a card take at once
LEAST_STEPS = 60  # of a run, for the learning rate to rise, work and fall
BATCHES = (8, 4, 2, 1)
# fewer examples than -> passes over them
EPOCHS = ((50, 10.0), (FEW, 8.0), (THOUSAND, 4.0), (3_000, 3.0), (MANY + 1, 2.0), (50_000, 1.5))
MOST_EPOCHS_OF_TEXT = 3.0


@dataclass(frozen=True)
class Profile:
    """Size and kind of a data set.

    `length_p99` is the length in tokens that 99 of 100 examples do not exceed, `learned_tokens` those of a usual
    answer with its end mark; both None where nobody has looked at the data with the base's tokens yet.
    """

    examples: int
    is_passages: bool = False
    length_p99: int | None = None
    learned_tokens: float | None = None


@dataclass(frozen=True)
class Suggestion:
    """A value for a setting, and why in a sentence."""

    field: str
    value: Any
    why: str


def profile_of(dataset: Dataset, audit: Audit | None) -> Profile:
    """From what is stored: the audit of `read_review` holds all lengths. Nothing is counted anew."""
    lengths = audit.lengths if audit else []
    counted = sum(count for _, count in lengths)
    return Profile(
        examples=dataset.counts["train"],
        is_passages=holds_passages(dataset),
        length_p99=_percentile(lengths, 0.99) if lengths else None,
        learned_tokens=audit.learned_tokens / counted if audit and counted else None,
    )


def _percentile(lengths: Sequence[Sequence[int]], share: float) -> int:
    """`lengths` are pairs of a length and how many have it, the shortest first."""
    wanted, seen = share * sum(count for _, count in lengths), 0
    for length, count in lengths:
        seen += count
        if seen >= wanted:
            return length
    return lengths[-1][0]


def suggest(
    profile: Profile, base_parameters: int | None = None, context_tokens: int | None = None
) -> list[Suggestion]:
    """In the order of the form. Empty without examples. `context_tokens`: what the base was made to read, at most."""
    if not profile.examples:
        return []
    rank = _rank(profile)
    epochs = _epochs(profile)
    suggestions = [
        *([Suggestion("task", "text", "Your data are passages without questions.")] if profile.is_passages else []),
        epochs,
        _rate(profile, base_parameters),
        rank,
        Suggestion("lora_alpha", 2 * rank.value, "Twice the rank, as usual."),
        *_length(profile, context_tokens),
        _batch(profile, epochs.value),
    ]
    return sorted(suggestions, key=lambda suggestion: list(SETTINGS).index(suggestion.field))


def _epochs(profile: Profile) -> Suggestion:
    count = profile.examples
    epochs = next((epochs for below, epochs in EPOCHS if count < below), 1.0)
    said = f"{count:,} {'passages' if profile.is_passages else 'examples'}"
    if profile.is_passages and epochs > MOST_EPOCHS_OF_TEXT:
        return Suggestion("epochs", MOST_EPOCHS_OF_TEXT, f"{said}: text that is read more often is learned by heart.")
    if count < FEW:
        why = f"Only {said}: at a gentle rate each must be seen more often."
    elif count < THOUSAND:
        why = f"{said}: a few passes teach a narrow task."
    elif count <= MANY:
        why = f"{said} say the same thing many times already; more than {epochs:g} passes teach them by heart."
    else:
        why = f"{said} are so many that one or two passes show all there is."
    return Suggestion("epochs", epochs, why)


def _rate(profile: Profile, base_parameters: int | None) -> Suggestion:
    factor = rate_factor(base_parameters)
    if profile.examples < FEW:
        rate, why = 5e-5, "Gentle, because few examples pull the model hard in one direction."
    elif profile.examples > MANY or profile.is_passages:
        rate, why = 1e-4, "Half the usual: over so many steps it gets as far, and forgets less."
        if profile.examples <= MANY:
            why = "Half the usual: text has no template to hold on to, and the model should not forget how to answer."
    else:
        rate, why = 2e-4, "The usual rate for an adapter."
    if factor == SMALL_MODEL_FACTOR:
        why += f" Times {factor}, as a model under 500 million parameters wants."
    return Suggestion("learning_rate", rate * factor, why)


def _rank(profile: Profile) -> Suggestion:
    """More to learn wants more room: https://arxiv.org/abs/2405.09673 (text), https://arxiv.org/abs/2106.09685."""
    count = profile.examples
    if profile.is_passages and count >= FEW:
        return Suggestion("lora_rank", 64, "Going on with text teaches more than a manner, and that wants room.")
    if count < FEW:
        return Suggestion("lora_rank", 8, "A small adapter has no room to learn few examples by heart.")
    if profile.learned_tokens is not None and profile.learned_tokens <= SHORT_ANSWER:
        return Suggestion(
            "lora_rank",
            8,
            f"Answers of about {profile.learned_tokens:.0f} tokens say little; a small adapter holds it.",
        )
    if count > MANY:
        return Suggestion("lora_rank", 32, "So many examples can fill a larger adapter.")
    return Suggestion("lora_rank", 16, "Right for most tasks of this size.")


def _length(profile: Profile, context_tokens: int | None) -> list[Suggestion]:
    if profile.length_p99 is None:
        return []
    least, most = (int(bound or 0) for bound in bounds("max_length"))
    length = max(least, min(most, math.ceil(profile.length_p99 / LENGTH_STEP) * LENGTH_STEP))
    if context_tokens and length > context_tokens:
        why = f"As much as this model reads; the longest examples ({profile.length_p99:,} tokens and more) are cut."
        return [Suggestion("max_length", context_tokens, why)]
    why = f"99 of 100 examples have at most {profile.length_p99:,} tokens; more room would be paid for and stay empty."
    return [Suggestion("max_length", length, why)]


def _batch(profile: Profile, epochs: float) -> Suggestion:
    def steps(batch: int) -> int:
        return math.ceil(math.ceil(profile.examples / batch) * epochs)

    batch = next((batch for batch in BATCHES if steps(batch) >= LEAST_STEPS), 1)
    if batch == BATCHES[0]:
        return Suggestion("batch_size", batch, f"Steady, and still {steps(batch):,} steps to learn in.")
    return Suggestion(
        "batch_size", batch, f"With so few examples only small batches leave enough steps: {steps(batch):,}."
    )
