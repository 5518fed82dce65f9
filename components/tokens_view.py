"""What the model sees of the data: every token of an example, and how long the examples are."""

from __future__ import annotations

import json
from html import escape
from itertools import groupby
from typing import Any

import gradio as gr

from components.actions import LISTEN, pager, pressed
from components.frame import DataView, Shown, Studio
from components.notices import show_note, told
from studio.data.audit.run import LENGTH_STEP, Audit
from studio.data.datasets import DEFAULT_MAX_LENGTH, Dataset, open_dataset
from studio.data.review import read_review
from studio.data.tokens import FolderTokenizer, Piece, load_tokenizer, show_tokens
from studio.errors import TemplateError
from studio.train.models import require_base, title_of

STATES = {"learned": "learned", "read": "only read", "cut": "cut off"}
MOST_BARS = 60
MOST_PIECES = 6_000
# The limit is dragged in the page alone: how many examples lie beyond it is counted from the bars' own data.
DRAG = """
const drag = () => {
  const range = element.querySelector("#limit-range");
  if (!range) return;
  const lengths = JSON.parse(range.dataset.lengths), limit = Number(range.value);
  const total = lengths.reduce((sum, [, count]) => sum + count, 0);
  const over = lengths.reduce((sum, [length, count]) => sum + (length > limit ? count : 0), 0);
  const share = total ? (100 * over) / total : 0;
  const line = element.querySelector("#limit-line");
  const place = (100 * limit) / Number(range.max);
  line.setAttribute("x1", place + "%");
  line.setAttribute("x2", place + "%");
  element.querySelector("#limit-words").textContent =
    `With a limit of ${limit.toLocaleString("en")} tokens, about ${over.toLocaleString("en")} of ` +
    `${total.toLocaleString("en")} examples (${share.toFixed(share && share < 10 ? 1 : 0)} %) are cut off.`;
};
element.addEventListener("input", drag);
for (const act of ["pointerdown", "pointermove"])
  element.addEventListener(act, (event) => {
    const chart = event.target.closest(".lengths svg");
    if (!chart || !(event.buttons & 1)) return;
    const range = element.querySelector("#limit-range"), box = chart.getBoundingClientRect();
    range.value = String(Math.round((Number(range.max) * (event.clientX - box.left)) / box.width));
    drag();
  });
watch("value", drag);
drag();
"""


def build_tokens_view(studio: Studio, data: Shown) -> DataView:
    totals = gr.HTML(js_on_load=DRAG, elem_id="token-totals")
    shown = gr.HTML(js_on_load=LISTEN, elem_id="token-example")

    def show(dataset: Dataset, base: str) -> dict[Any, Any]:
        found = read_review(dataset, base, DEFAULT_MAX_LENGTH)
        return {totals: _show_totals(found, title_of(base)) if found else "", shown: show_example(dataset, base, 0)}

    def show_example(dataset: Dataset, base: str, page: int) -> str:
        index = dataset.index
        if not len(index):
            return ""
        page = min(max(0, page), len(index) - 1)
        conversation, _ = dataset.rows([int(index[page, 0])])[0]
        turn = pager(page, len(index), f"Example {conversation.row + 1} ({page + 1:,} of {len(index):,})")
        try:
            pieces = show_tokens(conversation, _tokenizer(studio, base), DEFAULT_MAX_LENGTH)
        except TemplateError as error:
            return turn + show_note(f"{error.what} {error.do}", "bad")
        return turn + show_pieces(pieces)

    @told
    def turn(ref: str, base: str, event: gr.EventData) -> str:
        return show_example(open_dataset(studio.workspace, ref), base, int(pressed(event)[1]))

    shown.click(turn, [data.ref, data.base], shown, show_progress="hidden")
    return DataView([totals, shown], show)


def _tokenizer(studio: Studio, base: str) -> FolderTokenizer:
    return load_tokenizer(require_base(studio.workspace, base))


def show_pieces(pieces: list[Piece]) -> str:
    """Tokens with their borders; runs of one state have one colour and, for whoever cannot see it, a word before."""
    runs = ""
    for state, run in groupby(pieces[:MOST_PIECES], key=lambda piece: piece.state):
        tokens = "".join(f"<span>{_visible(piece.text)}</span>" for piece in run)
        runs += f'<span class="run {state}"><b class="said">{STATES[state]}: </b>{tokens}</span>'
    counts = {state: sum(piece.state == state for piece in pieces) for state in STATES}
    legend = " ".join(
        f'<span class="run {state}">{words}</span> {counts[state]:,}'
        for state, words in STATES.items()
        if counts[state]
    )
    more = f"<p>… and {len(pieces) - MOST_PIECES:,} more.</p>" if len(pieces) > MOST_PIECES else ""
    return f'<p class="legend">{len(pieces):,} tokens: {legend}</p><div class="tokens">{runs}</div>{more}'


def _visible(text: str) -> str:
    return escape(text).replace("\n", "<i>↵</i>\n") or "<i>·</i>"


def _show_totals(found: Audit, model: str) -> str:
    learned = found.learned_tokens / max(1, found.tokens)
    cut = found.cut_tokens / max(1, found.tokens)
    figures = {"tokens": f"{found.tokens:,}", "learned": f"{learned:.0%}", "cut off": f"{cut:.1%}"}
    cells = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in figures.items())
    return (
        f"<p>As {escape(model)} reads it. Learned are the answers with their end marks; the rest is read to "
        f'understand them.</p><dl class="figures">{cells}</dl>{_show_histogram(found.lengths)}'
    )


def _show_histogram(lengths: list[list[int]]) -> str:
    """Bars of how many examples have which length, and over them the limit, which can be dragged."""
    if not lengths:
        return ""
    longest = max(max(length for length, _ in lengths), LENGTH_STEP)
    # The axis ends a little beyond the longest, so that the limit can stand beyond all of them.
    most = max(-(-int(longest * 1.1) // 64) * 64, 64)
    width = most / MOST_BARS
    bars = [0] * MOST_BARS
    for length, count in lengths:
        bars[min(MOST_BARS - 1, int((length - 1) / width))] += count
    highest = max(bars)
    drawn = "".join(
        f'<rect x="{100 * n / MOST_BARS:.2f}%" y="{100 - 100 * bar / highest:.1f}%" width="{90 / MOST_BARS:.2f}%" '
        f'height="{100 * bar / highest:.1f}%"/>'
        for n, bar in enumerate(bars)
        if bar
    )
    limit = min(most, DEFAULT_MAX_LENGTH)
    data = escape(json.dumps(lengths, separators=(",", ":")))
    return (
        f'<figure class="lengths"><svg role="img" aria-label="How long the examples are, in tokens">{drawn}'
        f'<line id="limit-line" x1="{100 * limit / most}%" x2="{100 * limit / most}%" y1="0" y2="100%"/></svg>'
        f'<input type="range" id="limit-range" min="{LENGTH_STEP}" max="{most}" step="{LENGTH_STEP}" value="{limit}" '
        f'aria-label="Limit in tokens" data-lengths="{data}"><figcaption><span>0</span><span>{most:,} tokens</span>'
        '</figcaption></figure><p id="limit-words"></p>'
        '<p class="fine">The limit that counts is “Longest example” in Train; this one is to try. '
        f"Lengths are counted in steps of {LENGTH_STEP} tokens.</p>"
    )
