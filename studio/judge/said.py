"""What a judge found, in sentences that window and command line share."""

from __future__ import annotations

from typing import Any, Literal

from studio.judge.cost import Used, say_used
from studio.vote.tally import Tally

Prefers = Literal["better", "worse", "unsure"]
PREFERS: dict[Prefers, str] = {
    "better": "It prefers your model.",
    "worse": "It prefers the base.",
    "unsure": "It cannot tell them apart so far.",
}
LEAST_READ = 4  # questions; of fewer nobody is called weak
Found = dict[str, Any]


def tally_in(found: Found) -> Tally:
    return Tally(found["won"], found["lost"], found["tied"])


def preference_of(found: Found) -> Prefers:
    tally = tally_in(found)
    return "unsure" if not tally.is_settled else "better" if tally.won > tally.lost else "worse"


def say_preference(found: Found) -> str:
    return PREFERS[preference_of(found)] if tally_in(found).cast else "None of its judgements count."


def say_lost(found: Found) -> list[str]:
    """What does not count, and why; a sentence or two each."""
    examples, swayed, unreadable, same = (found[name] for name in ("examples", "swayed", "unreadable", "same"))
    read = examples - unreadable
    said = []
    if swayed:
        first = found["swayed_to_first"]
        towards = f", {first} time{'s' * (first != 1)} towards whatever stood first" if first else ""
        much = " A judge that is swayed so often is too weak for this: take a larger one." * (
            2 * swayed > read >= LEAST_READ
        )
        said.append(f"It let itself be swayed by the order in {swayed} of {read}{towards}; those do not count.{much}")
    elif read:
        said.append(f"In none of {read} did the order of the answers sway it.")
    if unreadable:
        why = f" (for one: {found['unreadable_why'].partition('; ')[0][:200]})" if found["unreadable_why"] else ""
        said.append(
            f"In {unreadable} of {examples} a reply could not be read, even when asked again{why}; those do not count. "
            "Judge again to ask for them anew."
        )
    if same:
        said.append(f"To {same} more question{'s' * (same != 1)} both gave the same answer; nobody was asked.")
    return said


def say_spent(found: Found) -> str:
    """Tokens of all that it was asked so far, and money where the prices were given."""
    return say_used(Used.from_dict(found["tokens"]), found.get("prices"))
