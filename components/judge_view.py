"""Another model as the judge: who it is, what is sent to whom, how far it is, and what it found."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from components.alone import or_say
from components.frame import Studio, open_picked, require_rest
from components.judged_view import NO_RUN, show_judged
from components.notices import show_note, told
from components.work_view import Work, WorkView
from studio.errors import RunError, TunesmithError
from studio.judge import job
from studio.judge.asking import MOST, USUAL, Ask, require_ask
from studio.judge.cost import Used, prices_of, read_used, say_broken_off, say_used
from studio.judge.plan import make_plan
from studio.keys import write_key
from studio.runs import Run, open_run
from studio.workspace import ASSETS

KINDS = [("A model on a server", "server"), ("A GGUF file on this computer", "file")]
READ_FIRST = "Nothing is sent yet. Read above what would be sent where; press again if that is right."
STOPPED = "Stopped. What is judged already is kept; press the button to go on."
PRICES = {
    "in": "Per million tokens that it reads. 0 and 0: only tokens are told.",
    "out": "Per million that it writes.",
}


def build_judge_view(studio: Studio, run: gr.Dropdown) -> WorkView:
    """Build it below `run`, which holds the id of the run that is picked."""
    with gr.Row(elem_classes="split"):
        with gr.Column(scale=1, min_width=300, elem_classes="decide"):
            kind = gr.Radio(KINDS, value="server", label="Who judges?", elem_id="judge-kind")
            with gr.Column(elem_id="judge-server") as server:
                address = gr.Textbox(
                    label="Address of an OpenAI-compatible server", placeholder="http://localhost:11434/v1",
                    elem_id="judge-address",
                )  # fmt: skip
                model = gr.Textbox(label="Model", placeholder="llama3.1:70b, gpt-4.1, …", elem_id="judge-model")
                key = gr.Textbox(
                    label="Key (kept in this system's keyring)", type="password", elem_id="judge-key",
                    info="A local server needs none.",
                )  # fmt: skip
                price_in, price_out = _build_prices()
            with gr.Column(visible=False, elem_id="judge-file-side") as file_side:
                file = gr.Dropdown(
                    label="GGUF file", allow_custom_value=True, elem_id="judge-file",
                    info="An export of yours, or the path of another file. A larger model judges better.",
                )  # fmt: skip
            count = gr.Number(
                USUAL, label="How many questions", precision=0, minimum=1, maximum=MOST, elem_id="judge-many"
            )
            plan = gr.HTML(elem_id="judge-plan")
            mark = gr.Textbox(visible=False)  # of the plan on the page
            with gr.Row():
                start = gr.Button("Send and judge", variant="primary", elem_id="judge-start")
                stop = gr.Button("Stop", elem_id="judge-stop", visible=False, scale=0, min_width=90)
            state = gr.HTML(elem_id="judge-state")
            spent = gr.HTML(elem_id="judge-spent")
        with gr.Column(scale=2, min_width=320, elem_classes="see"):
            shown = gr.HTML(
                css_template=(ASSETS / "judge.css").read_text(encoding="utf-8"),
                apply_default_css=False,
                elem_id="judged",
            )
    work = Work(state, stop, job.note_of, STOPPED)
    begun: dict[str, Used] = {}  # by the run: what its judge had used when this work began
    form = [kind, address, model, file, count, price_in, price_out]

    def show(run_id: str | None) -> dict[Any, Any]:
        if not run_id:
            return {shown: NO_RUN, **work.show(None), spent: "", plan: "", mark: ""}
        chosen = open_run(studio.workspace, run_id)
        seen = {**work.show(chosen), spent: "", **found(chosen)}
        ask = job.last_ask(chosen)
        if ask is None:  # what was typed meanwhile stays
            return {**seen, file: gr.Dropdown(choices=_exports(studio)), **preview(run_id, *_values_of(Ask("server")))}
        return {
            **seen,
            **{kind: ask.kind, address: ask.address, model: ask.model, count: ask.count},
            **{price_in: ask.price_in or 0, price_out: ask.price_out or 0},
            file: gr.Dropdown(choices=_exports(studio), value=ask.path or None),
            **show_sides(ask.kind),
            **preview(run_id, *_values_of(ask)),
        }

    def show_sides(chosen: str) -> dict[Any, Any]:
        here = chosen == "file"
        words = "Let it judge" if here else "Send and judge"
        return {server: gr.Column(visible=not here), file_side: gr.Column(visible=here), start: gr.Button(words)}

    def preview(run_id: str | None, *values: Any) -> dict[Any, Any]:
        """What pressing the button would do now, in words."""
        if not run_id:  # fields tell that they have changed also while the page is still being filled
            return {}
        try:
            made = make_plan(open_run(studio.workspace, run_id), require_ask(_read_form(*values)))
        except TunesmithError as error:
            return {plan: f'<p class="fine">{escape(error.what)} {escape(error.do)}</p>', mark: ""}
        return {plan: show_note(made.words), mark: made.mark}

    def look(run_id: str | None, *values: Any) -> Any:
        return preview(run_id, *values) or gr.skip()

    def change_kind(run_id: str | None, *values: Any) -> dict[Any, Any]:
        return {**show_sides(values[0]), **preview(run_id, *values)}

    @told
    def judge(run_id: str | None, read: str, secret: str, *values: Any) -> dict[Any, Any]:
        _require_home(studio)
        chosen = open_picked(studio, run_id)
        ask = require_ask(_read_form(*values))
        if ask.kind == "file":
            require_rest(studio, but=job.note_of(chosen))
            studio.chat.close()
        now, before = preview(run_id, *values), read_used(chosen, ask)
        try:
            job.begin(chosen, ask, agreed=read)
        except job.NotAgreedError:
            return {**now, state: show_note(READ_FIRST)}
        if secret and ask.kind == "server":
            write_key(ask.address, secret)
        job.start(chosen)
        begun[chosen.id] = before
        return {**now, key: "", spent: "", **work.show(chosen)}

    def found(chosen: Run) -> dict[Any, Any]:
        return {shown: or_say(lambda: show_judged(chosen))}

    def ended(chosen: Run) -> dict[Any, Any]:
        ask = job.read_ask(chosen)
        seen = found(chosen)
        if ask is None or chosen.id not in begun:
            return seen
        say_spent = say_used if job.has_result(chosen) else say_broken_off
        said = say_spent(read_used(chosen, ask).since(begun.pop(chosen.id)), prices_of(ask))
        return {**seen, spent: show_note(said), **preview(chosen.id, *_values_of(ask))}

    @told
    def end(run_id: str | None) -> dict[Any, Any]:
        chosen = open_picked(studio, run_id)
        job.stop(chosen)
        return work.show(chosen)

    kind.change(change_kind, [run, *form], [server, file_side, start, plan, mark], show_progress="hidden")
    changed = [address.blur, model.blur, file.change, count.change, price_in.blur, price_out.blur]
    # Of events that come while one is at work, the last must not be dropped.
    gr.on(changed, look, [run, *form], [plan, mark], show_progress="hidden", trigger_mode="always_last")
    start.click(judge, [run, mark, key, *form], [plan, mark, key, state, stop, spent], show_progress="hidden")
    stop.click(end, run, [state, stop], show_progress="hidden")
    outputs = [*form, server, file_side, start, plan, mark, state, stop, spent, shown]
    return WorkView(outputs, show, found=found, work=work, ended=ended)


def _build_prices() -> list[gr.Number]:
    """In and out."""
    with gr.Row():
        return [
            gr.Number(
                0, label=f"Price {way}", info=info, minimum=0, min_width=130, elem_id=f"judge-price-{way}",
            )
            for way, info in PRICES.items()
        ]  # fmt: skip


def _read_form(
    kind: str,
    address: str,
    model: str,
    file: str | None,
    count: float | None,
    price_in: float | None = None,
    price_out: float | None = None,
) -> Ask:
    # An emptied field gives None, or 0.
    prices = (price_in or 0.0, price_out or 0.0) if price_in or price_out else (None, None)
    return Ask(
        "file" if kind == "file" else "server",
        min(MOST, max(1, int(count or USUAL))),
        address or "",
        model or "",
        file or "",
        *prices,
    )


def _values_of(ask: Ask) -> tuple[Any, ...]:
    """In the order of `_read_form`."""
    return ask.kind, ask.address, ask.model, ask.path, ask.count, ask.price_in, ask.price_out


def _exports(studio: Studio) -> list[tuple[str, str]]:
    """The GGUF files that were exported, newest first."""
    files = sorted(studio.workspace.exports.glob("*/*.gguf"), key=lambda path: path.stat().st_mtime, reverse=True)
    return [(path.name, str(path)) for path in files]


def _require_home(studio: Studio) -> None:
    if studio.shared:
        raise RunError("A judge is not asked over a shared link.", "Open the studio on the machine itself.")
