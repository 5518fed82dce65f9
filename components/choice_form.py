"""The form in which a person says what to measure by, where they know better than looking at the data does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from studio.scores.choice import AS_SUITS, Choice
from studio.scores.measures import ALL, MEASURES

LEAD = (
    "Tunesmith looks at the wanted answers and takes the measure that suits them. You may know better. Nobody is asked "
    "again: the same answers are weighed anew. The verdict, its report and “score” on the command line then say that "
    "the measure was chosen by hand."
)
READINGS = [("As numbers where both are, else as text", ""), ("As numbers", "number"), ("As text", "text")]


@dataclass(frozen=True)
class ChoiceForm:
    """`fields` in the order of `make_choice`, for which `show` gives values; `help` says what the measure is."""

    fields: Sequence[Any]
    help: gr.HTML

    def show(self, choice: Choice, found: dict[str, Any] | None) -> dict[Any, Any]:
        """`found`: the scores, from which the form tells what the data would choose; None before there are any."""
        measure, pattern, extract, read_as, labels, schema = self.fields
        seen = (found or {}).get("expected", {})
        picked = choice.measure or AS_SUITS
        return {
            measure: gr.Dropdown(choices=_measures(found, picked), value=picked),
            pattern: choice.pattern,
            extract: gr.Textbox(value=choice.extract, placeholder=seen.get("extract") or "#### (.+)"),
            read_as: choice.read_as,
            labels: gr.Textbox(value="\n".join(choice.labels), placeholder="\n".join(seen.get("labels", [])[:6])),
            schema: json.dumps(choice.schema, ensure_ascii=False, indent=1) if choice.schema is not None else "",
            self.help: show_help(picked),
        }


def build_choice_form() -> ChoiceForm:
    gr.HTML(f'<p class="fine">{LEAD}</p>')
    measure = gr.Dropdown(
        choices=_measures(None, AS_SUITS), value=AS_SUITS, label="Which measure decides", elem_id="choose-measure"
    )
    help = gr.HTML(show_help(AS_SUITS), elem_id="choose-help")
    pattern = gr.Textbox(
        label="A pattern that an answer must match", elem_id="choose-pattern", max_lines=1,
        info="A regular expression, such as ^Ticket \\d+. It makes the measure “matches the pattern”.",
    )  # fmt: skip
    with gr.Row():
        extract = gr.Textbox(
            label="A pattern that takes the result out of an answer", elem_id="choose-extract", max_lines=1,
            placeholder="#### (.+)", min_width=260,
            info="A regular expression. What stands in its first brackets is compared with the same place of the "
            "wanted answer. It makes the measure “right result”.",
        )  # fmt: skip
        read_as = gr.Radio(READINGS, value="", label="Compare the results", elem_id="choose-reading", min_width=260)
    with gr.Row():
        labels = gr.Textbox(
            label="The labels, one a line", lines=3, elem_id="choose-labels", min_width=260,
            info="They make “right label”, “macro F1” and “one of the labels”. Empty: as they stand in the data.",
        )  # fmt: skip
        schema = gr.Textbox(
            label="A JSON schema", lines=3, elem_id="choose-schema", placeholder='{"type": "object", …}', min_width=260,
            info="It makes the measure “keeps the schema”. Empty: as the data have it. “format” is not checked.",
        )  # fmt: skip
    measure.input(show_help, measure, help, show_progress="hidden", queue=False)
    return ChoiceForm((measure, pattern, extract, read_as, labels, schema), help)


def show_help(measure: str) -> str:
    known = MEASURES.get(measure)
    if known is None:
        return ""
    better = "" if known.higher_is_better else " Lower is better."
    return f'<p class="fine">{escape(known.help)}{better}</p>'


def _measures(found: dict[str, Any] | None, picked: str) -> list[tuple[str, str]]:
    """Those that say something of these examples, and those that a field below can make so."""
    suited = (found or {}).get("suited")
    first = f"Chosen by looking at the data: {MEASURES[suited].title}" if suited else "Chosen by looking at the data"
    apply = {*(found or {}).get("apply", MEASURES), *Choice(pattern="x", extract="x").given, picked}
    return [(first, AS_SUITS), *((measure.title, measure.id) for measure in ALL if measure.id in apply)]
