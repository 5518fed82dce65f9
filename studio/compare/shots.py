"""Which examples to show a base in its prompt: some sets of three to five, of what is learned from alone.

What is called few-shot prompting. Which examples are shown moves the result by tens of points, so that the first best
ones would be no fair opponent of a training: Zhao et al. 2021, Calibrate before use; Liu et al. 2022, What makes good
in-context examples for GPT-3?
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy
from numpy.typing import NDArray

from studio.compare.tfidf import count_words, dot, vector, weigh_words
from studio.data.conversation import Conversation, Message
from studio.data.scripts import split_words
from studio.errors import DataError
from studio.scores.expected import Expected
from studio.scores.form import as_object
from studio.scores.labels import read_label

How = Literal["spread", "kinds", "drawn"]
HOWS: dict[How, str] = {
    "spread": "chosen so that every other example is near to one of them",
    "kinds": "typical ones of the commonest kinds of answer",
    "drawn": "drawn by lot",
}
FEWEST, MOST = 3, 5
MOST_LOOKED_AT = 300  # examples, each beside each other
DRAWN_SIZES = (5, 5, 4, 3)
SEED = 5

Likeness = NDArray[numpy.float64]


@dataclass(frozen=True)
class Shots:
    """Examples in the order in which they are shown, and how they were found."""

    how: How
    examples: tuple[Conversation, ...]

    @property
    def rows(self) -> list[int]:
        return [example.row for example in self.examples]


def with_shots(prompt: Sequence[Message], examples: Iterable[Conversation]) -> tuple[Message, ...]:
    """The prompt's own system prompt, the examples as turns that were said before, and the question.

    Nothing of the examples counts as learned: a loss is that of what is answered after them.
    """
    system = [message for message in prompt if message.role == "system"]
    turns = [replace(turn, learned=False) for example in examples for turn in _turns_of(example)]
    return (*system, *turns, *(message for message in prompt if message.role != "system"))


def _turns_of(example: Conversation) -> list[Message]:
    """To the last answer."""
    told = example.messages[: len(example.prompt) + 1]
    return [message for message in told if message.role != "system"]


def find_sets(
    train: Sequence[Conversation], expected: Expected, tokens_of: Callable[[Conversation], int], room_tokens: int
) -> list[Shots]:
    """Sets to choose from, each of three to five examples that fit into the room; of fewer where there are but two.

    Args:
        train: What is learned from, and nothing else.
        tokens_of: How much longer an example makes the prompt.
    Raises: DataError if there is no example, or none that fits.
    """
    usable = [example for example in train if not example.is_passage]
    if not usable:
        raise DataError(
            "There is no question with its answer among what is learned from.", "Bring examples of that kind."
        )
    fewest = min(FEWEST, len(usable))
    looked = random.Random(SEED).sample(usable, min(MOST_LOOKED_AT, len(usable)))
    lengths = {example.row: tokens_of(example) for example in looked}
    short = [example for example in looked if lengths[example.row] * fewest <= room_tokens]
    if len(short) < fewest:
        raise DataError(
            f"The prompt has no room for {fewest} examples: {max(0, room_tokens):,} tokens are left beside the longest "
            f"question and its answer, and an example takes {round(sum(lengths.values()) / len(lengths)):,}.",
            "With this base fine-tuning is the way, or take a base that reads more at once.",
        )
    likeness = _likeness(short)
    orders: list[tuple[How, list[int]]] = [
        ("spread", _spread(likeness)),
        ("kinds", _typical_of_kinds(short, expected, likeness)),
    ]
    found = [Shots(how, tuple(short[place] for place in order[:size])) for how, order in orders for size in _sizes()]
    dice = random.Random(SEED)
    found += [Shots("drawn", tuple(dice.sample(short, min(size, len(short))))) for size in DRAWN_SIZES]
    different: dict[frozenset[int], Shots] = {}
    for each in found:
        fitting = Shots(each.how, _that_fit(each.examples, lengths, room_tokens))
        different.setdefault(frozenset(fitting.rows), fitting)
    return list(different.values())


def _sizes() -> range:
    return range(FEWEST, MOST + 1)


def _that_fit(examples: Sequence[Conversation], lengths: dict[int, int], room_tokens: int) -> tuple[Conversation, ...]:
    """Without the last ones, as many as it takes. Any three fit: each has a third of the room at most."""
    count = len(examples)
    while sum(lengths[example.row] for example in examples[:count]) > room_tokens:
        count -= 1
    return tuple(examples[:count])


def _likeness(examples: Sequence[Conversation]) -> Likeness:
    """(n, n), 0 to 1: of all that is said in them."""
    counted = [count_words(" ".join(turn.content for turn in example.turns)) for example in examples]
    weight = weigh_words(counted)
    vectors = [vector(each, weight) for each in counted]
    found = numpy.eye(len(examples))
    for place, one in enumerate(vectors):
        for other in range(place):
            found[place, other] = found[other, place] = dot(one, vectors[other])
    return found


def _spread(likeness: Likeness) -> list[int]:
    """One by one the example that brings the others nearest to one that is shown: facility location.

    Source: Nemhauser, Wolsey and Fisher 1978: greedy is within 1 - 1/e of the best.
    """
    order: list[int] = []
    nearest = numpy.zeros(len(likeness))
    for _ in range(min(MOST, len(likeness))):
        gains = numpy.maximum(likeness, nearest).sum(axis=1)
        gains[order] = -1.0
        order.append(int(gains.argmax()))
        nearest = numpy.maximum(nearest, likeness[order[-1]])
    return order


def _typical_of_kinds(examples: Sequence[Conversation], expected: Expected, likeness: Likeness) -> list[int]:
    """Of each kind the example that is likest to the others of it, the commonest kind first; then the next of each."""
    kinds: defaultdict[str, list[int]] = defaultdict(list)
    for place, example in enumerate(examples):
        kinds[kind_of(example.wanted, expected)].append(place)
    ranked = [
        sorted(places, key=lambda place: (-likeness[place, places].sum(), place))
        for places in sorted(kinds.values(), key=len, reverse=True)
    ]
    rounds = max(map(len, ranked))
    order = [places[number] for number in range(rounds) for places in ranked if number < len(places)]
    return order[:MOST]


def kind_of(answer: str, expected: Expected) -> str:
    """Its label; of a JSON object which fields it has, with what in them; of other text about how long it is."""
    if label := read_label(expected.labels, answer):
        return label
    fields = as_object(answer)
    if fields is not None:
        return json.dumps({name: _kind_of_value(value) for name, value in sorted(fields.items())})
    return f"{len(split_words(answer)).bit_length()} doublings"


def _kind_of_value(value: Any) -> str:
    size = f" {len(value)}" if isinstance(value, list | dict) else ""
    return f"{type(value).__name__}{size}"
