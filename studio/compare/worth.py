"""What three ways to an answer are worth: the base alone, the base with examples in its prompt, the tuned model.

worth.json, in the folder of a run, or before training beside the data:
  of            whose weights these are
  examples      how many held-out questions all were asked, `of_all` of so many; `at_once`: in batches of how many
  main          the measure that decides
  suited, why   the one that the data would choose, and the sentence that says why
  choice        what the person had chosen to measure by, None where the data decide; by_hand: the sentences that say
                so, empty where it makes no difference; not_used: why it could not be used, where it could not
  ways          base, prompt, tuned -> quality {value, low, high}; a question's seconds {value, and in the fastest
                and the slowest batch}, reading_s, prompt_tokens, answer_tokens; unfinished: answers that the limit cut
  time          the tuned model's against that of the prompt {value, low, high}: 0.33 is a third; None before training
  differences   tuned_prompt, prompt_base, tuned_base -> value, low, high, word
  chosen        how the examples were chosen (see studio.workers.choose), and examples: row, question, answer
  word, recommendation, do
  answers       row, question, wanted, and what each way said
"""

from __future__ import annotations

from typing import Any

from studio.compare.shots import HOWS
from studio.compare.skipped import say_skipped
from studio.report.figures import count, number

PAIRS = {
    "tuned_prompt": "Fine-tuned, against the examples in the prompt",
    "prompt_base": "The examples in the prompt, against the base alone",
    "tuned_base": "Fine-tuned, against the base alone",
}


NO_SAY = (
    "The measure that you chose had no say in which examples stand in the prompt; by it another set might do better."
)
SLOWED = 1.1  # by an adapter: less is no more than the machine's mood


def say_measure(found: dict[str, Any]) -> str:
    """Which measure was chosen by hand, or why it was not used; empty where the data decide."""
    unused = found.get("not_used")
    if unused:
        return f"The measure that you chose was not used here. {unused['what']} {unused['do']}"
    return str(found.get("by_hand", ""))


def titles_of(found: dict[str, Any]) -> dict[str, str]:
    """What a way is called in a table, for those that were asked."""
    shots = count(len(found["chosen"]["examples"]), "example")
    names = {"base": "The base alone", "prompt": f"The base with {shots} in its prompt", "tuned": "Fine-tuned"}
    return {way: names[way] for way in found["ways"]}


def notes_of(found: dict[str, Any]) -> list[str]:
    """How it was measured and what the figures leave out, in plain sentences."""
    ways, chosen, skipped = found["ways"], found["chosen"], found.get("skipped", 0)
    prompt, some = ways["prompt"], found["of_all"] > found["examples"] + skipped
    notes = [
        f"All were asked the same {count(found['examples'], 'held-out question')}"
        f"{', drawn from ' + format(found['of_all'], ',') if some else ''}, which neither training nor the choice of "
        "the examples saw; greedily, so that no luck is in the answers.",
        *([say_skipped(skipped)] if skipped else []),
        _say_choice(chosen),
        *([NO_SAY] if found.get("by_hand") else []),
        "A prompt that somebody tends by hand, with instructions of its own, may do better than examples alone.",
        f"Seconds are those of this machine, {found['at_once']} question{'s' if found['at_once'] > 1 else ''} at a "
        "time, each way timed apart and in turn; in brackets the fastest and the slowest batch, for other programs at "
        "work make them longer. Of the "
        f"{number(prompt['seconds']['value'])} s with examples, {number(prompt['reading_s'])} s go into reading the "
        "prompt; a server that keeps the beginning of a prompt in memory saves most of that.",
    ]
    if "tuned" in ways and (ratio := ways["tuned"]["reading_s"] / ways["base"]["reading_s"]) > SLOWED:
        notes.append(
            f"Reading the same question takes the tuned one {ratio:.1f} times as long as the base, since the adapter "
            "is read beside it; merged into it, as in an export, it costs no time of its own."
        )
    for way, title in titles_of(found).items():
        if unfinished := ways[way]["unfinished"]:
            notes.append(
                f"{title}: {count(unfinished, 'answer')} did not come to an end and stopped at the limit of "
                f"{found['most_tokens']:,} tokens, at which the time stops too."
            )
    return notes


def _say_choice(chosen: dict[str, Any]) -> str:
    drawn = f"They are {HOWS[chosen['how']]}."
    if not chosen["weighed"]:
        return (
            f"The examples are from the training part alone. {drawn} There were no others by which to choose "
            "between sets."
        )
    part = "the validation part" if chosen["part"] == "validation" else "the rest of the training part"
    return (
        f"The examples are from the training part alone: of {count(chosen['sets'], 'set')} of three to five, the one "
        f"with which the base was least surprised by {count(chosen['weighed'], 'wanted answer')} of {part} (loss "
        f"{number(chosen['loss'])} a token, {number(chosen['loss_without'])} without examples). {drawn}"
    )
