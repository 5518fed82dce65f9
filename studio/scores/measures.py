"""The one table of measures."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from studio.data.audit.refusing import LANGUAGES
from studio.scores import extract, form, labels, manner, meaning, text
from studio.scores.chrf import chrf
from studio.scores.expected import Expected
from studio.scores.intervals import SHARE, Bounds
from studio.scores.schema import fits

Unit = Literal["share", "cosine", "nats", "words"]


@dataclass(frozen=True)
class Example:
    """A question's wanted answer, and what the data set's answers have in common."""

    wanted: str
    expected: Expected = field(default_factory=Expected)


Value = Callable[[Example, str], float | None]


@dataclass(frozen=True)
class Measure:
    """`value` is of one example, None where the measure says nothing of it; shares are 0 to 1.

    Without `value`, whoever holds the model gives the values (loss), or it is of all examples (perplexity, macro F1).
    `extra` is the name of the one that it needs, see `studio.extras`; without it `value` gives None.
    """

    id: str
    title: str
    help: str
    higher_is_better: bool = True
    unit: Unit = "share"
    value: Value | None = None
    bounds: Bounds = SHARE
    extra: str = ""


def _of(function: Callable[[str, str], float | None]) -> Value:
    return lambda example, answer: function(example.wanted, answer)


def _of_words(function: Callable[[str, str], float], needed: Callable[[str], object] = str.strip) -> Value:
    """None where nothing was wanted that this function could see."""
    return lambda example, answer: function(example.wanted, answer) if needed(example.wanted) else None


def _keeps_schema(example: Example, answer: str) -> float | None:
    schema = example.expected.schema
    if schema is None:
        return None
    is_json, value = form.as_json(answer)
    return float(is_json and fits(value, schema))


def _matches_pattern(example: Example, answer: str) -> float | None:
    pattern = example.expected.pattern
    return float(re.search(pattern, answer, re.MULTILINE) is not None) if pattern else None


def _has_code(example: Example, answer: str) -> float | None:
    return float(form.has_code_block(answer)) if form.has_code_block(example.wanted) else None


def _is_extracted_right(example: Example, answer: str) -> float | None:
    expected = example.expected
    return extract.is_extracted_right(expected.extract, example.wanted, answer, expected.read_as, expected.decimals)


def _is_label(example: Example, answer: str) -> float | None:
    known = example.expected.labels
    return float(labels.read_label(known, answer) != labels.OTHER) if known else None


def _is_label_right(example: Example, answer: str) -> float | None:
    target = labels.read_label(example.expected.labels, example.wanted)
    return None if target == labels.OTHER else float(labels.read_label(example.expected.labels, answer) == target)


ALL = (
    Measure(
        "right",
        "wholly right",
        "The answer is the wanted one, but for blanks and case; as JSON where it is JSON.",
        value=_of(text.is_right),
    ),
    Measure(
        "fields_right",
        "fields right",
        "Of the fields of the wanted JSON object, the share that is in the answer with the same value.",
        value=_of(form.fields_right),
    ),
    Measure(
        "json_valid", "valid JSON", "The answer is a JSON object and nothing else.", value=_of(form.is_json_object)
    ),
    Measure(
        "schema_valid",
        "keeps the schema",
        "The answer is JSON with the fields, types and choices that the examples have, or the schema that you gave.",
        value=_keeps_schema,
    ),
    Measure(
        "label_right",
        "right label",
        "The answer is the wanted label and nothing else; also called accuracy.",
        value=_is_label_right,
    ),
    Measure(
        "macro_f1",
        "macro F1",
        "How well each label is found and nothing else taken for it; a rare label counts as much as a common one.",
    ),
    Measure("label_known", "one of the labels", "The answer is one of the labels of the examples.", value=_is_label),
    Measure(
        "extracted_right",
        "right result",
        "The result that the pattern takes out of the answer is the wanted one, as a number or as text.",
        value=_is_extracted_right,
    ),
    Measure(
        "exact",
        "the same when folded",
        "The answer is the wanted one, but for case, punctuation, articles and blanks.",
        value=_of(text.exact),
    ),
    Measure(
        "token_f1",
        "words in common, folded",
        "Words that both have, without case, punctuation and articles, against all of both (SQuAD's F1).",
        value=_of(text.token_f1),
    ),
    Measure(
        "word_overlap", "words in common", "Words that both have, against all words of both.", value=_of(text.overlap)
    ),
    Measure(
        "rouge_1",
        "ROUGE-1",
        "Words of a to z and digits that both have, against all of both; of Chinese, Japanese, Thai and the like, "
        "letters.",
        value=_of_words(text.rouge_1, text.rouge_words),
    ),
    Measure(
        "rouge_l",
        "ROUGE-L",
        "The longest run of words that both have in the same order, gaps allowed, against the words of both.",
        value=_of_words(text.rouge_l, text.rouge_words),
    ),
    Measure(
        "chrf",
        "chrF",
        "Runs of up to six letters that both have; it forgives endings, and works in every script.",
        value=_of_words(chrf),
    ),
    Measure(
        "meaning",
        "similarity of meaning",
        "The cosine of the embeddings of answer and wanted answer: 1 is the same, about 0 unrelated, -1 the least. "
        "Good for: does it speak of the same things, in English. Not for: is it true. It sees no order of words and "
        "hardly a “not” or another number; a free paraphrase falls to about 0.5. Other languages are left out.",
        unit="cosine",
        value=_of(meaning.similarity),
        bounds=(-1.0, 1.0),
        extra="similarity",
    ),
    Measure(
        "pattern_found",
        "matches the pattern",
        "The regular expression that you gave matches in the answer.",
        value=_matches_pattern,
    ),
    Measure("has_code", "has a code block", "The answer has a code block, where one was wanted.", value=_has_code),
    Measure(
        "length_match",
        "as long as wanted",
        "The shorter of answer and wanted answer against the longer: 100 % is the same length.",
        value=_of(manner.length_match),
    ),
    Measure(
        "repetition",
        "repeats itself",
        "Share of the answer's runs of three words that came before in it; of four letters where no blanks stand "
        "between words.",
        higher_is_better=False,
        value=lambda _, answer: manner.repetition(answer),
    ),
    Measure(
        "refusal",
        "refusals",
        "The answer refuses or speaks “as an AI” where the wanted one does not. Common sentences are known in "
        f"{', '.join(LANGUAGES[:-1])} and {LANGUAGES[-1]}.",
        higher_is_better=False,
        value=_of(manner.refusal),
    ),
    Measure(
        "language_kept",
        "in the wanted language",
        "The answer is in the language of the wanted one, where both are long enough to tell.",
        value=_of(manner.language_kept),
    ),
    Measure(
        "loss",
        "loss",
        "How surprised the model is by the wanted answer, a token: 0 is not at all. Each example counts the same.",
        higher_is_better=False,
        unit="nats",
        bounds=(0.0, math.inf),
    ),
    Measure(
        "perplexity",
        "perplexity",
        "Among how many equally likely words the model wavers at each; e to the power of the loss.",
        higher_is_better=False,
        unit="words",
        bounds=(1.0, math.inf),
    ),
)
MEASURES = {measure.id: measure for measure in ALL}
