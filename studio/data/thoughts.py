"""What a model thought before it answered, parted from what it said."""

from __future__ import annotations

import re

from studio.data.conversation import THINKING, part_thoughts

UNFINISHED = re.compile(r"\A\s*<think>(.*)\Z", re.DOTALL)
CHANNEL, FINAL = "<|channel|>", "<|channel|>final<|message|>"  # gpt-oss
IN_CHANNEL = re.compile(r"<\|start\|>assistant|<\|channel\|>\w+<\|message\|>|<\|\w+\|>")


def part_answer(text: str) -> tuple[str, str]:
    """(what was thought, what was said) as a model writes it: one that is cut off while it thinks has said nothing."""
    cut = None if THINKING.match(text) else UNFINISHED.match(text)
    return (cut[1].strip(), "") if cut else part_thoughts(text)


def part_channels(written: str) -> tuple[str, str]:
    """As gpt-oss writes: what it thinks in a channel of its own, or nothing but the answer."""
    thoughts, final, said = written.rpartition(FINAL)
    if not final and CHANNEL in written:  # cut off while it thought
        thoughts, said = written, ""
    return _without_marks(thoughts), _without_marks(said)


def _without_marks(text: str) -> str:
    return IN_CHANNEL.sub("", text).strip().rstrip("\ufffd")
