"""Questions from a file of a person's: whatever Data reads, or a .txt with one a line. The last list is kept."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from studio.data.conversation import Conversation, Message
from studio.data.formats import Conversion, Mapping, convert_rows, suggest_mapping
from studio.data.json_rows import parse_json
from studio.data.read import read_file
from studio.data.rows import Row, UnreadableRow
from studio.data.shapes import QUESTIONS, SHAPES, folded
from studio.data.sources import Meter, Source, find_sources
from studio.data.text import open_text, read_line
from studio.errors import DataError
from studio.store import write_json
from studio.workspace import Workspace

FILE = "asked.json"
LARGEST_BYTES = 10_000_000  # unpacked: it is read while somebody waits
MOST = 500  # questions in the list
MOST_ROWS = 5_000  # that are looked at for them
LONGEST = 20_000  # characters of a question
CHUNK = 1 << 20
NO_QUESTION = "What it holds are texts in which nobody asks."
NOT_ASKED = f"They ask nothing, use tools, or ask with more than {LONGEST:,} characters."
DO = (
    "Bring a .txt with one question a line, a table with a column 'question' (and 'answer', if you know it), "
    "or any file of examples that Data reads."
)


@dataclass(frozen=True)
class Asked:
    """`questions` end with the answer that is wanted, which is empty where the file tells none: so `prompt` ends with
    the question. `remarks`: what was left out and how the columns were taken, in sentences.
    """

    name: str
    questions: tuple[Conversation, ...]
    remarks: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        count, known = len(self.questions), sum(bool(each.wanted) for each in self.questions)
        answers = "" if not known else ", with its answer" if known == count == 1 else f", {known:,} with an answer"
        return " ".join((f"{count:,} question{'s' * (count != 1)} from {self.name}{answers}.", *self.remarks))


def read_asked(path: Path) -> Asked:
    """Raises: DataError if the file cannot be read, is too large for this, or holds no question."""
    sources = [source for source in find_sources(path, Meter()) if not source.reason]
    _require_small(path, sources)
    is_plain = all(source.suffix == ".txt" for source in sources)
    rows = list(islice(_lines(sources) if is_plain else map(_completed, read_file(path)), MOST_ROWS))
    mapping = None if is_plain else _guess(rows)
    converted = convert_rows(rows, mapping)
    found = [question for each in converted if (question := _as_question(each))]
    if not found:
        why = converted.unreadable[0].sentence if converted.unreadable else NO_QUESTION
        raise DataError(f"{path.name} holds no question that can be asked here. {why}", DO)
    return Asked(path.name, tuple(found[:MOST]), tuple(_remarks(converted, len(found))))


def take_asked(workspace: Workspace, path: Path) -> Asked:
    """Read a file's questions, and keep them in place of those of the file before. Raises: as `read_asked`."""
    asked = read_asked(path)
    records = [question.as_record() for question in asked.questions]
    try:
        write_json(_place(workspace), {"name": asked.name, "remarks": asked.remarks, "questions": records})
    except OSError as error:
        raise DataError(f"The questions could not be kept: {error.strerror}.", "Look for space on the disk.") from error
    return asked


def open_asked(workspace: Workspace) -> Asked | None:
    """Those that were taken last; None if there are none, or the disk has damaged them."""
    try:
        known = parse_json(_place(workspace).read_text(encoding="utf-8"))
        kept = (_as_question(Conversation.from_record(record)) for record in known["questions"])
        questions = tuple(question for question in kept if question)
        return Asked(str(known["name"]), questions, tuple(map(str, known["remarks"]))) if questions else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _place(workspace: Workspace) -> Path:
    return workspace.root / FILE


def _require_small(path: Path, sources: Sequence[Source]) -> None:
    """Whatever it unpacks to counts, also within a spreadsheet, which is held as a whole."""
    size_bytes = 0
    for source in sources:
        with source.open_seekable() if source.suffix == ".xlsx" else source.open() as file:
            if source.suffix == ".xlsx" and zipfile.is_zipfile(file):
                size_bytes += sum(entry.file_size for entry in zipfile.ZipFile(file).infolist())
                file.seek(0, os.SEEK_END)
            while size_bytes <= LARGEST_BYTES and (chunk := file.read(CHUNK)):
                size_bytes += len(chunk)
        if size_bytes > LARGEST_BYTES:
            raise DataError(
                f"{path.name} is larger than {LARGEST_BYTES / 1e6:.0f} MB, unpacked: too large to be read at once.",
                f"Bring a part of it: up to {MOST} questions are listed. Data reads the whole.",
            )


def _lines(sources: Iterable[Source]) -> Iterator[Row | UnreadableRow]:
    for source in sources:
        with source.open() as file, open_text(file) as text:
            number = 0
            while line := read_line(text)[0]:
                number += 1
                if "\0" in line:
                    yield UnreadableRow(number, "holds bytes that are no text", file=source.inside)
                elif line.strip():
                    yield Row(number, {"question": line.strip(), "answer": ""}, source.inside)


def _completed(row: Row | UnreadableRow) -> Row | UnreadableRow:
    """A question without its answer has no shape that Data would learn from; here it is all that is needed."""
    if isinstance(row, UnreadableRow):
        return row
    names = folded(row.value)
    if any(shape.matches(names) for shape in SHAPES):
        return row
    if any(name in QUESTIONS for name in names):
        return Row(row.line, {**row.value, "answer": ""}, row.file, row.split)
    if "instruction" in names:
        return Row(row.line, {**row.value, "output": ""}, row.file, row.split)
    return Row(row.line, {"question": next(iter(row.value.values())), "answer": ""}) if len(row.value) == 1 else row


def _guess(rows: Sequence[Row | UnreadableRow]) -> Mapping | None:
    """Which columns are what, where no row says it by their names."""
    values = [row.value for row in rows if isinstance(row, Row)]
    if not values or any(shape.matches(folded(value)) for value in values for shape in SHAPES):
        return None
    return suggest_mapping(values)


def _as_question(conversation: Conversation) -> Conversation | None:
    """The conversation up to its last question, and the answer that is wanted; None where that cannot be asked."""
    if conversation.is_passage:
        return None
    ends_with_question = conversation.messages[-1].role == "user" if conversation.messages else False
    before = conversation.messages if ends_with_question else conversation.prompt
    plain = all(said.role in ("system", "user", "assistant") and not said.tool_calls for said in before)
    if not plain or not before or before[-1].role != "user":
        return None
    question = before[-1].content
    if not question.strip() or len(question) > LONGEST:
        return None
    wanted = "" if ends_with_question else conversation.wanted
    return Conversation((*before, Message("assistant", wanted)), row=conversation.row)


def _remarks(converted: Conversion, found: int) -> Iterator[str]:
    if converted.mapping:
        question, answer = converted.mapping.question, converted.mapping.answer
        yield f"“{question}” was taken for the question and “{answer}” for the answer that is wanted."
    missed = converted.rows - found
    if missed:
        why = converted.unreadable[0].sentence if converted.unreadable else NOT_ASKED
        yield f"{missed:,} row{'s' * (missed != 1)} could not be taken. {why}"
    if found > MOST or converted.rows == MOST_ROWS:
        yield f"Only the first {min(MOST, found):,} are listed."
