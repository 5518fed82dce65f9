"""Whether fine-tuning was worth it, beside a base that is shown a few examples in its prompt."""

from __future__ import annotations

from studio.report.gather import Report
from studio.report.parts import Part, Section, Words


def worth(report: Report) -> Section:
    parts: list[Part] = []
    words = (report.worth or {}).get("recommendation")
    if not words:
        what = "whether a few examples in the prompt would have done as well, and at what price"
        parts.append(report.missing("worth", what, "launch.py score RUN --against prompt"))
    else:
        parts.append(Words(str(words)))
    return Section("worth", "Was it worth it?", tuple(parts))
