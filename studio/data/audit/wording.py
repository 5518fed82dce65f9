"""Answers that teach the wrong thing: broken text, somebody else's voice, words that stand for others."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ftfy.badness import BADNESS_RE

from studio.data.audit import refusing
from studio.data.audit.finding import Check, Example, Mark, Whole, in_answers
from studio.data.audit.masked import OWN_MARK

_MACHINE = (
    r"(?:ai|artificial intelligence|(?:large )?language model|chat ?bot"
    r"|(?:digital|virtual|automated) (?:assistant|service|system))\b"
)
# "As a customer service AI", and not "as a leader in AI", "as a person who loves AI" or "as a human, not a bot".
_QUALITIES = (
    r"(?:(?!(?:in|of|for|on|with|to|by|from|about|behind|not|an?|the|this|our|your|who|that|which|\w{1,30}ing) )"
    r"[\w'’-]{1,30} ){0,4}"
)
_AS_A_MACHINE = rf"\bas an? (?:{_QUALITIES}{_MACHINE}|bot\b)"
_AM_A_MACHINE = (
    rf"\bi(?:['’]?| a)m (?:just |only )?an? (?:{_QUALITIES}{_MACHINE}|bot\b)"
    r"(?=\s*\Z|[.,;!?]| (?:and|who|that|designed|trained|named|called|created|built|made|here|without)\b)"
)
_REGRET = (
    r"(?:(?:i(?:['’]m| am)|we(?:['’]re| are)) (?:so |very |truly |deeply )?(?:sorry|afraid)"
    r"|sorry|(?:my )?apologies|i apologi[sz]e|unfortunately)\b"
)
_UNABLE = (
    r"(?:i (?:don['’]t|do not) have (?:(?:the |any )?(?:ability|capability|capacity) to\b"
    r"|access to (?:real[- ]?(?:time|world)|personal|external|the internet)\b)"
    r"|i(?:['’]m| am) (?:unable|not (?:able|equipped|designed|programmed)) to (?:help|assist|provide|fulfil+|comply"
    r"|answer|support|engage|create|generate|discuss|offer|do that|share|give|write|access|browse)\b)"
)
REFUSAL = re.compile(
    r"\A\W*(?:(?:oh|no|well|ok(?:ay)?|hello|hi)\b\W+)?(?:"
    r"(?:i(?:['’]m| am)|we(?:['’]re| are)) (?:so |very |truly |deeply )?(?:sorry|afraid)\b[^.\n]{0,40}?\b"
    r"(?:can(?:['’]?t|not| not)|won['’]t|(?:not |un)able|not (?:comfortable|allowed|permitted))\b"
    r"|(?:sorry|apologies|my apologies|i apologi[sz]e)\b[^.\n]{0,40}?\b"
    r"(?:can(?:['’]?t|not| not)|(?:not |un)able|won['’]t)\b"
    r"|i (?:can(?:['’]?t|not| not)|won['’]t|am (?:not |un)able to|must decline to|(?:have to|need to) decline)"
    r" (?:help|assist|provide|fulfil+|comply|answer|support"
    r"|engage|create|generate|discuss|offer|do that|share|give|write)"
    rf"|{_REGRET}[^.\n]{{0,80}}?(?:\bbut,? {_AS_A_MACHINE}|\b{_UNABLE})|{_UNABLE}"
    r"|it (?:is|would be) (?:not appropriate|inappropriate|unethical)"
    rf"|{'|'.join(refusing.REFUSALS)})",
    re.IGNORECASE,
)
AS_AN_AI = re.compile(
    r"\bas an? (?:[\w-]{1,30} )?(?:ai|artificial intelligence|(?:large )?language model)\b"
    rf"|{_AS_A_MACHINE}(?:[^.,!?\n]{{0,60}},)? i\b|{_AM_A_MACHINE}"
    r"|\bi(?:['’]?| a)m (?:just |only )?an?"
    r" (?:ai|artificial intelligence|(?:large )?language model|virtual assistant)\b"
    r"|\bai (?:language )?(?:model|assistant)\b"
    r"|\bmy (?:knowledge|training) (?:cut-?\s?off|data)\b|\blast knowledge update\b"
    r"|\b(?:i am|i['’]m|my name is) (?:chatgpt|gpt-?\d|claude|gemini|bard|llama|qwen|mistral|deepseek|copilot)\b"
    r"|\b(?:trained|developed|created|made) by (?:openai|anthropic|google|meta ai|alibaba|mistral ai|deepseek)\b"
    rf"|{'|'.join(refusing.AS_AN_AI)}",
    re.IGNORECASE,
)
AS_AN_AI_HINTS = (
    "ai ", "ai-", " ai", "artificial", "language model", "chatbot", "chat bot", "a bot", "digital ", "virtual ",
    "automated ", "my knowledge", "my training", "knowledge update", "i am ", "i'm ", "i’m ", "my name", "trained by",
    "developed by", "created by", "made by", *refusing.AS_AN_AI_HINTS,
)  # fmt: skip
PLACEHOLDER = re.compile(
    r"(?i:\blorem ipsum\b)|\bTODO\b|\bTBD\b|\bFIXME\b|\bXXX+\b"
    r"|(?i:\[(?:your|insert|enter|add|fill in|company|customer|client|first|last|full)\b[^\]\n]{0,40}\](?!\())"
    rf"|(?!{OWN_MARK})"
    r"(?i:\[(?:name|date|address|city|phone|email|link|url|placeholder|amount|title)\](?!\())"
    r"|(?i:<(?:your|insert|enter)[ _-][^>\n]{1,40}>)|\{\{ ?[a-z_.]+ ?\}\}|\b(?:asdf|foo bar baz|blah blah)\b"
)
PLACEHOLDER_HINTS = ("lorem", "todo", "tbd", "fixme", "xxx", "[", "<", "{{", "asdf", "foo bar", "blah")
NO_ANSWER = re.compile(
    r"\W*(?:n/?a|tba|tbd|none given|null|undefined|nan|test|no answer|\.{3}|…|-+|\?+)\W*", re.IGNORECASE
)
_REPLACEMENT = re.compile("\ufffd+")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u2060\ufeff\ufff9-\ufffb]+")
HTML = re.compile(
    r"</?(?:p|br|div|span|font|table|tr|td|th|tbody|ul|ol|li|strong|em|b|i|u|a|h[1-6]|img|blockquote|hr)"
    r"(?:\s[^<>]{0,200})?\s?/?>|&(?:nbsp|amp|lt|gt|quot|apos|rsquo|lsquo|rdquo|ldquo|hellip|ndash|mdash|#\d{2,5}|#x[0-9a-f]{2,4});",
    re.IGNORECASE,
)
CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`", re.DOTALL)
_SPEAKS_OF_HTML = re.compile(r"\b(?:html|xml|markup|tags?|css|jsx|svg|web ?page|javascript)\b|<\?xml", re.IGNORECASE)
FIRST_SENTENCE = re.compile(r"\A\s*(.{12,160}?[.!?:](?=\s+\S)|.{5,160}?[。\uff01\uff1f](?=\s*\S))", re.DOTALL)


def refusals(example: Example) -> Iterable[Mark]:
    for number, message in enumerate(example.conversation.messages):
        if message.role == "assistant" and (found := REFUSAL.match(message.content[:400])):
            yield Mark(number, found.start(), found.end())


def broken_text(example: Example) -> Iterable[Mark]:
    messages = example.conversation.messages
    for number, message in enumerate(messages):
        text = message.content
        patterns = [_CONTROL] if text.isascii() else [_CONTROL, _REPLACEMENT, BADNESS_RE]
        for pattern in patterns:
            yield from (Mark(number, found.start(), found.end(), "TEXT") for found in pattern.finditer(text))
        if (
            message.role != "text"
            and HTML.search(text)
            and not any(_SPEAKS_OF_HTML.search(other.content) for other in messages)
        ):
            code = [found.span() for found in CODE.finditer(text)]
            for found in HTML.finditer(text):
                if not any(begin <= found.start() < end for begin, end in code):
                    yield Mark(number, found.start(), found.end(), "HTML")


def placeholders(example: Example) -> Iterable[Mark]:
    yield from in_answers(PLACEHOLDER, *PLACEHOLDER_HINTS)(example)
    for number, message in enumerate(example.conversation.messages):
        if message.role == "assistant" and len(message.content) < 30 and NO_ANSWER.fullmatch(message.content):
            yield Mark(number, 0, len(message.content))


def boilerplate(whole: Whole) -> Iterable[int]:
    """A first sentence that opens one answer in twenty or more, and at least ten."""
    opening = whole.facts["opening_key"]
    counts = opening[opening != 0].value_counts()
    usual = counts[counts >= max(10, len(opening) / 20)].index
    return whole.rows(opening.isin(usual))


def repetitions(whole: Whole) -> Iterable[int]:
    """Answers half of whose runs of words came before, and far more than in the rest of this data set."""
    share = whole.facts["fresh_share"]
    middle = share.median()
    spread = (share - middle).abs().median()
    return whole.rows(share < min(0.5, middle - 6 * spread))


def copies(whole: Whole) -> Iterable[int]:
    """Answers whose words stand in the question nearly all, run for run; where many do, copying is the task."""
    copied = whole.facts["copied_share"] >= 0.85
    return [] if copied.mean() > 0.2 else whole.rows(copied)


CHECKS = (
    Check(
        "broken_text",
        "{count} example{s} with broken characters or left-over HTML",
        "The model learns to write them.",
        "warning",
        broken_text,
    ),
    Check(
        "refusal",
        "{count} answer{s} refusing the question",
        "A few refusals teach the model to refuse more than they were meant for.",
        "warning",
        refusals,
    ),
    Check(
        "identity_leak",
        "{count} answer{s} speaking “as an AI”",
        "The model would learn to speak of itself as somebody else's assistant.",
        "warning",
        in_answers(AS_AN_AI, *AS_AN_AI_HINTS),
    ),
    Check(
        "placeholder",
        "{count} answer{s} with words that only hold a place",
        "The model will write TODO and [your name] to your customers.",
        "warning",
        placeholders,
    ),
    Check(
        "boilerplate",
        "{count} answers opening with the same sentence",
        "The model will open with it whatever is asked.",
        "note",
        find=boilerplate,
    ),
    Check(
        "repetition",
        "{count} answer{s} going round in circles",
        "One such answer can teach the model to repeat itself without end.",
        "warning",
        find=repetitions,
    ),
    Check(
        "answer_copies_prompt",
        "{count} answer{s} only giving the question back",
        "The model learns to give back what it was given.",
        "warning",
        find=copies,
    ),
)
