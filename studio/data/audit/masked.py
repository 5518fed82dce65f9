"""The marks that Tunesmith writes in the place of what it masks: [EMAIL], and [EMAIL 2] for a second one."""

from __future__ import annotations

from studio.data.audit import personal, secrets

OWN_MARK = rf"\[(?:{'|'.join((*personal.KINDS, secrets.KIND))})(?: \d{{1,6}})?\]"  # in capitals, as they are written


def mark_of(kind: str, number: int) -> str:
    """`number` counts the different values of a kind within an example, from 1 on."""
    return f"[{kind}]" if number == 1 else f"[{kind} {number}]"
