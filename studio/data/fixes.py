"""What can be done about a finding: one mend for each check, in one table."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import ftfy

from studio.data.audit import marks, personal, secrets, wording
from studio.data.audit.finding import Example, Finding, Mark
from studio.data.audit.masked import mark_of
from studio.data.conversation import LEARNED, Conversation, Message
from studio.data.datasets import Dataset
from studio.data.examples import Placed
from studio.data.tokens import FolderTokenizer, label_tokens

SENTENCE_END = re.compile(r"[.!?。！？][\"'”’)\]]*(?=\s|$)|\n")  # noqa: RUF001 (Chinese and Japanese end sentences so)
_BREAK = re.compile(r"<br\s*/?>|</(?:p|div|li|tr|h[1-6]|ul|ol|table|blockquote)>", re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u2060\ufeff\ufff9-\ufffb]+")
# Quotes and ligatures are left as somebody set them; only what was broken is mended.
_REPAIR = ftfy.TextFixerConfig(uncurl_quotes=False, fix_latin_ligatures=False, normalization=None, unescape_html=False)


@dataclass(frozen=True)
class Around:
    """What a mend may need beside the example: the model that will learn, and how much it reads."""

    tokenizer: FolderTokenizer
    max_length: int


Mend = Callable[[Conversation, Around], Conversation | None]  # None: the example is dropped


@dataclass(frozen=True)
class Fix:
    """`done` is a sentence with {count} and {s}. A safe one loses nothing that anybody would miss.

    `rows` says which rows are acted upon, where they are not those of the finding.
    """

    check: str
    label: str
    done: str
    mend: Mend
    safe: bool = False
    moves_to: str = ""  # the split that the example is moved to
    rows: Callable[[Dataset, Finding], Iterable[int]] = lambda dataset, finding: finding.rows

    def sentence(self, count: int) -> str:
        return self.done.format(count=f"{count:,}", s="" if count == 1 else "s")

    def apply(self, placed: Placed, around: Around) -> Placed | None:
        conversation, split = placed
        mended = self.mend(conversation, around)
        return None if mended is None else (mended, self.moves_to or split)


def drop(conversation: Conversation, around: Around) -> None:
    return None


def stay(conversation: Conversation, around: Around) -> Conversation:
    return conversation


def _all_but_the_best(dataset: Dataset, finding: Finding) -> Iterable[int]:
    """Of each cluster all but the example with the most complete answer; of equals the earliest stays."""
    for cluster in finding.clusters:
        members = [conversation for conversation, _ in dataset.rows(cluster)]
        best = max(members, key=lambda c: (sum(map(len, c.answers)), -c.row))
        yield from (member.row for member in members if member is not best)


def _with_texts(conversation: Conversation, change: Callable[[int, str], str]) -> Conversation:
    messages = [
        replace(message, content=change(number, message.content))
        for number, message in enumerate(conversation.messages)
    ]
    return replace(conversation, messages=tuple(messages))


def _put_in_place(conversation: Conversation, found: Iterable[Mark], words: Callable[[Mark, str], str]) -> Conversation:
    """Put other words in the place of each mark."""
    by_message: dict[int, list[Mark]] = {}
    for mark in found:
        by_message.setdefault(mark.message, []).append(mark)

    def change(number: int, text: str) -> str:
        parts, place = [], 0
        for mark in sorted(by_message.get(number, ()), key=lambda mark: (mark.begin, -mark.end)):
            if mark.begin >= place:
                parts += [text[place : mark.begin], words(mark, text[mark.begin : mark.end])]
                place = mark.end
        return "".join([*parts, text[place:]])

    return _with_texts(conversation, change)


def _mask(look: Callable[[Example], Iterable[Mark]]) -> Mend:
    """Typed marks: the same for the same value within an example, with a number from the second value on."""

    def mend(conversation: Conversation, around: Around) -> Conversation:
        seen: dict[str, list[str]] = {}

        def words(mark: Mark, value: str) -> str:
            values = seen.setdefault(mark.kind, [])
            folded = re.sub(r"\W", "", value).casefold()
            if folded not in values:
                values.append(folded)
            return mark_of(mark.kind, values.index(folded) + 1)

        return _put_in_place(conversation, look(Example(conversation, None)), words)

    return mend


def remove_marks(conversation: Conversation, around: Around) -> Conversation:
    special = marks.special_pattern(around.tokenizer)
    mended = _put_in_place(conversation, marks.template_marks(Example(conversation, None, special)), lambda *_: "")
    return _with_texts(mended, lambda number, text: text.strip())


def repair_text(conversation: Conversation, around: Around) -> Conversation:
    """Encodings that were mistaken for others, characters that nobody sees, and HTML that was left over."""
    html_in = {m.message for m in wording.broken_text(Example(conversation, None)) if m.kind == "HTML"}

    def change(number: int, text: str) -> str:
        text = _CONTROL.sub("", ftfy.fix_text(text, _REPAIR))
        if number in html_in:
            code = [found.span() for found in wording.CODE.finditer(text)]
            text = _outside(text, code, lambda part: html.unescape(wording.HTML.sub(_tag, _BREAK.sub("\n", part))))
        return text

    return _with_texts(conversation, change)


def _tag(found: re.Match[str]) -> str:
    return found[0] if found[0].startswith("&") else ""


def _outside(text: str, spans: Sequence[tuple[int, int]], change: Callable[[str], str]) -> str:
    parts, place = [], 0
    for begin, end in spans:
        parts += [change(text[place:begin]), text[begin:end]]
        place = end
    return "".join([*parts, change(text[place:])])


def join_turns(conversation: Conversation, around: Around) -> Conversation:
    """What one side says twice in a row becomes one message."""
    joined: list[Message] = []
    for message in conversation.messages:
        before = joined[-1] if joined else None
        if before and before.role == message.role and message.role in ("user", "assistant") and not before.tool_calls:
            both = "\n\n".join(part for part in (before.content, message.content) if part)
            joined[-1] = replace(message, content=both, reasoning=before.reasoning or message.reasoning)
        else:
            joined.append(message)
    return replace(conversation, messages=tuple(joined))


def end_with_answer(conversation: Conversation, around: Around) -> Conversation | None:
    messages = list(conversation.messages)
    while messages and messages[-1].role not in LEARNED:
        messages.pop()
    return replace(conversation, messages=tuple(messages)) if messages else None


def trim_answer(conversation: Conversation, around: Around) -> Conversation | None:
    """The last answer ends with the last sentence that the model can still read; without one the example is dropped."""
    last = max((n for n, message in enumerate(conversation.messages) if message.role in LEARNED), default=None)
    if last is None:
        return None
    answer = conversation.messages[last]

    def cut(end: int) -> Conversation:
        shorter = replace(answer, content=answer.content[:end].rstrip())
        return replace(conversation, messages=(*conversation.messages[:last], shorter))

    ends = [found.end() for found in SENTENCE_END.finditer(answer.content)]
    low, high = 0, len(ends)
    while low < high:  # the most sentences that fit
        middle = (low + high + 1) // 2
        fits = not label_tokens(cut(ends[middle - 1]), around.tokenizer, around.max_length).cut_tokens
        low, high = (middle, high) if fits else (low, middle - 1)
    return cut(ends[low - 1]) if low else None


def _dropping(*checks: str) -> tuple[Fix, ...]:
    return tuple(Fix(check, "Drop them", "{count} example{s} dropped", drop) for check in checks)


FIXES: tuple[Fix, ...] = (
    Fix("exact_duplicate", "Keep one of each", "{count} double{s} dropped", drop, safe=True),
    Fix("near_duplicate", "Keep the fullest of each", "{count} near-double{s} dropped", drop, rows=_all_but_the_best),
    Fix("split_leak", "Move to training", "{count} held-out example{s} moved to training", stay, True, "train"),
    Fix("empty_message", "Drop them", "{count} empty example{s} dropped", drop, safe=True),
    Fix("nothing_learned", "Drop them", "{count} example{s} without a learned token dropped", drop, safe=True),
    Fix("last_not_assistant", "End with the answer", "{count} example{s} ended with the answer", end_with_answer, True),
    Fix("role_order", "Join what one side says", "{count} example{s} with turns joined", join_turns, True),
    Fix("broken_text", "Repair the text", "text repaired in {count} example{s}", repair_text, True),
    Fix("secret", "Mask", "keys masked in {count} example{s}", _mask(secrets.secrets), True),
    Fix("personal_data", "Mask", "personal data masked in {count} example{s}", _mask(personal.personal_data)),
    Fix("template_marks", "Remove the marks", "template marks removed from {count} example{s}", remove_marks),
    Fix("answer_cut_off", "Shorten at a sentence", "{count} answer{s} shortened", trim_answer),
    *_dropping(
        "too_few_turns", "same_question_other_answer", "refusal", "identity_leak", "placeholder", "repetition",
        "answer_copies_prompt", "format_break", "answer_in_other_language", "language_mix", "very_short", "very_long",
        "cut_off",
    ),
)  # fmt: skip
BY_CHECK = {fix.check: fix for fix in FIXES}
