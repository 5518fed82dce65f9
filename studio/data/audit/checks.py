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
REFUSED = Check(
    "template_refused",
    "{count} example{s} that this model’s chat template refuses",
    "They are left out of the training. Mend them, or pick a model whose template takes them.",
    "error",
    find=lambda whole: whole.rows(
        (whole.facts["tokens"] == 0) & (whole.facts["answer_length"] > 0) & (whole.facts["split"] != "left_out")
    ),
)
CHECKS: tuple[Check, ...] = (
    UNREADABLE,
    REFUSED,
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
