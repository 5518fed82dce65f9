"""A kept conversation to take along: Markdown to read, JSON with all of it, a row to learn from."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from studio.compare.kept import Kept, Pane, open_kept, saying_why
from studio.data.conversation import Conversation, Message
from studio.errors import RunError, SettingError
from studio.runs import Run, workspace_of
from studio.store import write_whole

FORMS = {"md": "Markdown, to read", "json": "JSON, all of it", "jsonl": "A row to learn from (JSONL)"}
SPEAKERS = {"user": "Question", "assistant": "Answer", "system": "Instruction", "tool": "Tool", "text": "Passage"}
# Text in which Markdown sees nothing but text, line by line; anything else is fenced, and so shown to the letter.
PLAIN = re.compile(r"(?![\s+=-]|\d+[.)])[^`*_\[\]<>&#|\\~{}$]*")
SIGNS = re.compile(r"([\\`*_\[\]<>#|&~$!])")


def write_kept(run: Run, kept_id: str, form: str, pane: int = 0) -> Path:
    """Write it among the exports; `pane` counts from 0, and is asked of a row to learn from alone.

    Raises: RunError if it cannot be read, or the pane has no answer; SettingError for another form or pane.
    """
    kept = open_kept(run, kept_id)
    if form == "md":
        name, text = "", as_markdown(kept, run.title)
    elif form == "json":
        name, text = "", as_json(kept)
    elif form == "jsonl":
        name, text = f"-pane-{pane + 1}", as_row(kept, pane)
    else:
        raise SettingError(f"There is no form {form!r}.", f"Take {', '.join(FORMS)}.")
    path = workspace_of(run.folder).exports / f"{run.id}-conversation-{kept.id}{name}.{form}"
    with saying_why("The file could not be written"):
        write_whole(path, text)
    return path


def as_json(kept: Kept) -> str:
    return json.dumps(kept.as_dict(), ensure_ascii=False, indent=1) + "\n"


def as_row(kept: Kept, pane: int) -> str:
    """{"messages": [...]} of one pane, up to its last answer, as Data and any trainer read it."""
    return json.dumps({"messages": said_in(kept, pane).as_dicts()}, ensure_ascii=False) + "\n"


def said_in(kept: Kept, pane: int) -> Conversation:
    """Of one pane, counted from 0, up to its last answer, with the instruction before it.

    Raises: RunError if it has no answer; SettingError for a pane that there is not.
    """
    if not 0 <= pane < len(kept.panes):
        raise SettingError(f"There is no pane {pane + 1}.", f"Take one from 1 to {len(kept.panes)}.")
    said = list(kept.panes[pane].messages)
    while said and not (said[-1].role == "assistant" and said[-1].content.strip()):
        said.pop()
    if not said:
        raise RunError(f"“{kept.panes[pane].title}” has not answered.", "Take another pane, or ask it first.")
    head = [Message("system", kept.setup.system)] if kept.setup.system.strip() else []
    return Conversation((*head, *said))


def as_markdown(kept: Kept, run_title: str) -> str:
    """A section for each pane. What was said is quoted, or fenced where Markdown would take it for signs of its own."""
    at, setup = datetime.fromisoformat(kept.at), kept.setup
    drawn = setup.sampling
    how = (
        f"temperature {drawn.temperature:g}, top-p {drawn.top_p:g}, seed {drawn.seed}"
        if drawn.temperature
        else "the likeliest word each time (temperature 0)"
    )
    parts = [
        f"# {_line(kept.name)}",
        f"Run “{_line(run_title)}”, kept {at:%d %B %Y, %H:%M} UTC. "
        f"Answers: {how}, at most {setup.most_tokens:,} tokens.",
    ]
    if setup.system.strip():
        parts += ["**Instruction**", _quoted(setup.system)]
    for pane in kept.panes:
        parts += [f"## {_line(pane.title)}", *_turns(pane)]
    return "\n\n".join(parts) + "\n"


def _turns(pane: Pane) -> Sequence[str]:
    turns = [part for said in pane.messages for part in (f"**{SPEAKERS[said.role]}**", _quoted(said.content))]
    return turns or ["Nothing was said here."]


def _line(text: str) -> str:
    return SIGNS.sub(r"\\\1", " ".join(text.split()))


def _quoted(text: str) -> str:
    """A line's end in a quote is kept by two blanks before it."""
    if not text.strip():
        return "> (empty)"
    lines = text.strip("\r\n").splitlines()
    if all(PLAIN.fullmatch(line.rstrip()) or not line.strip() for line in lines):
        return "  \n".join(f"> {line.strip()}" if line.strip() else ">" for line in lines)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"
