"""Real prose with planted faults: docstrings of installed packages as questions and answers, and what was put in."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import random
import re
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from stdnum import iban, luhn

from studio.data.conversation import Conversation, Message

PACKAGES = ("pandas", "numpy", "jinja2", "huggingface_hub", "gradio", "httpx", "PIL", "pydantic")
PROSE = re.compile(r"(?!TBD|TODO|See Also|Notes|Returns|Parameters)[A-Z][^<>{}\[\]`@#|\\=_*+~^$%&/]{150,900}[.]")


@dataclass
class Planted:
    """`rows` tells, by check, which rows carry the fault; `look_alikes` which carry what only looks like it."""

    conversations: list[Conversation] = field(default_factory=list)
    rows: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    look_alikes: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))

    def add(self, question: str, answer: str, *faults: str) -> int:
        row = len(self.conversations)
        self.conversations.append(Conversation((Message("user", question), Message("assistant", answer)), row))
        for fault in faults:
            self.rows[fault].add(row)
        return row


def read_prose(most: int) -> list[tuple[str, str]]:
    """(name, paragraph) of docstrings, no two of them alike in more than half of their runs of three words."""
    found: list[tuple[str, str]] = []
    seen: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for name, paragraph in _paragraphs():
        words = re.findall(r"\w+", paragraph.casefold())
        runs = set(zip(words, words[1:], words[2:], strict=False))
        shared: defaultdict[int, int] = defaultdict(int)
        for run in runs:
            for place in seen[run]:
                shared[place] += 1
        if max(shared.values(), default=0) > len(runs) * 0.4:
            continue
        for run in runs:
            seen[run].append(len(found))
        found.append((name, paragraph))
        if len(found) == most:
            break
    return found


def _paragraphs() -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        assert spec
        assert spec.origin
        for path in sorted(Path(spec.origin).parent.rglob("*.py")):
            if "tests" in path.parts:
                continue
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef | ast.ClassDef) and (text := ast.get_docstring(node)):
                    for number, paragraph in enumerate(text.split("\n\n"), start=1):
                        joined = " ".join(paragraph.split())
                        if PROSE.fullmatch(joined):
                            yield f"{path.stem} {node.name} {node.lineno} {number}".replace("_", " ").strip(), joined


def _digits(draw: random.Random, count: int) -> str:
    return "".join(draw.choice("0123456789") for _ in range(count))


def _card(draw: random.Random) -> str:
    body = draw.choice(["4", "51", "55", "2221"])
    body += _digits(draw, 15 - len(body))
    number = body + luhn.calc_check_digit(body)
    return draw.choice([number, " ".join(re.findall("....", number)), "-".join(re.findall("....", number))])


def _iban(draw: random.Random) -> str:
    country, account = draw.choice(
        [("DE", _digits(draw, 18)), ("NL", "ABNA" + _digits(draw, 10)), ("AT", _digits(draw, 16))]
    )
    number = country + iban.calc_check_digits(country + "00" + account) + account
    return draw.choice([number, " ".join(re.findall(".{1,4}", number))])


def _phone(draw: random.Random) -> str:
    d = lambda count: _digits(draw, count)  # noqa: E731
    return draw.choice(
        [
            f"+49 170 {d(7)}",
            f"+44 20 7946 {d(4)}",
            f"+1 (415) 555-{d(4)}",
            f"(212) 555-{d(4)}",
            f"646-555-{d(4)}",
            f"415.555.{d(4)}",
            f"+33 6 {d(2)} {d(2)} {d(2)} {d(2)}",
            f"0{draw.randint(30, 99)} {d(8)}",
            f"0171/{d(7)}",
            f"06 {d(2)} {d(2)} {d(2)} {d(2)}",
            f"0049 89 {d(7)}",
        ]
    )


STREETS = ("Maple Street", "Old Mill Ave", "King George Road", "Rose Lane")
PERSONAL: dict[str, Callable[[random.Random], str]] = {
    "EMAIL": lambda draw: (
        f"Write to {draw.choice(['mia', 'j.chen', 'o_brien', 'anna+shop'])}{draw.randint(1, 99)}@"
        f"{draw.choice(['mail.example.com', 'firm.de', 'uni.ac.uk'])}."
    ),
    "PHONE": lambda draw: f"{draw.choice(['Ring', 'You reach us at', 'Her number is', 'Phone:'])} {_phone(draw)}.",
    "CARD": lambda draw: f"{draw.choice(['The card', 'Paid with', 'Charge'])} {_card(draw)} today.",
    "IBAN": lambda draw: f"Please pay to {_iban(draw)} within a week.",
    "SSN": lambda draw: (
        f"Her social security number is {draw.randint(100, 665)}-{draw.randint(10, 99)}-{draw.randint(1000, 9999)}."
    ),
    "IP": lambda draw: (
        "It came from "
        + draw.choice(
            [
                ".".join(str(draw.randint(11, 223)) for _ in range(4)),
                ":".join(f"{draw.randint(4096, 65535):x}" for _ in range(8)),
                f"2001:db8:85a3::8a2e:370:{draw.randint(4096, 65535):x}",
            ]
        )
        + "."
    ),
    "PASSPORT": lambda draw: f"Passport number: {draw.choice('CFGHK')}{_digits(draw, 8)}.",
    "ADDRESS": lambda draw: draw.choice(
        [
            f"She lives at {draw.randint(1, 999)} {draw.choice(STREETS)}.",
            f"Send it to {draw.choice(['Lindenstraße', 'Bahnhofweg', 'Goetheallee'])} {draw.randint(1, 99)}.",
            f"Come to {draw.randint(1, 99)} rue de la {draw.choice(['Paix', 'Gare', 'Liberté'])}.",
        ]
    ),
}

NOT_PERSONAL: tuple[Callable[[random.Random], str], ...] = (
    lambda draw: f"Order {_digits(draw, 4)}-{_digits(draw, 4)}-{_digits(draw, 2)} is on its way.",
    lambda draw: f"Invoice no. 20{_digits(draw, 2)}-{_digits(draw, 6)} is paid.",
    lambda draw: f"The hash is {hashlib.sha1(_digits(draw, 9).encode()).hexdigest()}.",
    lambda draw: f"Commit {hashlib.md5(_digits(draw, 9).encode()).hexdigest()[:10]} mends it.",
    lambda draw: (
        f"Use version {draw.randint(0, 20)}.{draw.randint(0, 20)}.{draw.randint(0, 99)}.{draw.randint(0, 9)} or newer."
    ),
    lambda draw: f"It was on 20{draw.randint(10, 26)}-{draw.randint(10, 12)}-{draw.randint(10, 28)}.",
    lambda draw: (
        f"It was on {draw.randint(10, 28)}.0{draw.randint(1, 9)}.20{draw.randint(10, 26)} at 14:{draw.randint(10, 59)}."
    ),
    lambda draw: f"ISBN 978-3-16-{_digits(draw, 6)}-{_digits(draw, 1)} is out of print.",
    lambda draw: f"It costs {draw.randint(1, 9)},{_digits(draw, 3)}.00 in all.",
    lambda draw: f"The tracking number is 1Z{_digits(draw, 3)}AA1{_digits(draw, 10)}.",
    lambda draw: f"The id is {uuid.UUID(int=draw.getrandbits(128))}.",
    lambda draw: f"The measure is {draw.randint(10, 99)} x {draw.randint(10, 99)} x {draw.randint(10, 99)} mm.",
    lambda draw: f"At 17{_digits(draw, 8)} seconds it began.",
    lambda draw: f"It lies at 48.{_digits(draw, 6)}, 11.{_digits(draw, 6)}.",
    lambda draw: (
        f"Item {draw.choice('ABC')}-{_digits(draw, 4)}-{_digits(draw, 3)} and {_digits(draw, 3)}-{_digits(draw, 3)}."
    ),
    lambda draw: (
        f"From {draw.randint(1900, 1960)}-{draw.randint(1961, 2020)} it was so; see pages 120-{draw.randint(201, 300)}."
    ),
)

_ALPHANUMERIC = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def _random(draw: random.Random, count: int, letters: str = _ALPHANUMERIC) -> str:
    return "".join(draw.choice(letters) for _ in range(count - 2)) + "a7"


# Put together here, so that nothing in this file looks like a key to those who search repositories for them.
SECRETS: tuple[Callable[[random.Random], str], ...] = (
    lambda draw: "AK" + "IA" + "".join(draw.choice("ABCDEFGHIJKLMNOP234567") for _ in range(16)),
    lambda draw: "gh" + "p_" + _random(draw, 36),
    lambda draw: "glpat" + "-" + _random(draw, 20),
    lambda draw: "xox" + "b-" + _digits(draw, 11) + "-" + _random(draw, 24),
    lambda draw: "sk" + "_live_" + _random(draw, 24),
    lambda draw: "sk" + "-proj-" + _random(draw, 48),
    lambda draw: "sk" + "-ant-" + _random(draw, 40),
    lambda draw: "AI" + "za" + _random(draw, 35),
    lambda draw: "hf" + "_" + _random(draw, 34),
    lambda draw: "npm" + "_" + _random(draw, 36),
    lambda draw: "SG" + "." + _random(draw, 22) + "." + _random(draw, 43),
    lambda draw: "ey" + "J" + _random(draw, 20) + ".ey" + "J" + _random(draw, 40) + "." + _random(draw, 43),
    lambda draw: "-----BEGIN " + draw.choice(["RSA ", "EC ", "OPENSSH ", ""]) + "PRIVATE " + "KEY-----",
    lambda draw: f"postgres://shop:{_random(draw, 12)}@db.example.com/orders",
    lambda draw: f"password = {_random(draw, 12)}",
    lambda draw: f"API_KEY: {_random(draw, 32)}",
)
NOT_SECRETS: tuple[Callable[[random.Random], str], ...] = (
    lambda draw: f"The hash is {hashlib.sha256(_digits(draw, 9).encode()).hexdigest()}.",
    lambda draw: f"The id is {uuid.UUID(int=draw.getrandbits(128))}.",
    lambda draw: "Choose a password of twelve characters and never tell it.",
    lambda draw: "The secret is to knead the dough slowly, and the key is under the mat.",
    lambda draw: f"See https://shop.example.com:8443/orders/{_digits(draw, 6)}?key=size for the key.",
    lambda draw: f"The task-{_random(draw, 8)} and the risk-based plan are done.",
    lambda draw: "Write postgres://user:<password>@host/name in its place.",
)
