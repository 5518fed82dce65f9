"""The one table of checks, and the one way to run them."""

from __future__ import annotations

from studio.data.audit import answers, lengths, repeats, structure
from studio.data.audit.finding import Check, Finding, Subject

UNREADABLE = Check(
    "unreadable_row",
    "{count} row{s} that could not be read",
    "They are left out; the rest goes on without them.",
    "error",
    lambda subject: subject.unreadable_rows,
)
CHECKS: tuple[Check, ...] = (
    UNREADABLE,
    *structure.CHECKS,
    *repeats.CHECKS,
    *lengths.CHECKS,
    *answers.CHECKS,
)
_ORDER = {"error": 0, "warning": 1, "note": 2}


def audit(subject: Subject) -> list[Finding]:
    """What is wrong, worst first. A check that finds nothing gives no finding."""
    findings = [Finding(check, list(check.find(subject))) for check in CHECKS]
    return sorted((f for f in findings if f.rows), key=lambda f: _ORDER[f.check.severity])
