"""Documents that examples are made from."""

from __future__ import annotations

from pathlib import Path

import docx
import pytest

from studio.data.documents import read_document
from studio.errors import DataError

WORDS = "The ferry leaves at nine."


def write_pdf(path: Path, text: str) -> Path:
    """The smallest PDF that says something."""
    content = f"BT /F1 12 Tf 20 100 Td ({text}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    data, places = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, start=1):
        places.append(len(data))
        data += b"%d 0 obj\n%b\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = len(data)
    data += b"xref\n0 6\n0000000000 65535 f \n%btrailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (
        table,
        end,
    )
    path.write_bytes(data)
    return path


def test_a_pdf_a_docx_and_texts_give_their_words(tmp_path):
    word = docx.Document()
    word.add_paragraph(WORDS)
    word.save(str(tmp_path / "a.docx"))
    (tmp_path / "a.md").write_text(f"# Ferry\n\n{WORDS}")
    (tmp_path / "a.txt").write_bytes(WORDS.encode("utf-16"))
    for path in (write_pdf(tmp_path / "a.pdf", WORDS), *(tmp_path / f"a.{end}" for end in ("docx", "md", "txt"))):
        assert WORDS in "\n".join(read_document(path)), path.name


def test_a_long_document_is_cut_into_passages(tmp_path):
    (tmp_path / "long.txt").write_text("\n\n".join(f"Paragraph {n}. " + "word " * 100 for n in range(20)))
    assert len(read_document(tmp_path / "long.txt")) > 3


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.pdf", b"%PDF-1.4 broken", "could not be read"),
        ("a.docx", b"PK no", "could not be read"),
        ("a.odt", b"x", "no document that is read"),
        ("a.txt", b" \n\n ", "holds no text"),
        ("", b"", "no document"),
    ],
)
def test_what_is_no_document_is_said(tmp_path, name, content, words):
    path = tmp_path / (name or "nowhere.pdf")
    if name:
        path.write_bytes(content)
    with pytest.raises(DataError, match=words):
        read_document(path)
