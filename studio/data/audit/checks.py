"""The one table of checks."""

from __future__ import annotations

from studio.data.audit import form, language, lengths, marks, personal, repeats, secrets, structure, wording
from studio.data.audit.finding import Check

UNREADABLE = Check(
    "unreadable_row",
    "{count} row{s} that could not be read",
    "They are left out; the rest goes on without them.",
    "error",
)
CHECKS: tuple[Check, ...] = (
    UNREADABLE,
    *structure.CHECKS,
    *repeats.CHECKS,
    *lengths.CHECKS,
    *marks.CHECKS,
    *personal.CHECKS,
    *secrets.CHECKS,
    *wording.CHECKS,
    *language.CHECKS,
    *form.CHECKS,
)
BY_ID = {check.id: check for check in CHECKS}
