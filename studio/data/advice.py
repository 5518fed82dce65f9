"""Should one fine-tune at all? Advice from the data itself and three questions, each with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from studio.data.audit.finding import Finding
from studio.data.audit.form import NEEDED

Wish = Literal["behaviour", "knowledge", "reasoning"]
Change = Literal["rarely", "monthly", "weekly"]
Tried = Literal["nothing", "prompt", "examples", "search"]
Verdict = Literal["yes", "first", "no"]

WISHES: dict[Wish, str] = {
    "behaviour": "Its form, its tone, or one narrow skill",
    "knowledge": "What it knows: facts, prices, rules, documents",
    "reasoning": "How it thinks a problem through",
}
CHANGES: dict[Change, str] = {
    "rarely": "Hardly ever",
    "monthly": "Every few months",
    "weekly": "Every week or more often",
}
TRIED: dict[Tried, str] = {
    "nothing": "Nothing yet",
    "prompt": "A careful prompt",
    "examples": "A prompt with some examples in it",
    "search": "Search over documents (RAG)",
}


@dataclass(frozen=True)
class Step:
    """What to do, and why."""

    what: str
    why: str


@dataclass(frozen=True)
class Advice:
    verdict: Verdict
    sentence: str
    steps: list[Step]


def advise(wish: Wish, change: Change, tried: Tried, examples: int, findings: Sequence[Finding]) -> Advice:
    """The steps in the order in which they are worth taking; the last is the fine-tuning, where it is advised."""
    if wish == "knowledge" and change != "rarely":
        return Advice(
            "no",
            "Fine-tuning is the wrong tool for facts that change.",
            [
                Step(
                    "Search over your documents (RAG)",
                    "The model is given the passage that holds the answer each time. A fact that changes is changed in "
                    "the document, not in the model, and the answer can name its source.",
                ),
                Step(
                    "Fine-tune for the manner, if at all",
                    "Once the facts come by search, a fine-tune can still teach how to answer from them.",
                ),
            ],
        )
    steps = _before(wish, tried, examples, findings)
    if wish == "knowledge":
        steps.append(
            Step(
                "Fine-tune, and expect the manner rather than the facts",
                "A model learns a fact surely only if it meets it many times in many wordings; what it met once it "
                "makes up with confidence. Search over documents stays the safer way.",
            )
        )
        return Advice("first", "Facts that hardly change can be taught, but not surely.", steps)
    steps.append(_fine_tune(wish))
    if len(steps) > 1:
        return Advice("first", f"Yes, after {'one step' if len(steps) == 2 else 'some steps'} that cost less.", steps)
    return Advice("yes", "Yes: this is what fine-tuning is good at.", steps)


def _before(wish: Wish, tried: Tried, examples: int, findings: Sequence[Finding]) -> list[Step]:
    """What costs less than a run and should come before it."""
    steps = []
    if tried in ("nothing", "prompt"):
        steps.append(
            Step(
                "A prompt with three to five of your examples in it",
                "It takes an hour and needs no training. If it is good enough you are done; if not, you know what the "
                "fine-tune has to beat.",
            )
        )
    if wish == "knowledge" and tried != "search":
        steps.append(
            Step("Search over your documents (RAG)", "Facts that stand in a document need not be learned at all.")
        )
    needed = NEEDED["reasoning" if wish == "reasoning" else "a tone or a form"]
    if examples < needed:
        steps.append(
            Step(
                f"More examples: you have {examples:,}, and about {needed:,} are needed",
                "Fewer are learned by heart instead of understood. Good ones count more than many.",
            )
        )
    broken = sum(finding.count for finding in findings if finding.check.severity == "error")
    if broken * 20 > examples:
        steps.append(
            Step(
                f"Mend what is broken: {broken:,} of {examples:,} examples",
                "The model learns what stands there, faults included. Findings has a button for most of them.",
            )
        )
    return steps


def _fine_tune(wish: Wish) -> Step:
    if wish == "reasoning":
        return Step(
            "Fine-tune on examples that show the way, not only the result",
            "A small model takes over a way of thinking only from answers that write it out, best in <think>. "
            "Start from a base that reasons already.",
        )
    return Step(
        "Fine-tune",
        "Form, tone and a narrow skill are what a small model learns fast, keeps surely, and then does at a "
        "fraction of the cost of a long prompt.",
    )
