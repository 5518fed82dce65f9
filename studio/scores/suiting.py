"""Which measures suit a data set, by looking at the answers that it wants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from studio.data.audit.language import language_of
from studio.data.scripts import split_words
from studio.scores.expected import Expected
from studio.scores.form import as_object, has_code_block
from studio.scores.measures import MEASURES, Example

MOST = 0.9
SHORT = 40  # characters
FEWEST_TO_REPEAT_WORDS = 20


@dataclass(frozen=True)
class Suiting:
    """Ids of MEASURES in their order; the main one decides the verdict. `reason` is a sentence."""

    measures: tuple[str, ...]
    main: str
    reason: str


def suiting(examples: Sequence[Example]) -> Suiting:
    """Looks at the wanted answers alone; what they have in common must be in `expected`."""
    wanted = [example.wanted for example in examples]
    expected = examples[0].expected if examples else Expected()
    measures, main, reason = _by_form(wanted, expected)
    chosen = {main, *measures, "right", "loss", "perplexity", "length_match", "refusal"}
    if expected.pattern:
        chosen.add("pattern_found")
    if median([len(split_words(text)) for text in wanted] or [0]) >= FEWEST_TO_REPEAT_WORDS:
        chosen.add("repetition")
    if wanted and _share([bool(language_of(text)) for text in wanted]) >= 0.5:
        chosen.add("language_kept")
    return Suiting(tuple(name for name in MEASURES if name in chosen), main, reason)


def _by_form(wanted: Sequence[str], expected: Expected) -> tuple[tuple[str, ...], str, str]:
    if not wanted:
        return (), "loss", "There are no wanted answers to look at, so only the loss is left."
    if _share([as_object(text) is not None for text in wanted]) >= MOST:
        return (
            ("json_valid", "word_overlap", *(["schema_valid"] if expected.schema is not None else [])),
            "fields_right",
            "The wanted answers are JSON objects, so each field is right or wrong; the share of right ones tells most.",
        )
    if expected.labels:
        return (
            ("macro_f1", "label_known"),
            "label_right",
            f"The wanted answers are one of {len(expected.labels)} labels, so each answer is right or wrong.",
        )
    if expected.extract:
        return (
            ("token_f1", "chrf"),
            "extracted_right",
            "The wanted answers end in a result that can be taken out, so that alone has to be right.",
        )
    if expected.schema is not None:
        return ("chrf",), "schema_valid", "The wanted answers are JSON, so the form can be checked by itself."
    if _share([has_code_block(text) for text in wanted]) >= 0.5:
        return (
            ("has_code", "rouge_l"),
            "chrf",
            "The wanted answers hold code, where each sign counts, so runs of signs in common tell most.",
        )
    if median(map(len, wanted)) <= SHORT:
        return (
            ("exact", "word_overlap", "chrf"),
            "token_f1",
            "The wanted answers are a few words, so the words in common tell most; case and punctuation do not count.",
        )
    return (
        ("word_overlap", "token_f1", "rouge_1", "rouge_l", "meaning"),
        "chrf",
        "The wanted answers are free text, right in many wordings; chrF goes by parts of words, in any language.",
    )


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags)
