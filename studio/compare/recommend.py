"""Whether to keep a fine-tune, or to begin one: from three ways to an answer to one plain sentence.

What a difference says is the word of its 95 % interval; that two ways do equally well is said only where the whole
interval lies within CLOSE.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

from studio.report.figures import change_between, count, level_between, percent, say, say_change
from studio.scores.comparison import Comparison
from studio.scores.intervals import FEWEST, Interval
from studio.scores.measures import Measure

Way = Literal["base", "prompt", "tuned"]
Word = Literal["fine-tune", "prompt", "base", "can't tell"]
WAYS: tuple[Way, ...] = get_args(Way)

ABOUT_THE_SAME = (0.9, 1.1)  # of a time
CLOSE = 0.10  # of a measure: ten points of a share
ENOUGH = 0.90  # what a prompt must surely reach before training is not worth a try
# Measures by which all could be right: free text is right in many wordings, and a form kept is no content.
CAN_BE_FULL = frozenset({"right", "fields_right", "label_right", "extracted_right", "exact", "token_f1"})
MOST_QUESTIONS = 5_000  # that somebody would still bring to settle it
NUMBERS = ("no", "one", "two", "three", "four", "five")
UNSTEADY = "Which is faster the clock could not tell: other programs were at work, or the questions were few."
SHARES = (
    (1 / 2, "half"),
    (1 / 3, "a third of"),
    (1 / 4, "a quarter of"),
    (1 / 5, "a fifth of"),
    (1 / 10, "a tenth of"),
)


@dataclass(frozen=True)
class Recommendation:
    """`sentence` says what was found and what follows; `do` what to do about it, and why."""

    word: Word
    sentence: str
    do: str

    def as_dict(self) -> dict[str, str]:
        return {"word": self.word, "recommendation": self.sentence, "do": self.do}


@dataclass(frozen=True)
class Found:
    """`quality` by one measure on the same `questions`; `differences` by (later way, earlier); prompt `tokens`.

    `by_hand`: the person chose the measure. `time`: the tuned model's against that of the prompt, 1 being the same;
    None before training.
    """

    measure: Measure
    questions: int
    shots: int
    quality: Mapping[Way, Interval]
    tokens: Mapping[Way, float]
    differences: Mapping[tuple[Way, Way], Comparison]
    time: Interval | None = None
    by_hand: bool = False

    def says(self, way: Way) -> str:
        each = self.quality[way]
        return f"{say(self.measure, each.value)} ({level_between(self.measure, each.as_dict())})"

    def word(self, way: Way, other: Way) -> str:
        return self.differences[way, other].word

    def is_close(self, way: Way, other: Way) -> bool:
        difference = self.differences[way, other].difference
        return difference.low > -CLOSE and difference.high < CLOSE

    @property
    def shown(self) -> str:
        """ "Five examples in the prompt get 61 % (between 52 and 70)"."""
        number = NUMBERS[self.shots].capitalize()
        begin = f"{number} example in the prompt gets" if self.shots == 1 else f"{number} examples in the prompt get"
        return f"{begin} {self.says('prompt')}"

    @property
    def asked(self) -> str:
        return count(self.questions, "question")

    @property
    def title(self) -> str:
        chosen = "the measure that you chose, " if self.by_hand else ""
        return f"by {chosen}“{self.measure.title}”{'' if self.measure.higher_is_better else ' (lower is better)'}"


def say_times(time: Interval) -> str:
    """ "in a third of the time"; empty where the clock cannot tell."""
    if ABOUT_THE_SAME[0] <= time.low and time.high <= ABOUT_THE_SAME[1]:
        return "in about the same time"
    if time.low <= 1 <= time.high:
        return ""
    ratio = time.value
    if ratio > 1:
        return f"in {ratio:.1f} times the time" if ratio < 9.95 else f"in {ratio:.0f} times the time"
    share, words = min(SHARES, key=lambda known: abs(math.log(ratio / known[0])))
    if abs(math.log(ratio / share)) < 0.13:
        return f"in {words} the time"
    return f"in {100 * ratio:.0f} % of the time"


def after_training(found: Found) -> Recommendation:
    """Was it worth it?"""
    said = _after_training(found)
    return said if found.time and say_times(found.time) else replace(said, do=f"{said.do} {UNSTEADY}")


def _after_training(found: Found) -> Recommendation:
    assert found.time is not None
    times = say_times(found.time)
    head = f"{found.shown}, fine-tuning {found.says('tuned')} {found.title}{', ' if times else ''}{times}"
    beside, gained, shown = (
        found.word("tuned", "prompt"), found.word("tuned", "base"), found.word("prompt", "base")
    )  # fmt: skip
    with_base = f"{head}; the base alone gets {found.says('base')}"
    if beside == "better" and gained == "better":
        return Recommendation("fine-tune", f"{head}: keep the tuned one.", _say_difference(found, "tuned", "prompt"))
    if beside == "worse" and shown == "better":
        return Recommendation(
            "prompt",
            f"{head}: save yourself the adapter, the prompt does better.",
            "Put the examples below before each question. If the length of that prompt is the trouble, train longer or "
            "on more examples, and ask again.",
        )
    if "better" not in (gained, shown):
        return _nothing_gained(found, with_base)
    if found.is_close("tuned", "prompt"):
        return Recommendation(
            "prompt",
            f"{head}: a good prompt does as well, so you can save yourself the adapter.",
            f"They differ by less than {_say_close(found.measure)} either way. {_say_price(found)}",
        )
    return Recommendation("can't tell", f"{head}: which of them is better cannot be told yet.", _say_how_to_tell(found))


def _nothing_gained(found: Found, head: str) -> Recommendation:
    if found.word("tuned", "base") == "worse" or found.is_close("tuned", "base"):
        return Recommendation(
            "base",
            f"{head}: take the base as it is.",
            "Neither the examples nor the training made it surely better. See what the doctor says of the run in "
            "Train, and whether the examples in Data are what you want.",
        )
    return Recommendation(
        "can't tell",
        f"{head}: neither is surely better than the base.",
        _say_how_to_tell(found, "tuned", "base"),
    )


def before_training(found: Found) -> Recommendation:
    """Should I? Answered by how far the base comes with examples in its prompt, and without."""
    base, prompt = found.quality["base"], found.quality["prompt"]
    head = f"{found.shown}, the base alone {found.says('base')} {found.title}"
    if found.measure.id not in CAN_BE_FULL:
        return Recommendation(
            "can't tell",
            f"{head}: whether that is enough no number can say.",
            "Answers like these can be good in many wordings. Read the answers with examples below: if you would send "
            "them, a prompt is enough. If not, train, and compare again.",
        )
    if base.low >= ENOUGH:
        return Recommendation(
            "base", f"{head}: no, the base can do it already.", "Take it as it is; there is little left to teach."
        )
    if prompt.low >= ENOUGH:
        return Recommendation(
            "prompt",
            f"{head}: no, a prompt is enough.",
            f"Put the examples below before each question. That prompt is {found.tokens['prompt']:,.0f} tokens long "
            f"instead of {found.tokens['base']:,.0f}; train only if that is too slow or too dear.",
        )
    if max(prompt.high, base.high) < ENOUGH:
        return Recommendation(
            "fine-tune",
            f"{head}: yes, train.",
            "A prompt does not get there, so there is something to learn. What training makes of it, Compare tells "
            "afterwards, beside this prompt.",
        )
    return Recommendation(
        "can't tell",
        f"{head}: it may be enough, or not.",
        f"{found.asked} cannot tell whether it is above {percent(ENOUGH)}. A quick look in Train costs little and "
        "settles it; more held-out examples would too.",
    )


def say_difference(measure: Measure, interval: Interval) -> str:
    """ "+33 points (between +22 and +44)"."""
    unit = " points" if measure.unit == "share" else ""
    return f"{say_change(measure, interval.value)}{unit} ({change_between(measure, interval.as_dict())})"


def _say_close(measure: Measure) -> str:
    return f"{100 * CLOSE:.0f} points" if measure.unit == "share" else f"{CLOSE:.2f}"


def _say_difference(found: Found, way: Way, other: Way) -> str:
    difference = found.differences[way, other].difference
    return f"The difference is {say_difference(found.measure, difference)}, more than chance would make."


def _say_price(found: Found) -> str:
    read = f"it reads {found.tokens['tuned']:,.0f} tokens a question instead of {found.tokens['prompt']:,.0f}"
    if found.time is None or found.time.high >= 1:
        return f"What speaks for the tuned one is the shorter prompt: {read}."
    return f"What speaks for the tuned one is its speed: it answers {say_times(found.time)}, for {read}."


def _say_how_to_tell(found: Found, way: Way = "tuned", other: Way = "prompt") -> str:
    compared = found.differences[way, other]
    difference, few = compared.difference, compared.examples < FEWEST
    told = say_difference(found.measure, difference)
    why = "and so few questions are too few to tell" if few else "which chance alone could do"
    asked = f"The difference on {found.asked} is {told}, {why}."
    half = (difference.high - difference.low) / 2
    needed = found.questions * (half / difference.value) ** 2 if difference.value else math.inf
    if needed > MOST_QUESTIONS:
        return f"{asked} It is so small that hardly any number of questions would settle it: take what costs you less."
    enough = _rounded(max(needed, found.questions + 1, FEWEST))
    return (
        f"{asked} About {enough:,} held-out questions would settle a difference "
        "of that size: bring more examples. Until then take what costs you less."
    )


def _rounded(number: float) -> int:
    """Up, to two digits."""
    step = int(10 ** max(0, int(math.log10(number)) - 1))
    return math.ceil(number / step) * step
