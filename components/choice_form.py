"""The form in which a person says what to measure by, where they know better than looking at the data does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from studio.extras import EXTRAS
from studio.scores.choice import AS_SUITS, Choice, Typed, is_at_hand
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

    def show(self, typed: Typed, found: dict[str, Any] | None) -> dict[Any, Any]:
        """`found`: the scores, from which the form tells what the data would choose; None before there are any."""
        measure, pattern, extract, read_as, labels, schema = self.fields
        seen = (found or {}).get("expected", {})
        return {
            measure: gr.Dropdown(choices=_measures(found, typed.measure), value=typed.measure),
            pattern: typed.pattern,
            extract: gr.Textbox(value=typed.extract, placeholder=seen.get("extract") or "#### (.+)"),
            read_as: typed.read_as,
            labels: gr.Textbox(value=typed.labels, placeholder="\n".join(seen.get("labels", [])[:6])),
            schema: typed.schema,
            self.help: show_help(typed.measure),
        }

    def offer(self, picked: str, found: dict[str, Any]) -> dict[Any, Any]:
        """What new scores offer to choose from; what is picked and typed stays."""
        return {self.fields[0]: gr.Dropdown(choices=_measures(found, picked))}


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
    """What the measure is, and how to get one that is not here."""
    known = MEASURES.get(measure)
    lines = [known.help + ("" if known.higher_is_better else " Lower is better.")] if known else []
    lines += [f"“{each.title}” is an extra. {EXTRAS[each.extra].how}" for each in ALL if not is_at_hand(each)]
    return "".join(f'<p class="fine">{escape(line)}</p>' for line in lines)


def _measures(found: dict[str, Any] | None, picked: str) -> list[tuple[str, str]]:
    """Those that say something of these examples, and those that a field below can make so."""
    suited = (found or {}).get("suited")
    first = f"Chosen by looking at the data: {MEASURES[suited].title}" if suited else "Chosen by looking at the data"
    apply = {*(found or {}).get("apply", MEASURES), *Choice(pattern="x", extract="x").given}
    # An extra may have been added since these were weighed.
    offered = {each.id for each in ALL if is_at_hand(each) and (each.extra or each.id in apply)} | {picked}
    return [(first, AS_SUITS), *((each.title, each.id) for each in ALL if each.id in offered)]
