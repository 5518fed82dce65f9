"""Writes the sample data set: customers' e-mails to eight small shops, each with its ticket as JSON.

`python assets/sample/generate.py` rewrites `orders.jsonl` beside this file, always to the same bytes. The
wording is in `phrases.toml`; here is only how an e-mail is put together. Whatever a ticket says stands word
for word in its e-mail, in the case in which it was written, so that a person can check a ticket by looking.
"""

import json
import random
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SEED = 20
EXAMPLES = 400
SYSTEM_PROMPT = "Turn the e-mail into a ticket."
WISHES = ("refund", "exchange", "cancel", "address", "status", "invoice")
DATA_FILE = Path(__file__).with_name("orders.jsonl")
PHRASES: dict[str, Any] = tomllib.loads(Path(__file__).with_name("phrases.toml").read_text(encoding="utf-8"))

# Which second wish makes sense after a first: few pairs, each seen often, so that 320 e-mails teach them.
THEN = {
    "refund": ("invoice",),
    "exchange": ("invoice",),
    "cancel": ("refund",),
    "address": ("invoice",),
    "status": ("address",),
    "invoice": ("address",),
}


@dataclass(frozen=True)
class Example:
    """One e-mail with its ticket, and which wording went into it."""

    shop: str
    frames: tuple[str, ...]
    email: str
    ticket: dict[str, Any]


class Deck:
    """Deals the phrase that has waited longest, so that every phrase is used and none wears out."""

    def __init__(self, cards: list[Any], rng: random.Random) -> None:
        self.cards = list(cards)
        rng.shuffle(self.cards)

    def draw(self, fits: Callable[[Any], bool] = lambda card: True) -> Any:
        card = next(card for card in self.cards if fits(card))
        self.cards.remove(card)
        self.cards.append(card)
        return card


def build_examples(count: int = EXAMPLES, seed: int = SEED) -> list[Example]:
    """Write the examples, no two e-mails alike."""
    writer = Writer(random.Random(seed))
    examples: dict[str, Example] = {}
    while len(examples) < count:
        example = writer.write_example()
        examples.setdefault(example.email, example)
    return list(examples.values())


def count_frames(examples: list[Example]) -> int:
    """How many sentences of different wording the e-mails hold.

    What was filled in does not count, nor do greetings, sign-offs and the "Also, " before a second wish.
    """
    return len({re.sub(r"\{\w+\}", "_", frame.lower()) for example in examples for frame in example.frames})


def render_lines(examples: list[Example]) -> str:
    """The text of the data file: one conversation a line."""
    rows = (
        {
            "messages": [
                {"role": "system", "content": SYSTEM_PROMPT},
                {"role": "user", "content": example.email},
                {"role": "assistant", "content": json.dumps(example.ticket, ensure_ascii=False)},
            ]
        }
        for example in examples
    )
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


class Writer:
    """Holds the decks while the e-mails are written."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.decks: dict[str, Deck] = {}
        self.shops = Deck(PHRASES["shop"], rng)
        doubles = [(pair["wishes"], frame) for pair in PHRASES["double"] for frame in pair["frames"]]
        self.doubles = Deck(doubles, rng)

    def draw(
        self, name: str, cards: list[Any] | tuple[str, ...], fits: Callable[[Any], bool] = lambda card: True
    ) -> Any:
        if name not in self.decks:
            self.decks[name] = Deck(list(cards), self.rng)
        return self.decks[name].draw(fits)

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def write_example(self) -> Example:
        shop = self.shops.draw()
        if self.chance(0.11):
            wishes, frame = self.doubles.draw()
            return self.fill(self.dress(frame), shop, wishes, (frame,))
        wish, frames = self.choose_frames(shop)
        text = " ".join(frames)
        if len(frames) > 2 or self.chance(0.88):
            return self.fill(self.dress(text), shop, [wish], tuple(frames))
        second = self.rng.choice(THEN[wish])
        frame = self.draw(f"{second} loose", PHRASES["wish"][second]["loose"])
        connective = self.draw("connective", PHRASES["connectives"])
        text = f"{text} {connective}{lower_first(frame)}"
        return self.fill(self.dress(text), shop, [wish, second], (*frames, frame))

    def choose_frames(self, shop: dict[str, Any]) -> tuple[str, list[str]]:
        """Choose one wish and its sentences: one that names its thing, or a fact and a wish; a reason."""
        wish = self.draw("wish", WISHES)
        phrases = PHRASES["wish"][wish]
        kind = self.rng.random()
        if kind < 0.56:
            needs_product = self.chance(0.75)
            needs_order = self.chance(0.5)

            def fits(frame: str) -> bool:
                return mentions_product(frame) >= needs_product and mentions_order(frame) >= needs_order

            body = [self.draw(f"{wish} full", phrases["full"], fits)]
        elif kind < 0.96:
            if wish in ("refund", "exchange", "invoice") and self.chance(0.3):
                about = self.rng.choice(["both", "both", "both", "product", "product"]) + "_received"
            else:
                about = self.rng.choice(["both", "both", "both", "product", "order"])
            body = [
                self.draw(f"facts {about}", PHRASES["facts"][about]),
                self.draw(f"{wish} loose", phrases["loose"]),
            ]
        else:
            body = [self.draw(f"{wish} loose", phrases["loose"])]
        with_product = any(mentions_product(frame) for frame in body)
        if not any(mentions_order(frame) for frame in body) and kind < 0.96 and self.chance(0.55):
            body.append(self.draw("order tail", PHRASES["facts"]["order_tail"]))
        if self.chance(0.45):
            if wish in ("refund", "exchange") and with_product and self.chance(0.75):
                body.insert(1, self.draw(f"fault {shop['kind']}", shop["fault"]))
            else:
                reason = self.draw(f"{wish} why", phrases["why"])
                leans = re.search(r"\b[Ii]t|one\b|\{", reason)
                body.insert(self.rng.choice([1, len(body)] if leans else [0, 1, len(body)]), reason)
        return wish, body

    def dress(self, text: str) -> str:
        """Add the slips of a hurried hand, then greeting, introduction and sign-off."""
        has_order = mentions_order(text)
        if self.chance(0.14):
            text = self.misspell(text)
        if self.chance(0.1):
            text = re.sub(r"\.(?= |$)", self.rng.choice(["!", "!!", "!!!", "...", " -"]), text)
        if self.chance(0.07):
            text = text.replace("?", self.rng.choice(["??", " ?", "?!"]))
        if self.chance(0.07):
            text = text.replace("'", "")
        if self.chance(0.07):
            loud = r"\b(money back|refund|please|never|new|where|wrong|now|nothing|still|again)\b"
            text = re.sub(loud, lambda word: word[0].upper(), text, count=1)
        if self.chance(0.1):
            text = self.shout(text)
        named = self.rng.random()
        if named < 0.12:
            text = f"{self.draw('introduction', PHRASES['introductions'])} {text}"
        if self.chance(0.66):
            newline = self.chance(0.65)
            greeting = self.draw("greeting", PHRASES["greetings"])
            text = f"{greeting}\n{text}" if newline else f"{greeting} {lower_first(text)}"
        if not has_order and self.chance(0.15):
            text = f"Re: {{o}}\n{text}"
        if named < 0.12:
            return text + self.rng.choice(["", "", "\nThanks!"])
        if named < 0.8:
            space = self.rng.choice(["\n", "\n", " "])
            return f"{text}{space}{self.draw('sign-off', PHRASES['sign_offs'])}"
        if named < 0.9:
            return f"{text}\n{self.draw('nameless', PHRASES['nameless_sign_offs'])}"
        return text.removesuffix(".") if self.chance(0.5) else text

    def shout(self, text: str) -> str:
        """Put one sentence into capitals; one that names a product or an order keeps its spelling."""
        sentences = re.split(r"(?<=[.!?]) ", text)
        plain = [index for index, sentence in enumerate(sentences) if "{" not in sentence]
        if plain:
            index = self.rng.choice(plain)
            sentences[index] = sentences[index].upper()
        return " ".join(sentences)

    def misspell(self, text: str) -> str:
        typos: dict[str, str] = PHRASES["typos"]
        words = sorted(word for word in typos if re.search(rf"(?<!{{)\b{word}\b", text))
        for word in self.rng.sample(words, min(len(words), self.rng.choice([1, 1, 2]))):
            text = re.sub(rf"(?<!{{)\b{word}\b", typos[word], text, count=1)
        return text

    def fill(self, text: str, shop: dict[str, Any], wishes: list[str], frames: tuple[str, ...]) -> Example:
        """Put the values into the slots, and the same values into the ticket."""
        product, slots, plural = self.choose_product(shop)
        if not mentions_product(text):
            plural = False
        digits = str(self.rng.randint(1000, 9999) if self.chance(0.7) else self.rng.randint(10000, 99999))
        name = self.draw("first", PHRASES["names"]["first"])
        if self.chance(0.7):
            name += " " + self.draw("last", PHRASES["names"]["last"])
        forms = "they them are were have do" if plural else "it it is was has does"
        slots |= dict(zip(("it", "them", "is", "was", "has", "does"), forms.split(), strict=True))
        slots |= {
            "o": self.draw("order", PHRASES["orders"]).format(d=digits),
            "d": self.rng.choice(["", "#"]) + digits,
        }
        slots |= {"place": self.draw("place", PHRASES["places"]), "team": shop["team"], "name": name}
        slots |= {key.capitalize(): value[0].upper() + value[1:] for key, value in slots.items()}
        email = text.format(**slots)
        named, ordered, chosen = "{name}" in text, mentions_order(text), mentions_product(text)
        values = [name if named else None, digits if ordered else None, product if chosen else None]
        if self.chance(0.11):
            email, values = email.lower(), [value and value.lower() for value in values]
        ticket = dict(zip(("name", "order", "product"), values, strict=True))
        return Example(shop["kind"], frames, email, {**ticket, "wishes": wishes})

    def choose_product(self, shop: dict[str, Any]) -> tuple[str, dict[str, str], bool]:
        """Pick a product; give it, its phrases with each article, and whether it takes a plural verb."""
        forms = {"one": "a", "pair": "a pair of", "some": "some", "bag": "a bag of", "title": "a copy of"}
        shelf = [(form, name) for form in forms for name in shop.get(form, [])]
        form, name = self.draw(f"shelf {shop['kind']}", shelf)
        before = "an" if form == "one" and name[0] in "aeiou" else forms[form]
        if form == "title":
            mine = f"my copy of {name}"
            return name, {"the": mine, "my": mine, "a": f"{before} {name}"}, False
        slots = {"the": f"the {name}", "my": f"my {name}", "a": f"{before} {name}"}
        return name, slots, form != "one" and name.endswith("s")


def mentions_product(text: str) -> bool:
    return bool(re.search(r"\{(the|my|a)\}", text, re.IGNORECASE))


def mentions_order(text: str) -> bool:
    return bool(re.search(r"\{[od]\}", text, re.IGNORECASE))


def lower_first(sentence: str) -> str:
    """Continue a sentence: "Please ..." becomes "please ...", but "I" stays."""
    return sentence if re.match(r"I\b", sentence) else sentence[0].lower() + sentence[1:]


if __name__ == "__main__":
    DATA_FILE.write_text(render_lines(build_examples()), encoding="utf-8", newline="\n")
    print(f"Wrote {EXAMPLES} examples to {DATA_FILE}.")
