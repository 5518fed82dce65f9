"""What was found in the data, worst first: seen in place, mended with one press, or fine as it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from components.actions import action, build_actions, pager, pressed
from components.bubbles import show_conversation
from components.difference import show_difference
from components.frame import DataView, Shown, Studio
from components.notices import show_progress, told
from studio.data import mending, versions
from studio.data.audit.checks import UNREADABLE
from studio.data.audit.finding import Example, Finding
from studio.data.audit.run import Audit
from studio.data.datasets import DEFAULT_MAX_LENGTH, Dataset, open_dataset
from studio.data.fixes import BY_CHECK, Around
from studio.data.review import read_review
from studio.data.tokens import load_tokenizer
from studio.train.models import require_base

ROWS_A_PAGE = 5
SIGNS = {"error": "✖ Broken", "warning": "▲ Look at this", "note": "• For your eyes"}


@dataclass(frozen=True)
class Looking:
    """What is open in the list; kept in the page as text."""

    check: str = ""
    page: int = 0
    first: bool = False  # looks at what the mend would do, before it is done

    @classmethod
    def of(cls, text: str) -> Looking:
        return cls(**json.loads(text)) if text else cls()

    def as_text(self) -> str:
        return json.dumps(vars(self))


def build_findings_view(studio: Studio, data: Shown) -> DataView:
    looking = gr.Textbox(visible=False)
    progress = gr.HTML(elem_id="mend-progress")
    listed = build_actions(elem_id="findings")

    def show(dataset: Dataset, base: str) -> dict[Any, Any]:
        return show_at(dataset, base, Looking())

    def show_at(dataset: Dataset, base: str, look: Looking) -> dict[Any, Any]:
        found = read_review(dataset, base, DEFAULT_MAX_LENGTH)
        page = _show_all(studio, dataset, found, base, look) if found else ""
        return {listed: page, looking: look.as_text(), progress: ""}

    @told
    def act(ref: str, base: str, before: str, event: gr.EventData) -> Iterator[Any]:
        dataset, look = open_dataset(studio.workspace, ref), Looking.of(before)
        done, of = pressed(event)
        yield {data.arrived: ""}
        if done == "mend":
            yield from mend(dataset, base, of.split(","))
            return
        if done == "open":
            look = Looking() if look.check == of and not look.first else Looking(of)
        elif done == "first":
            look = Looking() if look.check == of and look.first else Looking(of, first=True)
        elif done == "page":
            look = Looking(look.check, int(of), look.first)
        elif done == "fine":
            versions.wave_through(dataset, of)
        elif done == "fine-row":
            versions.wave_through(dataset, look.check, [int(of)])
        elif done == "object":
            versions.object_again(dataset, of)
        elif done == "drop-row":
            versions.write_draft(dataset, int(of), None)
        elif done == "keep-row":
            versions.forget_draft(dataset, int(of))
        elif done == "keep-drafts":
            yield {data.arrived: versions.keep_drafts(studio.workspace, dataset).ref}
            return
        yield show_at(dataset, base, look)

    def mend(dataset: Dataset, base: str, checks: list[str]) -> Iterator[Any]:
        for step in mending.mend(studio.workspace, dataset, checks, base, DEFAULT_MAX_LENGTH):
            yield {progress: show_progress(step)}
        made = mending.mended(studio.workspace, dataset)
        gr.Info(f"{made.version}: {', '.join(made.description['did']) or 'nothing had to be changed'}.", duration=8)
        yield {data.arrived: made.ref, progress: ""}

    outputs = [listed, looking, progress]
    shown = [*outputs, data.arrived]
    data.arrivals.append(listed.click(act, [data.ref, data.base, looking], shown, show_progress="hidden"))
    return DataView(outputs, show)


def _show_all(studio: Studio, dataset: Dataset, found: Audit, base: str, look: Looking) -> str:
    findings = mending.open_findings(dataset, found)
    fine = mending.waved_through(dataset, found)
    safe = mending.safe_fixes(findings)
    head = ""
    if safe:
        label = "Mend the safe one" if len(safe) == 1 else f"Mend the {len(safe)} safe ones"
        what = "; ".join(finding.sentence for finding in findings if BY_CHECK.get(finding.check.id) in safe)
        mend = action("mend", label, ",".join(fix.check for fix in safe), "first")
        head = f"<p>{mend} <span class='fine'>{escape(what)}</span></p>"
    if not findings:
        words = "Nothing is left to look at." if fine else "Nothing wrong was found."
        head = f'<div class="note good" role="status">✔ {words}</div>'
    items = "".join(_show_finding(studio, dataset, finding, base, look) for finding in findings)
    drafts = len(versions.read_drafts(dataset))
    if drafts:
        keep = action("keep-drafts", "Keep as a new version")
        head += f'<div class="note">{drafts} changed by hand, not kept yet. {keep}</div>'
    return head + items + _show_fine(fine)


def _show_fine(fine: list[Finding]) -> str:
    """What was waved through, and how to take that back."""
    if not fine:
        return ""
    items = ""
    for finding in fine:
        again = action("object", "Look again", finding.check.id, title=f"Look again at: {finding.sentence}")
        items += f"<li>{escape(finding.sentence)} {again}</li>"
    return f"<details><summary>Fine here, by your word: {len(fine)}</summary><ul>{items}</ul></details>"


def _show_finding(studio: Studio, dataset: Dataset, finding: Finding, base: str, look: Looking) -> str:
    check, fix = finding.check, BY_CHECK.get(finding.check.id)
    is_open = look.check == check.id
    sentence = finding.sentence
    buttons = [action("open", "Hide" if is_open and not look.first else "Show", check.id, title=f"Show: {sentence}")]
    if fix:
        first = "Hide what it does" if is_open and look.first else "See what it does"
        buttons += [
            action("mend", fix.label, check.id, title=f"{fix.label}: {sentence}"),
            action("first", first, check.id, title=f"{first}: {sentence}"),
        ]
    if check is not UNREADABLE:
        buttons.append(action("fine", "Fine here", check.id, title=f"This is fine here: {sentence}"))
    body = ""
    if is_open:
        body = (
            _show_preview(studio, dataset, finding, base) if look.first and fix else _show_rows(dataset, finding, look)
        )
    return (
        f'<section class="finding {check.severity}"><h4><strong>{SIGNS[check.severity]}</strong> '
        f"{escape(sentence)}</h4>"
        f'<p class="fine">{escape(finding.why)}</p><p class="acts">{"".join(buttons)}</p>{body}</section>'
    )


def _show_preview(studio: Studio, dataset: Dataset, finding: Finding, base: str) -> str:
    tokenizer = load_tokenizer(require_base(studio.workspace, base))
    shown = mending.preview(dataset, finding, Around(tokenizer, DEFAULT_MAX_LENGTH), ROWS_A_PAGE)
    return f"<p>The first {len(shown)}:</p>" + "".join(map(show_difference, shown))


def _show_rows(dataset: Dataset, finding: Finding, look: Looking) -> str:
    pages = -(-finding.count // ROWS_A_PAGE)
    page = min(max(0, look.page), pages - 1)
    start = page * ROWS_A_PAGE
    turn = pager(page, pages, f"{start + 1:,} to {min(start + ROWS_A_PAGE, finding.count):,} of {finding.count:,}")
    if finding.check is UNREADABLE:
        return _show_unreadable(dataset, start) + turn
    look_at = finding.check.look or (lambda example: ())
    drafts = versions.read_drafts(dataset).changed
    body = ""
    for conversation, _ in dataset.rows(finding.rows[start : start + ROWS_A_PAGE]):
        row = conversation.row
        dropped = row in drafts and drafts[row] is None
        buttons = action("fine-row", "Fine here", row, title=f"Example {row + 1} is fine here")
        buttons += (
            action("keep-row", "Keep it after all", row, title=f"Keep example {row + 1} after all")
            if dropped
            else action("drop-row", "Drop", row, "bad", title=f"Drop example {row + 1}")
        )
        body += (
            f'<div class="{"gone" if dropped else ""}">'
            f"{show_conversation(conversation, 600, list(look_at(Example(conversation, None))))}"
            f'<p class="acts">{buttons}</p></div>'
        )
    return body + turn


def _show_unreadable(dataset: Dataset, start: int) -> str:
    rows = "".join(
        f"<li>{escape(row.sentence)} <code>{escape(row.text)}</code></li>"
        for row in dataset.unreadable[start : start + ROWS_A_PAGE]
    )
    return f"<ul>{rows}</ul>" if rows else "<p>Only the first 1,000 of them are kept with their text.</p>"
