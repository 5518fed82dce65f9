"""What is said above the panes while they answer, and when all have."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from components.answers_view import Said
from components.notices import show_note
from studio.compare.chat import Reply
from studio.compare.voices import Voice
from studio.report.figures import listed


def words_of_waiting(
    names: Mapping[Voice, str], in_turn: bool, texts: Mapping[Voice, str], ended: Collection[Voice]
) -> str:
    """Who has answered, who writes, and who has said nothing yet. `names`: of all that were asked."""
    done = [name for voice, name in names.items() if voice in ended]
    writing = [name for voice, name in names.items() if voice not in ended and texts.get(voice)]
    silent = [name for voice, name in names.items() if voice not in ended and not texts.get(voice)]
    if len(silent) == len(names):
        return _words_of_silence(len(names), in_turn)
    if len(names) == 1:
        return "It is writing …"
    answered = f"{listed(done)} {'has' if len(done) == 1 else 'have'} answered. " if done else ""
    going_on = [f"{listed(writing)} {_is(writing)} writing"] if writing else []
    # Of several who come after others nobody knows here which of them reads.
    waits = "still to answer" if in_turn and (writing or len(silent) > 1) else "reading your question"
    going_on += [f"{listed(silent)} {_is(silent)} {waits}"] if silent else []
    return f"{answered}{', '.join(going_on)} …" if going_on else answered.strip()


def _is(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _words_of_silence(count: int, in_turn: bool) -> str:
    if in_turn:
        return "They answer one after the other …"
    return {1: "It is reading your question …", 2: "Both are reading your question …"}.get(
        count, "All are reading your question …"
    )


def show_speed(reply: Reply, said: Sequence[Said], in_turn: bool) -> str:
    cut = [each.name for each in said if not each.figures.finished]
    more = f" {' and '.join(cut)} {'were' if len(cut) > 1 else 'was'} cut off." if cut else ""
    who = {1: "It", 2: "Both"}.get(len(said), f"All {len(said)}")
    how = ", one after the other," if in_turn else ""
    return show_note(f"{who} answered{how} in {reply.seconds:.1f} s.{more}")
