"""A document -> its text, in passages."""

from __future__ import annotations

import io
from pathlib import Path

from studio.data.passages import read_passages
from studio.data.sources import TEXTS
from studio.data.text import open_text
from studio.errors import DataError

SUFFIXES = (*TEXTS, ".pdf", ".docx")
PASSAGE_TOKENS = 400


def read_document(path: Path) -> list[str]:
    """Passages of a text, Markdown, PDF or DOCX. Raises: DataError if it cannot be read or holds no text."""
    if not path.is_file():
        raise DataError(f"There is no document {path}.", "Check the path, or drop the document on the page.")
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(f"{path.name} is no document that is read.", f"Bring one of {', '.join(SUFFIXES)}.")
    try:
        text = _text_of(path, suffix)
    except Exception as error:  # each library has its own exceptions for a damaged document
        raise DataError(f"{path.name} could not be read: {str(error)[:200]}.", "Bring another copy of it.") from error
    found = [row.value["text"] for row in read_passages(io.StringIO(text), PASSAGE_TOKENS, lambda s: -(-len(s) // 4))]
    if not found:
        raise DataError(f"{path.name} holds no text.", "A scan holds pictures of text: bring one that was recognised.")
    return found


def _text_of(path: Path, suffix: str) -> str:
    if suffix == ".pdf":
        import pypdf  # noqa: PLC0415 (only a PDF needs it)

        return "\n\n".join(page.extract_text() for page in pypdf.PdfReader(path).pages)
    if suffix == ".docx":
        import docx  # noqa: PLC0415

        return "\n\n".join(paragraph.text for paragraph in docx.Document(str(path)).paragraphs)
    with path.open("rb") as file, open_text(file) as text:
        return text.read()
