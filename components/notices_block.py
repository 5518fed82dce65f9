"""Who is told when a run ends: addresses, tried and saved."""

from __future__ import annotations

from typing import Any

import gradio as gr

from components.frame import Studio
from components.notices import show_note, told
from studio.notify import DESKTOP, read_addresses, require_address, tell, write_addresses

HELP = (
    f"One a line: {DESKTOP} for a notice on this machine, https://… for a web-hook that gets JSON, or a service such "
    "as ntfy://topic, mailto://name:password@example.com, tgram://token/chat. appriseit.com lists them all. They are "
    "kept in a file of this workspace that only your account can read."
)


def build_notices_block(studio: Studio) -> gr.Accordion:
    """Build "Tell me when a run ends", closed until somebody wants it."""
    block: gr.Accordion
    with gr.Accordion("Tell me when a run ends", open=False, elem_id="notices") as block:
        addresses = gr.Textbox(
            label="Where to", info=HELP, lines=2, max_lines=6, elem_id="notice-addresses", placeholder=DESKTOP
        )
        with gr.Row():
            attempt = gr.Button("Try it", elem_id="notice-try")
            save = gr.Button("Save", elem_id="notice-save")
        said = gr.HTML(elem_id="notice-said")

    def read() -> str:
        return "\n".join(read_addresses(studio.workspace))

    @told
    def send(text: str) -> str:
        wanted = _lines(text)
        for address in wanted:
            require_address(address)
        if not wanted:
            return show_note("Write an address first.")
        failed = tell(wanted, "Tunesmith can reach you", "This is how the end of a run will be told.")
        good = len(wanted) - len(failed)
        sent = show_note(f"✔ Sent to {good} of {len(wanted)}. See whether it came.", "good") if good else ""
        return sent + "".join(show_note(f"✖ {sentence}", "bad") for sentence in failed)

    @told
    def keep(text: str) -> Any:
        saved = write_addresses(studio.workspace, _lines(text))
        words = f"✔ Saved. {len(saved)} will be told." if saved else "✔ Saved. Nobody is told."
        return "\n".join(saved), show_note(words, "good")

    block.expand(read, None, addresses, show_progress="hidden")
    attempt.click(lambda: show_note("Sending; at most 15 s."), None, said, show_progress="hidden").then(
        send, addresses, said, show_progress="hidden"
    )
    save.click(keep, addresses, [addresses, said], show_progress="hidden")
    return block


def _lines(text: str | None) -> list[str]:
    return list(dict.fromkeys(line.strip() for line in (text or "").splitlines() if line.strip()))
