"""Answers of one form, and those that break it; labels that stand in no proportion; too few of all."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any
from xml.etree import ElementTree

import orjson
import pandas

from studio.data.audit.finding import Check, Whole

MOST = 0.8
LONGEST_LABEL = 40
BEGINNING = 4_000  # characters that tell what an answer is
FEWEST_OF_A_LABEL = 10
# By what an answer is; the least of examples that people report to work.
NEEDED = {"a tone or a form": 50, "questions of a field": 200, "code": 500, "reasoning": 1000}
_TYPES = {str: "text", bool: "yes or no", int: "number", float: "number", list: "list", dict: "object"}
_CODE = re.compile(r"```|^[ \t]{0,16}(?:def|class|import|function|const|let|public|#include|SELECT)\b", re.MULTILINE)
_REASONING = re.compile(r"<think>|step by step|\blet['’]s think\b|\bstep 1\b", re.IGNORECASE)


def form_of(answer: str) -> tuple[str, str]:
    """("json", its keys with their types), ("xml", its root) or ("text", "")."""
    text = answer.strip()
    if text[:1] in "{[" and text[-1:] in "}]" and text:
        try:
            return "json", _signature(orjson.loads(text))
        except orjson.JSONDecodeError:
            return "text", ""
    if text[:1] == "<" and text[-1:] == ">" and "<!" not in text:
        try:
            return "xml", ElementTree.fromstring(text).tag
        except ElementTree.ParseError:
            return "text", ""
    return "text", ""


def _signature(value: Any) -> str:
    if isinstance(value, dict):
        pairs = sorted((str(key), _TYPES.get(type(item), "")) for key, item in value.items())
        return orjson.dumps(pairs).decode()
    return "list"


def label_of(answer: str) -> str:
    text = answer.strip()
    return text.casefold().rstrip(".") if len(text) <= LONGEST_LABEL and "\n" not in text else ""


def kind_of_task(prompt: str, answer: str) -> str:
    """What its examples are for, so far as one of them tells; see NEEDED."""
    beginning = answer[:BEGINNING]
    if _REASONING.search(beginning):
        return "reasoning"
    if _CODE.search(beginning):
        return "code"
    return "questions of a field" if prompt.rstrip().endswith("?") and len(answer) > LONGEST_LABEL else ""


def format_breaks(whole: Whole) -> Iterable[int]:
    facts = whole.facts[whole.facts["answer_length"] > 0]
    for form in ("json", "xml"):
        of_form = facts["form"] == form
        if len(facts) >= FEWEST_OF_A_LABEL and of_form.mean() >= MOST:
            rows = facts["row"].astype(int)
            return [*rows[~of_form], *_unusual(rows[of_form], facts.loc[of_form, "signature"])]
    labels = closed_labels(whole)
    return whole.rows((whole.facts["answer_length"] > 0) & ~whole.facts["label"].isin(labels)) if labels else []


def _unusual(rows: pandas.Series[int], signatures: pandas.Series[str]) -> Iterable[int]:
    """Rows that lack a key nearly all have, have one that nearly none has, or hold another type in one."""
    counts = Counter(signatures)
    total = len(signatures)
    keys: Counter[str] = Counter()
    types: Counter[tuple[str, str]] = Counter()
    for signature, count in counts.items():
        for key, kind in _pairs(signature):
            keys[key] += count
            types[key, kind] += count if kind else 0
    usual = {key for key, count in keys.items() if count >= 0.9 * total}
    rare = {key for key, count in keys.items() if count <= 0.05 * total}
    filled = Counter({key: sum(count for (name, _), count in types.items() if name == key) for key in keys})
    strange = {pair for pair, count in types.items() if pair[1] and count <= 0.05 * filled[pair[0]]}
    broken = {
        signature
        for signature in counts
        if ((names := {key for key, _ in _pairs(signature)}) and (usual - names or names & rare))
        or strange.intersection(_pairs(signature))
        or (not names and usual)
    }
    return rows[signatures.isin(broken)]


def _pairs(signature: str) -> list[tuple[str, str]]:
    return [(key, kind) for key, kind in orjson.loads(signature)] if signature[:1] == "[" else []


def closed_labels(whole: Whole) -> list[str]:
    """The labels of a data set whose answers are nearly all one of a few; else none."""
    labels = whole.facts["label"].astype(str)  # as categories the unused ones would be counted, as nought
    counts = labels[labels != ""].value_counts()
    often = counts[counts >= max(3, len(labels) / 500)]
    is_closed = len(labels) >= 20 and 2 <= len(often) <= max(2, len(labels) / 10) and often.sum() >= MOST * len(labels)
    return [str(label) for label in often.index] if is_closed else []


def unbalanced(whole: Whole) -> Iterable[int]:
    """Examples of labels with fewer than ten, and all of a label that makes up nine in ten."""
    labels = whole.facts["label"].astype(str)
    counts = labels[labels.isin(closed_labels(whole))].value_counts()
    odd = counts[(counts < FEWEST_OF_A_LABEL) | (counts > 0.9 * len(labels))].index
    return whole.rows(labels.isin(odd))


def too_few(whole: Whole) -> Iterable[int]:
    """All rows, where there are fewer than this kind of task needs."""
    kinds = whole.facts["task"]
    usual = next((kind for kind in reversed(NEEDED) if (kinds == kind).mean() > 0.5), "a tone or a form")
    return whole.rows(kinds == kinds) if len(kinds) < NEEDED[usual] else []


CHECKS = (
    Check(
        "format_break",
        "{count} answer{s} in another form than the rest",
        "Nearly all answers have one form; those that break it teach the model to break it too.",
        "warning",
        find=format_breaks,
    ),
    Check(
        "unbalanced",
        "{count} example{s} of labels that are far too rare or too common",
        "A label with fewer than ten examples is hardly learned; one that nearly all have is always guessed.",
        "note",
        find=unbalanced,
    ),
    Check(
        "too_few",
        "Only {count} example{s} for this kind of task",
        "A tone needs 50 to 100, questions of a field 200 to 500, code 500 to 1,000, reasoning 1,000 to 2,000.",
        "note",
        find=too_few,
    ),
)
