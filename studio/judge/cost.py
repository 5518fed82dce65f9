"""What a judge costs: tokens in and out, and in money where the person knows the prices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from studio.judge.asking import Ask, Asked, list_asked
from studio.judge.form import MOST_TOKENS
from studio.runs import Run
from studio.store import read_rows

BYTES_OF_A_TOKEN = 3  # about: of JSON, names and numbers less than of plain prose
TOKENS_OF_A_REPLY = 160  # about: the form, and two reasons of a sentence or two
A_MILLION = 1_000_000


@dataclass(frozen=True)
class Estimate:
    """Of `requests` that are still to be made; `learned_from` replies of the same judge, 0 where it is a guess."""

    requests: int
    tokens_in: int
    tokens_out: int
    learned_from: int


@dataclass(frozen=True)
class Used:
    """What the server said that it read and wrote for `replies`; of `untold` ones it said nothing."""

    tokens_in: int = 0
    tokens_out: int = 0
    replies: int = 0
    untold: int = 0

    def since(self, earlier: Used) -> Used:
        parts = zip(self.as_dict().values(), earlier.as_dict().values(), strict=True)
        return Used(*(now - then for now, then in parts))

    def as_dict(self) -> dict[str, int]:
        return {"in": self.tokens_in, "out": self.tokens_out, "replies": self.replies, "untold": self.untold}

    @classmethod
    def from_dict(cls, kept: Mapping[str, int]) -> Used:
        """Also of judge.json of version 0.1, which counted no replies."""
        return cls(kept["in"], kept["out"], kept.get("replies", 1), kept.get("untold", int(not kept["in"])))


def estimate(left: Sequence[Asked], rows: Iterable[Mapping[str, Any]], asked: Sequence[Asked]) -> Estimate:
    """What asking for all that is `left` will take; by `rows`, the replies so far to some of what is `asked`."""
    sizes = {each.key: _size_bytes(each) for each in asked}
    told = [row for row in rows if row["key"] in sizes and row["in"]]
    left_bytes = sum(sizes[each.key] for each in left)
    if not told:
        return Estimate(len(left), left_bytes // BYTES_OF_A_TOKEN, TOKENS_OF_A_REPLY * len(left), 0)
    tokens_in = left_bytes * sum(row["in"] for row in told) / sum(sizes[row["key"]] for row in told)
    tokens_out = len(left) * sum(row["out"] for row in told) / len(told)
    return Estimate(len(left), round(tokens_in), round(tokens_out), len(told))


def _size_bytes(asked: Asked) -> int:
    return sum(len(message["content"].encode()) for message in asked.messages)


def read_used(run: Run, ask: Ask) -> Used:
    """By this judge on these questions so far, also for replies that were asked for once more. Raises: RunError."""
    return used_of(read_rows(run.folder / "judge" / "replies.jsonl"), list_asked(run, ask))


def used_of(rows: Iterable[Mapping[str, Any]], asked: Sequence[Asked]) -> Used:
    keys = {each.key for each in asked}
    own = [row for row in rows if row["key"] in keys and (row["in"] or not row.get("refused"))]
    tokens_in, tokens_out = (sum(row[way] for row in own) for way in ("in", "out"))
    return Used(tokens_in, tokens_out, len(own), sum(not row["in"] for row in own))


def cost(tokens_in: float, tokens_out: float, prices: Mapping[str, float]) -> float:
    """In the money of the prices: those of a million tokens `in` and `out`."""
    return (tokens_in * prices["in"] + tokens_out * prices["out"]) / A_MILLION


def prices_of(ask: Ask) -> dict[str, float] | None:
    """None where the person gave none."""
    if ask.price_in is None or ask.price_out is None:
        return None
    return {"in": ask.price_in, "out": ask.price_out}


def say_estimate(found: Estimate, ask: Ask) -> str:
    """ "That makes 40 requests: about 24,000 tokens in and 6,400 out."."""
    makes = f"That makes {found.requests:,} request{'s' * (found.requests != 1)}"
    tokens = f"about {round_tokens(found.tokens_in):,} tokens in and {round_tokens(found.tokens_out):,} out"
    if found.learned_from:
        replies = f"{found.learned_from:,} repl{'ies' if found.learned_from != 1 else 'y'}"
        how = f", going by the {replies} that it gave so far."
    else:
        how = f"; a model that thinks before it replies writes more, up to {MOST_TOKENS:,} a reply."
    prices = prices_of(ask)
    if prices is None:
        return f"{makes}: {tokens}{how}"
    money = say_money(cost(found.tokens_in, found.tokens_out, prices), is_rough=True)
    return f"{makes}: {tokens}{how} {say_prices(prices)} that is about {money}, in the money of these prices."


def say_broken_off(used: Used, prices: Mapping[str, float] | None) -> str:
    """As `say_used`, of what ended early: a server may charge for what it had begun."""
    said = say_used(used, prices)
    return f"{said} Requests that were under way are not counted in." if said else ""


def say_used(used: Used, prices: Mapping[str, float] | None) -> str:
    """ "It used 24,112 tokens in and 6,013 out."; empty where nothing was asked."""
    if not used.replies:
        return ""
    if used.untold == used.replies:
        return "How many tokens it used it does not say."
    said = f"It used {used.tokens_in:,} tokens in and {used.tokens_out:,} out, as it counts them"
    if used.untold:
        said += f"; of {used.untold:,} of {used.replies:,} replies it does not say"
    if prices is None:
        return f"{said}."
    money = say_money(cost(used.tokens_in, used.tokens_out, prices))
    least = "at least " if used.untold else ""
    return f"{said}. {say_prices(prices)} that is {least}{money}, in the money of these prices."


def say_prices(prices: Mapping[str, float]) -> str:
    return f"At {_exact(prices['in'])} for a million in and {_exact(prices['out'])} for a million out"


def say_money(amount: float, is_rough: bool = False) -> str:
    """A rough one with two digits that tell something, another to the hundredth; both finer where there is little."""
    if amount == 0:
        return "0"
    if amount < 0.0001:
        return "less than 0.0001"
    if amount < 0.1:
        return f"{amount:.2g}"
    if is_rough and amount >= 10:
        return f"{_two_digits(amount):,}"
    return f"{amount:,.1f}" if is_rough and amount >= 1 else f"{amount:,.2f}"


def round_tokens(tokens: int) -> int:
    """Two digits are honest."""
    return _two_digits(tokens)


def _two_digits(number: float) -> int:
    step: int = 10 ** max(0, len(str(int(number))) - 2)
    return round(number / step) * step


def _exact(price: float) -> str:
    """As it was given: 2.50, or 0.075."""
    text = f"{price:.6f}".rstrip("0")
    whole, _, part = text.partition(".")
    return f"{int(whole):,}.{part:0<2}" if part else f"{int(whole):,}"
