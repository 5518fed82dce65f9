"""Writing a run's report, as HTML and as PDF."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from studio.compare.others import FILE as OTHERS
from studio.disk import move
from studio.errors import TunesmithError
from studio.report.document import as_plain, build_document
from studio.report.gather import gather
from studio.report.page import render_page
from studio.report.paper import render_paper
from studio.runs import Run
from studio.store import write_whole
from studio.vote.ballots import FILE as BALLOTS
from studio.vote.votes import FILE as VOTES
from studio.vote.votes import open_rows

SOURCES = ("scores.json", OTHERS, "quiz.json", "worth.json", "judge.json", "metrics.jsonl", BALLOTS, VOTES)


@dataclass(frozen=True)
class Written:
    html: Path
    pdf: Path


def places(run: Run, folder: Path) -> Written:
    """Where a run's report lies in a folder."""
    name = f"{run.id}-report"
    return Written(folder / f"{name}.html", folder / f"{name}.pdf")


def write_report(run: Run, folder: Path | None = None) -> Written:
    """Into `folder`, or else the run's own; an earlier one is replaced. What was not measured is said in it.

    Raises: TunesmithError if it cannot be written.
    """
    document = as_plain(build_document(gather(run)))
    written = places(run, folder or run.folder)
    write_whole(written.html, render_page(document))
    _write_bytes(written.pdf, render_paper(document))
    return written


def _write_bytes(path: Path, content: bytes) -> None:
    """Whole, as `write_whole` does; Windows refuses to replace a PDF that a reader has open."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        move(temporary, path)
    except OSError as error:
        raise TunesmithError(
            f"{path.name} could not be written: {error.strerror}.", "Close it where it is open, and write it again."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def read_written(run: Run, folder: Path) -> Written | None:
    """An earlier report in that folder; None without one."""
    written = places(run, folder)
    return written if written.html.is_file() and written.pdf.is_file() else None


def tells_sides(run: Run, written: Written) -> bool:
    """It was written before the blind vote that is open now began, and shows whose answers are whose."""
    ballots = run.folder / BALLOTS
    return bool(open_rows(run)) and ballots.stat().st_mtime_ns > written.html.stat().st_mtime_ns


def is_outdated(run: Run, written: Written) -> bool:
    """Something was measured after it."""
    written_ns = written.html.stat().st_mtime_ns
    sources = (run.folder / name for name in SOURCES)
    return any(source.stat().st_mtime_ns > written_ns for source in sources if source.exists())
