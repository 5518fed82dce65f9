"""Page and paper hold all that was said, as text, whatever people and models wrote, and nothing from elsewhere."""

from __future__ import annotations

import io
import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from studio import run_notes
from studio.errors import TunesmithError
from studio.report import paper
from studio.report.document import as_plain
from studio.report.page import render_page
from studio.report.paper import BREAK, breakable, prepare, render_paper
from studio.report.parts import Document, Verdict
from studio.runs import Run, open_run
from studio.verbs import main
from studio.vote.ballots import begin_or_extend
from studio.workspace import Workspace
from tests.studio.reports import HOSTILE, document_of, make_run, quiz, score, vote


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """All that can be measured was; its texts are those of people who mean no good, or write otherwise."""
    workspace = Workspace.open(tmp_path_factory.mktemp("hostile"))
    run = make_run(
        workspace,
        wanted=lambda n: f"{HOSTILE[n % len(HOSTILE)]} wanted {n}, in some words more than a label has",
        question=lambda n: f"{HOSTILE[(n + 3) % len(HOSTILE)]} question {n}",
    )
    score(
        run,
        lambda row, wanted: HOSTILE[row % len(HOSTILE)],
        lambda row, wanted: HOSTILE[(row + 1) % len(HOSTILE)] if row % 2 else wanted,
    )
    quiz(run, lost=20)
    open_ones = len(begin_or_extend(run).ballots)  # drawn by chance: those left open would be left out of the page
    vote(run, ["tuned"] * 9 + ["base"] * 2 + ["neither"] * (open_ones - 11))
    run_notes.write_notes(run.folder, title="#panic() </script> $x$ שלום")
    return document_of(open_run(workspace, run.id))


@pytest.fixture
def run(workspace: Workspace) -> Run:
    run = make_run(workspace)
    score(run, lambda row, wanted: "Hello!", lambda row, wanted: wanted)
    quiz(run)
    return run


class Tags(HTMLParser):
    """What a browser would see as markup."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))


def tags_of(html: str) -> list[tuple[str, dict[str, str | None]]]:
    tags = Tags()
    tags.feed(html)
    return tags.tags


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def test_what_people_and_models_wrote_is_text_on_the_page(hostile):
    html = render_page(hostile)
    assert {tag for tag, _ in tags_of(html)} & {"script", "img", "iframe", "a", "link", "object"} == set()
    assert not [name for _, attributes in tags_of(html) for name in attributes if name.startswith("on")]
    assert "#panic() </script> $x$ שלום" in unescape(html)
    assert "alert(2)" in html
    assert "{{ 7 * 7 }}" in unescape(html)


def test_the_page_asks_nothing_of_any_other_place(hostile):
    html = render_page(hostile)
    names = {name for _, attributes in tags_of(html) for name in attributes}
    assert not names & {"src", "srcset", "href", "action", "data", "style"}
    assert not re.search(r"url\(|@import", html.partition("</style>")[0])
    assert set(re.findall(r"https?://[^\s\"'<]+", html)) == {"http://www.w3.org/2000/svg"}  # a name, not an address
    assert "default-src 'none'" in html


def test_each_text_says_by_itself_from_which_side_it_is_read(hostile):
    texts = [attributes for tag, attributes in tags_of(render_page(hostile)) if tag in ("p", "h1", "span")]
    assert sum(attributes.get("dir") == "auto" for attributes in texts) > 20


def test_every_picture_has_a_text_in_its_place_and_no_colour_of_its_own(hostile):
    pictures = [attributes for tag, attributes in tags_of(render_page(hostile)) if tag == "svg"]
    assert all(picture["role"] == "img" and len(picture["aria-label"] or "") > 40 for picture in pictures)
    drawn = [
        each["svg"] for section in hostile["sections"] for part in section["parts"] for each in part.get("pictures", [])
    ]
    assert len(pictures) == len(drawn)
    assert 7 <= len(drawn) <= 8  # one more where the extra that compares meanings is there
    assert not [svg for svg in drawn if re.search(r'(fill|stroke)="|#[0-9a-f]{6}', svg)]


def test_what_people_and_models_wrote_is_text_on_paper(hostile):
    """Typst has read none of it as its own language."""
    text = text_of(render_paper(hostile))
    assert "#panic()" in text
    assert '#panic("out")' in text
    assert "</script><script>alert(1)" in text.replace("\n", "")
    assert "*bold* _slanted_" in text
    assert "$ x^2 $ #let a" in text


def test_the_paper_is_tagged_has_a_title_and_is_no_book(hostile):
    reader = PdfReader(io.BytesIO(render_paper(hostile)))
    assert 4 <= len(reader.pages) <= 9
    assert reader.metadata
    assert reader.metadata.title == "#panic() </script> $x$ שלום: report"
    catalogue: Any = reader.trailer["/Root"]
    assert catalogue["/MarkInfo"]["/Marked"]
    assert catalogue["/Lang"] == "en"
    assert "/StructTreeRoot" in catalogue


def test_the_paper_can_be_read_by_who_does_not_see_it(run):
    """Typst writes the mark of PDF/UA-1 only where its checks of headings, tags, alternatives and fonts have passed."""
    assert b"pdfuaid:part" in render_paper(document_of(run))


def test_page_and_paper_say_the_same(run):
    document = document_of(run)
    html, text = unescape(re.sub(r"<[^>]+>", " ", render_page(document))), text_of(render_paper(document))
    squeezed = [re.sub(r"\s+", "", each) for each in (html, text)]
    for section in document["sections"]:
        for words in (section["title"], *(part["text"] for part in section["parts"] if part["kind"] == "words")):
            for each in squeezed:
                assert re.sub(r"\s+", "", words) in each
    for sentence in document["verdict"]["sentences"]:
        assert all(re.sub(r"\s+", "", sentence) in each for each in squeezed)


def test_a_run_that_was_not_measured_has_a_page_and_a_paper_too(workspace):
    document = document_of(make_run(workspace))
    assert render_page(document).count("Not measured") > 7
    assert "Not measured" in text_of(render_paper(document))


def test_words_without_end_can_be_broken_between_letters_but_never_within_one():
    assert breakable("short words stay as they are") == "short words stay as they are"
    long = breakable("w" * 100)
    assert long.replace(BREAK, "") == "w" * 100
    assert max(map(len, long.split(BREAK))) < 20
    drawn_on = breakable("e\u0301" * 40)
    assert not [part for part in drawn_on.split(BREAK) if part.startswith("\u0301")]
    family = "👩‍👩‍👧" * 12
    assert not [part for part in breakable(family).split(BREAK) if part.startswith("\u200d") or part.endswith("\u200d")]


def test_each_word_on_paper_can_be_found_also_where_words_without_end_are_broken(workspace):
    """A sign of no width would be read with the letter before it, wherever that letter stands."""
    run = make_run(workspace, wanted=lambda n: f"{n} {'overvaluedvotesinNovember' * 8}")
    score(run, lambda row, wanted: "Hello!", lambda row, wanted: wanted)
    vote(run, ["tuned"] * 3)
    run_notes.write_notes(run.folder, title="v" * 60)
    pdf = render_paper(document_of(open_run(workspace, run.id)))
    text = text_of(pdf)
    assert BREAK not in text
    assert "blind votes" in text
    assert "overvaluedvotesinNovember" * 8 in re.sub(r"\s", "", text)
    assert "overvaluedvotesinNovember" * 3 not in text, "it is broken, or it would leave its column"
    metadata = PdfReader(io.BytesIO(pdf)).metadata
    assert metadata
    assert metadata.title == f"{'v' * 60}: report"


def test_a_text_begins_at_the_side_of_its_first_letter():
    case = {"question": "12: שלום", "wanted": "hello שלום", "before": "123", "after": "مرحبا"}
    assert [prepare(case)[name]["dir"] for name in case] == ["rtl", "ltr", "ltr", "rtl"]


def test_halves_of_characters_and_signs_of_machines_can_be_written():
    verdict = Verdict("Better", "good", ("half \ud83d of a face", "nul \x00 and bell \x07", "and a last"))
    plain = as_plain(Document("a \udfff b", "", "1 May 2026", verdict, (), ()))
    assert render_page(plain).encode("utf-8")
    text = text_of(render_paper(plain))
    assert "and bell" in text
    assert "\x07" not in text


def test_a_paper_that_cannot_be_set_is_told_in_words(monkeypatch, tmp_path):
    broken = tmp_path / "report.typ"
    broken.write_text("#nothing-of-that-name", encoding="utf-8")
    monkeypatch.setattr(paper, "TEMPLATE", broken)
    with pytest.raises(TunesmithError, match="could not be set"):
        render_paper({})


def test_the_verb_writes_both_and_tells_where(run, workspace, capsys, tmp_path):
    assert main(["report", run.id, "--to", str(tmp_path / "out"), "--workspace", str(workspace.root), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed.keys() == {"html", "pdf"}
    assert Path(printed["html"]).read_text(encoding="utf-8").lstrip().startswith("<!doctype html>")
    assert Path(printed["pdf"]).read_bytes().startswith(b"%PDF-")
    assert {Path(path).parent for path in printed.values()} == {tmp_path / "out"}
    assert main(["report", "nothing", "--workspace", str(workspace.root)]) == 1
