"""Asks base and tuned every held-out question, and measures the answers. `score NOTE RUN_FOLDER`"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.compare import proof
from studio.compare.asking import Asking, read_asking
from studio.compare.chosen import weigh_as_kept
from studio.compare.others import weigh_anew
from studio.compare.worth_again import weigh_worth_anew
from studio.data.conversation import Conversation
from studio.data.tokens import label_tokens
from studio.errors import DataError
from studio.runs import Run, base_of, open_run, workspace_of
from studio.store import marks_of, old_marks_of, write_json
from studio.tasks import Progress, Report, run_task, time_left
from studio.train.tokenizing import tokenizer_of
from studio.workers.generate import Answer, Generator, Prompt, Side, end_ids_of
from studio.workers.heldout import held_out, learned_to_think, longest_answer
from studio.workers.known import Known
from studio.workers.likelihood import finite, losses
from studio.workers.load import load_both
from studio.workers.room import Halving, find_context

READING_SHARE = 0.15  # of the work, about: one pass beside one for each token of an answer
SKIPPED = "skipped"  # too long for the model
TOKENS_A_BATCH = 8192  # prompts and answers of both together: larger is faster, and this fits small cards


@dataclass(frozen=True)
class _Scoring:
    """`places`: of the questions that are to be asked, among all that are held out.

    `read`: how likely the wanted answers are, and who was skipped; `said`: the answers. Both as far as they are known.
    """

    run: Run
    held_out: Sequence[Conversation]
    asking: Asking
    read: Known
    said: Known
    report: Report

    @property
    def places(self) -> list[int]:
        drawn = self.asking.draw(len(self.held_out))
        return [place for place in drawn if not self.read.found.get(place, {}).get(SKIPPED)]

    @property
    def unread(self) -> list[int]:
        return self.read.lacks("base_loss", self.places)

    @property
    def unasked(self) -> list[int]:
        return self.said.lacks("base", self.places)

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [
            {"row": each.row, "prompt": each.prompt[-1].content, "wanted": each.wanted}
            | self.read.found[place]
            | self.said.found[place]
            for place, each in ((place, self.held_out[place]) for place in self.places)
        ]


def score(run: Run, report: Report) -> dict[str, Any]:
    """Writes scores.json, see `proof.read_scores`; gives it without the answers.

    Begun and broken off, it goes on; where all is answered, the model is not loaded.

    Raises: DataError without a held-out part.
    """
    asking, marks = read_asking(run), marks_of(run.weights)
    file, data = run.folder / "score.jsonl", run.recipe.data
    read = Known(file, [data, *marks], [data, *old_marks_of(run.weights)])
    said = Known(file, [*read.of, *asking.marks]) if asking.marks else read
    work = _Scoring(run, held_out(run), asking, read, said, report)
    if work.unread or work.unasked:
        _find_out(work)
    report(Progress("Weighing the answers", 1.0))
    of_all = len(work.held_out)
    skipped = len(asking.draw(of_all)) - len(work.places)
    if not work.places:
        raise DataError(
            "Not one held-out question, with the longest answer, is within what this model reads at once.",
            "Bring shorter examples, or train a model that reads more.",
        )
    how = {"of": marks, "skipped": skipped, "asking": asking.as_dict(), "of_all": of_all}
    result = {**weigh_as_kept(run, work.rows), **how}
    write_json(run.folder / proof.SCORES, result)
    weigh_anew(run)
    weigh_worth_anew(run)
    return {name: value for name, value in result.items() if name != "answers"}


def _find_out(work: _Scoring) -> None:
    work.report(Progress("Loading the model", 0.0))
    base = base_of(work.run)
    tokenizer = tokenizer_of(base, work.run.recipe)
    after, before = load_both(base, work.run)
    generator = Generator(after, tokenizer, end_ids_of(base, tokenizer), before)
    _skip_too_long(generator, work)
    reading = READING_SHARE if work.unread else 0.0
    _read_all(generator, work)
    _ask_all(generator, work, reading)


def _skip_too_long(generator: Generator, work: _Scoring) -> None:
    """What a model reads beyond its view it was never trained for, and what it says then is noise, or an error."""
    context, most = find_context(generator.model), longest_answer(work.held_out, generator.tokenizer)
    for place, size in _sizes(generator, work).items():
        if context and size + most > context:
            work.read.add(place, {SKIPPED: True, **dict.fromkeys(("base_loss", "tuned_loss", "base", "tuned"))})


def _sizes(generator: Generator, work: _Scoring) -> dict[int, int]:
    """place -> tokens of its prompt."""
    thinks, tokenizer = learned_to_think(work.held_out), generator.tokenizer
    asked = {place: work.held_out[place] for place in work.places}
    return {place: len(tokenizer.prompt_ids(each.prompt, each.tools, thinks)) for place, each in asked.items()}


def _read_all(generator: Generator, work: _Scoring) -> None:
    """How likely both hold each wanted answer."""
    places, most = work.unread, work.run.recipe.max_length
    labelled = [label_tokens(work.held_out[place], generator.tokenizer, most) for place in places]
    for done, (index, found) in enumerate(losses(generator, labelled)):
        work.read.add(places[index], {f"{side}_loss": finite(loss) for side, loss in found.items()})
        work.report(Progress("Reading the wanted answers", READING_SHARE * done / len(places)))


def _ask_all(generator: Generator, work: _Scoring, reading: float) -> None:
    """Asked by length, so that little is padded. `reading`: the share of all this that is done."""
    most = longest_answer(work.held_out, generator.tokenizer)
    thinks = learned_to_think(work.held_out)
    sizes, room = _sizes(generator, work), Halving(generator)
    order, total = sorted(work.unasked, key=sizes.__getitem__), len(work.places)
    clock, start, part = _Clock(), 0, list[int]()

    def tell(tokens: int) -> None:
        """Within a batch by the longest answer that may come: a batch of long ones takes minutes."""
        if tokens == 0 or clock.has_moved():
            done = total - len(order) + start
            now = start + len(part) * tokens / most
            share = reading + (1 - reading) * (total - len(order) + now) / total
            words = f"Asking both {total} held-out questions: {done} done"
            work.report(Progress(words, share, clock.left_s(now / len(order))))

    def prompt(side: Side, place: int) -> Prompt:
        each = work.held_out[place]
        return Prompt(side, each.prompt, each.tools, thinks, work.asking.seed_of(each.row))

    def ask(places: Sequence[int]) -> list[Answer]:
        prompts = [prompt(side, place) for side in ("base", "tuned") for place in places]
        return generator.answer(prompts, most_tokens=most, sampling=work.asking.sampling, count=tell)

    while start < len(order):
        part = _next_batch(order[start:], {place: most + size for place, size in sizes.items()})
        tell(0)
        for some, answers in room.each(part, ask):
            for place, base, tuned in zip(some, answers[: len(some)], answers[len(some) :], strict=True):
                ended = {"base_finished": base.finished, "tuned_finished": tuned.finished}
                work.said.add(place, {"base": base.text, "tuned": tuned.text, **ended})
        start += len(part)


class _Clock:
    """How long it has gone on, and will."""

    def __init__(self) -> None:
        self.began_s = self.told_s = time.monotonic()

    def has_moved(self) -> bool:
        """A second has gone since this was last so."""
        if time.monotonic() - self.told_s < 1:
            return False
        self.told_s = time.monotonic()
        return True

    def left_s(self, share: float) -> float | None:
        """None as long as it would be a guess."""
        return time_left(time.monotonic() - self.began_s, share)


def _next_batch(order: Sequence[int], sizes: Mapping[int, int]) -> list[int]:
    """As many of the next as fit; all are padded to the longest, the last of them."""
    part = [order[0]]
    for index in order[1:]:
        if 2 * (len(part) + 1) * sizes[index] > TOKENS_A_BATCH:
            break
        part.append(index)
    return part


def main(note: str, folder: str) -> int:
    run = open_run(workspace_of(Path(folder)), Path(folder).name)
    return run_task(Path(note), lambda report: score(run, report))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
