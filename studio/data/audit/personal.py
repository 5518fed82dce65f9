"""What could identify a person. Checksums decide where there are any, the words around where there are none."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator

from stdnum import iban, luhn

from studio.data.audit.finding import Check, Example, Mark

EMAIL = re.compile(r"[\w.%+-]+@(?:[\w-]+\.)+[A-Za-z]{2,}")
CARD = re.compile(r"(?<![\w.+-])[2-6]\d{3}(?:([ -]?)\d{4}\1\d{4}\1\d{1,7}|([ -]?)\d{6}\2\d{4,5})(?![\w-]|\.\d)")
CARD_MAKERS = re.compile(
    r"4(\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|3(0[0-5]|[68]\d)\d{11}|6(011|4[4-9]\d|5\d\d)\d{12}|35(2[89]|[3-8]\d)\d{12}"
)
IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
SSN = re.compile(r"(?<![\w.-])(?!000|666|9)\d{3}([- ])(?!00)\d{2}\1(?!0000)\d{4}(?![\w-]|\.\d)")
IPV4 = re.compile(r"(?<![\w.-])(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\d)")
IPV6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{1,4}(?![\w:])")
PHONE = re.compile(r"(?<![\w.+/-])(?:\+|00)?\(?\d[\d ()./-]{5,20}\d(?![\w]|[.-]\d)")
INTERNATIONAL = re.compile(r"(?:\+|00)[1-9]")
NORTH_AMERICAN = re.compile(r"(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[ .-])[2-9]\d\d[ .-]\d{4}")
WITH_TRUNK_ZERO = re.compile(r"\(?0[1-9]\d{0,4}\)?[ /-]+\d[\d /-]*")
DATE = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}(?!\d)")
SAYS_PHONE = re.compile(
    r"(?:\b(?:tele)?(?:phone|fon|fono|fone)|\btel|\bcall(?: me| us)?|\bmobile|\bcell|\bfax|\bhandy|\bmobil|\breach me"
    r"|\bwhatsapp|\bsms|\btext me|\bring|☎|📞)[^\n\d]{0,25}$",
    re.IGNORECASE,
)
SAYS_NUMBER = re.compile(
    r"(?:\b(?:order|invoice|ticket|ref(?:erence)?|tracking|sku|isbn|version|case|part|serial|batch|item|article|customer"
    r"|bestell\w*|rechnung\w*|auftrag\w*|build|release|model|account|policy|v|no|nr|id)\b|#)[^\w\n]{0,4}"
    r"(?:no|nr|number|nummer|id|is)?[^\w\n]{0,3}$",
    re.IGNORECASE,
)
PASSPORT = re.compile(r"\b(?=[A-Z0-9]*\d{4})[A-Z]{0,2}[A-Z0-9]{0,2}\d{5,9}[A-Z]?\b")
SAYS_PASSPORT = re.compile(
    r"(?:passport|passeport|pasaporte|reisepass\w*|ausweis\w*|identity card|id card|driver.?s licen[cs]e|führerschein)"
    r"[^\n]{0,25}$",
    re.IGNORECASE,
)
ADDRESS = re.compile(
    r"\b\d{1,5}[A-Za-z]? (?:[NSEW]\.? )?(?:[A-Z][\w'’-]+ ){1,3}"
    r"(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Way|Place|Pl|Square|Terrace|Close"
    r"|Crescent|Highway|Hwy|Parkway|Pkwy)\b"
    r"|\b[A-ZÄÖÜ][\w-]*(?:straße|strasse|str\.|weg|allee|gasse|platz|damm|ufer) \d{1,4}[a-z]?\b"
    r"|\b\d{1,4}(?: (?:bis|ter))?,? (?:rue|avenue|boulevard|chemin|impasse|quai)"
    r" (?:(?:de|du|des|la|le|l['’]|d['’]) ?)*[A-ZÉ][\w-]+"
    r"|\b(?:Calle|Avenida|Via|Viale|Piazza|Rua) (?:(?:de|del|di|da|dos) )?[A-Z][\w-]+,? \d{1,4}\b"
)


def _emails(text: str) -> Iterator[tuple[int, int]]:
    return (found.span() for found in EMAIL.finditer(text)) if "@" in text else iter(())


def _cards(text: str) -> Iterator[tuple[int, int]]:
    for found in CARD.finditer(text):
        digits = re.sub(r"\D", "", found[0])
        if CARD_MAKERS.fullmatch(digits) and luhn.is_valid(digits):
            yield found.span()


def _ibans(text: str) -> Iterator[tuple[int, int]]:
    for found in IBAN.finditer(text):
        # What follows in capitals may have been taken along: the longest beginning that is valid counts.
        words = found[0].split(" ")
        beginnings = (" ".join(words[:count]) for count in range(len(words), 0, -1))
        if valid := next((words for words in beginnings if iban.is_valid(words, check_country=False)), None):
            yield found.start(), found.start() + len(valid)


def _ssns(text: str) -> Iterator[tuple[int, int]]:
    for found in SSN.finditer(text):
        before = text[max(0, found.start() - 30) : found.start()]
        if not SAYS_NUMBER.search(before) and not SAYS_PHONE.search(before):
            yield found.span()


def _addresses_of_machines(text: str) -> Iterator[tuple[int, int]]:
    for pattern in (IPV4, IPV6):
        for found in pattern.finditer(text):
            before = text[max(0, found.start() - 12) : found.start()]
            try:
                address = ipaddress.ip_address(found[0])
            except ValueError:
                continue
            is_version = re.search(r"(?:\bv|version|release|build|[=><~^])\W{0,2}$", before, re.IGNORECASE)
            if not (is_version or address.is_loopback or address.is_unspecified or len(found[0]) <= 7):
                yield found.span()


def _phones(text: str) -> Iterator[tuple[int, int]]:
    for found in PHONE.finditer(text):
        number = found[0]
        digits = sum(character.isdigit() for character in number)
        if not 7 <= digits <= 15 or DATE.match(number):
            continue
        before = text[max(0, found.start() - 40) : found.start()]
        is_named = SAYS_PHONE.search(before)
        if not is_named and SAYS_NUMBER.search(before):
            continue
        if (
            is_named
            or (INTERNATIONAL.match(number) and digits >= 9 and (number[0] == "+" or not number.isdigit()))
            or NORTH_AMERICAN.fullmatch(number)
            or (WITH_TRUNK_ZERO.fullmatch(number) and digits >= 8)
        ):
            yield found.span()


def _passports(text: str) -> Iterator[tuple[int, int]]:
    for found in PASSPORT.finditer(text):
        if SAYS_PASSPORT.search(text[max(0, found.start() - 50) : found.start()]):
            yield found.span()


def _street_addresses(text: str) -> Iterator[tuple[int, int]]:
    return (found.span() for found in ADDRESS.finditer(text))


KINDS: dict[str, Callable[[str], Iterator[tuple[int, int]]]] = {
    "EMAIL": _emails,
    "IBAN": _ibans,
    "CARD": _cards,
    "SSN": _ssns,
    "IP": _addresses_of_machines,
    "PHONE": _phones,
    "PASSPORT": _passports,
    "ADDRESS": _street_addresses,
}
_DIGIT = re.compile(r"\d")


def personal_data(example: Example) -> Iterable[Mark]:
    """Marks that do not overlap; the kinds that stand first above win."""
    for number, message in enumerate(example.conversation.messages):
        text = message.content
        taken = bytearray(len(text))
        for kind, find in KINDS.items() if _DIGIT.search(text) else (("EMAIL", _emails),):
            for begin, end in find(text):
                if not any(taken[begin:end]):
                    taken[begin:end] = b"1" * (end - begin)
                    yield Mark(number, begin, end, kind)


CHECKS = (
    Check(
        "personal_data",
        "{count} example{s} with personal data",
        "What is learned can be asked out of the model again, by whoever has it.",
        "warning",
        personal_data,
    ),
)
