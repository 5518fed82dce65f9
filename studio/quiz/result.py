"""From the answers before and after to a light for each subject and for all, and what to do about it.

A loss is red where it is sure (the whole 95 % interval of the difference is below zero) and large (LARGE and more),
amber where it is one of the two, green where it is neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from studio.quiz.form import Form
from studio.quiz.marking import Answer, is_right, said
from studio.quiz.reading import Quiz
from studio.report.figures import between, listed, percent, points, say_move, share_between
from studio.scores.intervals import SHARE, Interval, of_difference, of_mean
from studio.train.recipe import Recipe

Light = Literal["green", "amber", "red"]
LIGHTS: dict[Light, str] = {"green": "kept", "amber": "maybe less", "red": "forgotten"}  # from good to bad
PART_LOST = "partly lost"
LARGE = 0.05  # of all questions
LARGE_OF_A_SUBJECT = 0.10  # one of its twenty-odd questions is four points already
TAKEN_OVER, TAKEN_OVER_MORE = 0.5, 0.3  # share of off-topic answers in the training's form; so much more than before


@dataclass(frozen=True)
class Compared:
    """Shares right before and after, their difference, and the light."""

    before: Interval
    after: Interval
    difference: Interval
    light: Light

    def as_dict(self) -> dict[str, Any]:
        intervals = {"before": self.before, "after": self.after, "difference": self.difference}
        shown = {name: interval.as_dict() for name, interval in intervals.items()}
        return {**shown, "light": self.light, "word": LIGHTS[self.light]}


def light_of(difference: Interval, large: float) -> Light:
    sure, much = difference.high < 0, difference.value <= -large
    return "red" if sure and much else "amber" if sure or much else "green"


def compare(pairs: Sequence[tuple[bool, bool]], large: float) -> Compared:
    """Of (right before, right after) of each question."""
    before, after = [one for one, _ in pairs], [other for _, other in pairs]
    difference = of_difference(before, after, SHARE)
    return Compared(of_mean(before, SHARE), of_mean(after, SHARE), difference, light_of(difference, large))


def worst(lights: Sequence[Light]) -> Light:
    return max(lights, key=list(LIGHTS).index)


@dataclass(frozen=True)
class OffTopic:
    """How many of the answers to questions beside the point look like those of the training; None without a form."""

    form: Form | None
    asked: Sequence[str]
    before: Sequence[str]
    after: Sequence[str]

    def share(self, answers: Sequence[str]) -> float | None:
        return sum(map(self.form.is_alike, answers)) / len(answers) if self.form else None

    @property
    def is_taken_over(self) -> bool:
        """The tuned model answers in the form of its training whatever it is asked."""
        before, after = self.share(self.before), self.share(self.after)
        return before is not None and after is not None and after >= max(TAKEN_OVER, before + TAKEN_OVER_MORE)

    def as_dict(self) -> dict[str, Any]:
        return {
            "form": self.form.words if self.form else None,
            "before": self.share(self.before),
            "after": self.share(self.after),
            "taken_over": self.is_taken_over,
            "answers": [
                {"ask": ask, "before": one, "after": other, "alike": bool(self.form and self.form.is_alike(other))}
                for ask, one, other in zip(self.asked, self.before, self.after, strict=True)
            ],
        }


def judge(
    quiz: Quiz,
    before: Sequence[Answer],
    after: Sequence[Answer],
    off_topic: OffTopic,
    recipe: Recipe,
    epochs: float | None = None,
) -> Any:
    """All of quiz.json but which weights it is of: light, words, do, all, subjects, off_topic, answers.

    epochs: those that the weights have learned; None where they are those of the recipe.
    """
    rows: list[dict[str, Any]] = [
        {
            "subject": subject.title,
            "ask": item.ask,
            "wanted": item.right or item.form or item.answer[0],
            "before": said(item, one),
            "after": said(item, other),
            "before_right": is_right(item, one),
            "after_right": is_right(item, other),
        }
        for (subject, item), one, other in zip(
            ((subject, item) for subject in quiz.subjects for item in subject.items), before, after, strict=True
        )
    ]

    def pairs(title: str = "") -> list[tuple[bool, bool]]:
        return [(row["before_right"], row["after_right"]) for row in rows if title in ("", row["subject"])]

    total = compare(pairs(), LARGE)
    subjects = {subject.title: compare(pairs(subject.title), LARGE_OF_A_SUBJECT) for subject in quiz.subjects}
    lost = [title for title, compared in subjects.items() if compared.light == "red"]
    light = worst([total.light, "amber" if lost or off_topic.is_taken_over else "green"])
    return {
        "light": light,
        "words": _words(total, lost, off_topic),
        "do": _advice(light, recipe, recipe.epochs if epochs is None else epochs),
        "questions": len(rows),
        "all": total.as_dict(),
        "subjects": [
            {"subject": subject.title, "help": subject.help, "questions": len(subject.items)}
            | subjects[subject.title].as_dict()
            for subject in quiz.subjects
        ],
        "off_topic": off_topic.as_dict(),
        "answers": rows,
    }


def say_knowledge(light: Light, is_part_lost: bool) -> str:
    """How a sentence begins of what it still knows: `light` is that of all questions."""
    if light == "green":
        return "On the whole it knows about as much as before" if is_part_lost else "It knows about as much as before"
    return "It may have forgotten something" if light == "amber" else "It has forgotten a good part of what it knew"


def knowledge_of(found: Mapping[str, Any]) -> tuple[Light, str, list[str]]:
    """Light and word of what it knows, and the subjects that are surely lost: without these it is not called kept.

    found: quiz.json. Its own light looks at the form of the answers beside the point too.
    """
    lost = [part["subject"] for part in found["subjects"] if part["light"] == "red"]
    light = worst([found["all"]["light"], "amber" if lost else "green"])
    return light, PART_LOST if lost and light == "amber" else LIGHTS[light], lost


def _words(total: Compared, lost: Sequence[str], off_topic: OffTopic) -> str:
    """What was found, in two or three sentences."""
    before, after, change = say_move(total.before.value, total.after.value, total.difference.value)
    sure = between(total.difference.as_dict(), points)
    words = [
        f"{say_knowledge(total.light, bool(lost))}: {before} right before, {after} after ({change} points, {sure})."
    ]
    if lost:
        words.append(f"Surely lost: {listed(list(lost))}.")
    if off_topic.is_taken_over and off_topic.form:
        share = off_topic.share(off_topic.after) or 0.0
        sure = share_between(share, len(off_topic.asked))
        words.append(
            f"It answers {percent(share)} ({sure}) of the questions beside the point in the form of its training: "
            f"{off_topic.form.words}."
        )
    return " ".join(words)


def _advice(light: Light, recipe: Recipe, epochs: float) -> str:
    if light == "green":
        return "There is nothing to do."
    steps = []
    if epochs > 1:
        steps.append(f"fewer epochs ({max(1.0, epochs / 2):.3g} instead of {epochs:.3g})")
    steps.append(f"a lower learning rate ({recipe.learning_rate / 2:.2g} instead of {recipe.learning_rate:.2g})")
    if recipe.method == "full":
        steps.append("an adapter instead of all weights")
    how = f"Train again with {' or '.join(steps)}, or mix 10 to 20 % of general examples into the data set."
    if light == "red":
        return how
    return f"If it is only ever asked what it was trained for, leave it. Else: {how[0].lower()}{how[1:]}"
