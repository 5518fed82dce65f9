"""How much of what was planted in real prose is found, and how much is found that was not planted."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest

from studio.data.audit.checks import BY_ID
from studio.data.audit.run import Audit, audit
from studio.data.datasets import SEED
from studio.data.splits import assign_splits
from tests.studio.audit import planted

EACH = 40
GERMAN = (
    "Guten Tag, ich habe vor drei Wochen eine Lampe bestellt und warte noch immer auf die Lieferung.",
    "Leider passt der Mantel nicht, deshalb möchte ich ihn gegen eine kleinere Größe umtauschen.",
    "Können Sie mir bitte sagen, wann der Laden am Samstag öffnet und ob es Parkplätze gibt?",
    "Das Buch ist wunderbar geschrieben, nur der Einband war bei der Ankunft etwas beschädigt.",
)
REFUSALS = (
    "I'm sorry, but I can't help with that request.",
    "I cannot assist with this, since it may be harmful.",
    "Sorry, I am unable to answer questions of this kind.",
    "I’m afraid I can’t do that for you.",
    "I must decline to discuss this matter any further.",
)
VOICES = (
    "As an AI language model I have no taste.",
    "As a large language model, I only know what I read.",
    "I am an AI assistant and glad of it.",
    "My knowledge cutoff is in the spring.",
    "I was trained by OpenAI to do so.",
)
PLACES = (
    "TODO: write this.",
    "Dear [Your Name], thank you.",
    "Lorem ipsum dolor sit amet.",
    "Call us at [insert number].",
)
MARKS = ("<|im_end|>", "<|eot_id|>", "[/INST]", "<end_of_turn>", "<|assistant|>", "<|endoftext|>", "### Response:\n")


@pytest.fixture(scope="module")
def prose() -> list[tuple[str, str]]:
    return planted.read_prose(1000)


@pytest.fixture(scope="module")
def faults(prose: list[tuple[str, str]]) -> planted.Planted:
    """Some 1,900 examples: each paragraph as it is, then some of them again with one fault each."""
    draw = random.Random(3)
    made = planted.Planted()
    for name, text in prose:
        made.add(f"What is said of {name}?", text)
    used = iter(draw.sample(prose, len(prose)))

    def fresh() -> tuple[str, str]:
        """A question and an answer that stand nowhere else: the words of a paragraph in another order."""
        name, text = next(used)
        words = text.rstrip(".").split()
        draw.shuffle(words)
        return f"Tell me of {name} in {draw.randint(100, 999)} words, please.", " ".join(words) + "."

    for name, text in draw.sample(prose, EACH):
        made.add(f"what is said of {name} ??", text.upper(), "exact_duplicate")
    for name, text in draw.sample([pair for pair in prose if len(pair[1].split()) >= 40], EACH):
        words = text.split()
        words[draw.randrange(len(words))] = "marmalade"
        made.add(f"What is said of {name}?", " ".join(words), "near_duplicate")
    for _ in range(EACH):
        question, answer = fresh()
        for kind, make in planted.PERSONAL.items():
            if draw.random() < 0.4:
                made.add(f"{question} {kind.lower()}", f"{make(draw)} {answer}", "personal_data", kind)
                question, answer = f"{question} again", " ".join(draw.sample(answer.split(), len(answer.split())))
        made.look_alikes["personal_data"].add(made.add(question, f"{draw.choice(planted.NOT_PERSONAL)(draw)} {answer}"))
    for make in planted.NOT_PERSONAL * 3:
        question, answer = fresh()
        made.look_alikes["personal_data"].add(made.add(question, f"{answer} {make(draw)}"))
    for make in planted.SECRETS * 4:
        question, answer = fresh()
        made.add(question, f"{answer} {make(draw)} {answer[:60]}", "secret")
    for make in planted.NOT_SECRETS * 3:
        question, answer = fresh()
        made.look_alikes["secret"].add(made.add(question, f"{answer} {make(draw)}"))
    for check, sentences in {"refusal": REFUSALS, "identity_leak": VOICES, "placeholder": PLACES}.items():
        for sentence in sentences * 6:
            question, answer = fresh()
            made.add(question, f"{sentence} {answer}", check)
    for mark in MARKS * 4:
        question, answer = fresh()
        made.add(question, f"{answer}\n{mark}\n", "template_marks")
    for number in range(EACH):
        question, answer = fresh()
        broken = (
            answer.replace("e", "é", 3).encode().decode("windows-1252"),
            answer + " caf\ufffd",
            answer + "\x07",
            f"{answer}<br><br>",
            answer + "&nbsp;&amp;",
        )
        made.add(question, broken[number % 5], "broken_text")
    for number in range(EACH):
        question, answer = fresh()
        made.add(question, (f"{answer.split('.')[0][:50]} " * 12).strip(), "repetition")
        question, answer = fresh()
        made.add(f"{question} {answer}", answer, "answer_copies_prompt")
        question, _ = fresh()
        made.add(question, " ".join(draw.sample(GERMAN, 2)) + f" Nummer {number}.", "answer_in_other_language")
    return made


@pytest.fixture(scope="module")
def found(faults: planted.Planted, starter: Path) -> Audit:
    return audit_of(faults, starter)


def audit_of(made: planted.Planted, starter: Path) -> Audit:
    placed = list(zip(made.conversations, assign_splits(made.conversations, SEED), strict=True))
    return audit(placed, len(placed), [], starter, 2048, lambda progress: None)


def rows_of(found: Audit, check: str) -> set[int]:
    return next((set(finding.rows) for finding in found.findings if finding.check.id == check), set())


EXACT = ("exact_duplicate",)
LIKELY = ("near_duplicate",)
GUARDED = ("personal_data", "secret")
OTHERS = (
    "refusal",
    "identity_leak",
    "placeholder",
    "template_marks",
    "broken_text",
    "repetition",
    "answer_copies_prompt",
    "answer_in_other_language",
)


@pytest.mark.parametrize(
    ("check", "least_recall", "least_precision"),
    [
        *((check, 1.0, 0.95) for check in EXACT),
        *((check, 0.98, 0.98) for check in LIKELY),
        *((check, 0.95, 0.95) for check in GUARDED),
        *((check, 0.9, 0.9) for check in OTHERS),
    ],
)
def test_what_was_planted_is_found_and_nearly_nothing_else(
    faults: planted.Planted, found: Audit, check: str, least_recall: float, least_precision: float
) -> None:
    wanted, got = faults.rows[check], rows_of(found, check)
    missed, wrong = sorted(wanted - got), sorted(got - wanted)
    words = {row: faults.conversations[row].wanted[:200] for row in [*missed[:8], *wrong[:8]]}
    print(f"{check}: {len(wanted)} planted, {len(wanted & got)} found, {len(wrong)} besides")
    assert len(wanted) >= 20
    assert len(wanted & got) / len(wanted) >= least_recall, (missed, words)
    assert len(wanted & got) / len(got) >= least_precision, (wrong, words)


@pytest.mark.parametrize("check", GUARDED)
def test_what_only_looks_like_it_is_let_be(faults: planted.Planted, found: Audit, check: str) -> None:
    wrong = faults.look_alikes[check] & rows_of(found, check)
    assert len(wrong) <= 0.02 * len(faults.look_alikes[check]), [faults.conversations[r].wanted[:90] for r in wrong]


@pytest.mark.parametrize("kind", planted.PERSONAL)
def test_every_kind_of_personal_data_is_found(faults: planted.Planted, found: Audit, kind: str) -> None:
    missed = faults.rows[kind] - rows_of(found, "personal_data")
    assert len(missed) <= 0.05 * len(faults.rows[kind]), [faults.conversations[row].wanted[:80] for row in missed]


def test_training_and_test_share_nothing(found: Audit) -> None:
    assert rows_of(found, "split_leak") == set()


def test_on_clean_prose_the_audit_is_quiet(prose: list[tuple[str, str]], starter: Path) -> None:
    """At most one row in a hundred is flagged above a note."""
    made = planted.Planted()
    for name, text in prose:
        made.add(f"What is said of {name}?", text)
    placed = list(zip(made.conversations, assign_splits(made.conversations, SEED), strict=True))
    loud = [
        f for f in audit(placed, len(placed), [], starter, 2048, lambda p: None).findings if f.check.severity != "note"
    ]
    rows = {row for finding in loud for row in finding.rows}
    assert len(rows) <= 0.01 * len(prose), {
        f.check.id: [made.conversations[r].wanted[:90] for r in f.rows[:4]] for f in loud
    }


def test_what_breaks_the_form_of_the_rest_is_found(starter: Path) -> None:
    made = planted.Planted()
    for number in range(100):
        made.add(f"Order {number}", json.dumps({"item": f"cup {number}", "count": number, "note": None}))
    made.add("Order a", "Sorry, which cup?", "format_break")
    made.add("Order b", json.dumps({"item": "cup", "count": "three", "note": None}), "format_break")
    made.add("Order c", json.dumps({"item": "cup", "note": None}), "format_break")
    made.add("Order d", json.dumps({"item": "cup", "count": 3, "note": None, "colour": "red"}), "format_break")
    placed = list(zip(made.conversations, assign_splits(made.conversations, SEED), strict=True))
    assert (
        rows_of(audit(placed, len(placed), [], starter, 2048, lambda p: None), "format_break")
        == made.rows["format_break"]
    )


def test_every_check_of_the_audit_is_planted_somewhere() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert [id for id in BY_ID if not re.search(rf'"{id}"', tests)] == []
