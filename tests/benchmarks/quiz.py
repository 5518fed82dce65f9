"""What it forgot: the whole quiz of base and tuned, as the button starts it, and again with the base's answers known.

Beside it the plain way, on the base: each option in a pass of its own, each question answered by itself; by it the
answers are checked too. Processor seconds are those of all threads: other programs beside it do not move them much.
`quiz.py [--workspace PATH [--run ID]]`; without a run, one of two steps on the sample is made first.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from compare_speed import make_run
from measure import ROOT, say, show_table, verdict

from studio.data.conversation import Message
from studio.data.tokens import load_tokenizer
from studio.process import worker_command, worker_environment
from studio.quiz.forget import note_of, read_quiz_of
from studio.quiz.marking import is_right, mean_score, said
from studio.quiz.reading import Item, read_quiz
from studio.runs import Run, open_run
from studio.train.models import require_base
from studio.workspace import Workspace

MOST_S = 90.0
Spent = tuple[float, float]  # seconds on the clock, and of the processor


def ask_as_the_button_does(workspace: Workspace, run: Run) -> Spent:
    (run.folder / "quiz.json").unlink(missing_ok=True)
    before, began_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(
        worker_command("quiz", note_of(run), run.folder),
        cwd=ROOT, env=worker_environment(workspace, "quiz"), capture_output=True, check=True,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert read_quiz_of(run)
    return time.monotonic() - began_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def spent(work: Callable[[], Any]) -> tuple[Spent, Any]:
    began_s, before_s = time.monotonic(), time.process_time()
    done = work()
    return (time.monotonic() - began_s, time.process_time() - before_s), done


def read_plainly(model: Any, tokenizer: Any, item: Item) -> list[float | None]:
    """Mean log-probability of each option, each read alone and whole."""
    import torch

    from studio.workers.quiz import options_of

    found = []
    for option in options_of(item, tokenizer):
        with torch.no_grad():
            known = model(input_ids=torch.tensor([option.ids], device=model.device)).logits[0].float().log_softmax(-1)
        places = range(option.begin, len(option.ids))
        found.append(mean_score([float(known[place - 1, option.ids[place]]) for place in places]))
    return found


def compare_with_plain(workspace: Workspace, run: Run) -> tuple[Spent, Spent, int, float]:
    """Of the base: spent, spent plainly, items that are marked otherwise, largest difference of an option's mean."""
    os.environ.update(worker_environment(workspace, "quiz"))  # read when torch is imported
    from studio.workers.generate import Generator, Prompt, end_ids_of
    from studio.workers.load import load_tuned, wants_four_bit
    from studio.workers.quiz import MOST_TOKENS, _ask

    base, quiz = require_base(workspace, run.recipe.base), read_quiz()
    tokenizer = load_tokenizer(base)
    tuned = load_tuned(base, run, wants_four_bit(run.recipe))
    generator = Generator(tuned, tokenizer, end_ids_of(base, tokenizer))

    def write_plainly(text: str) -> str:
        return generator.answer([Prompt("base", (Message("user", text),))], most_tokens=MOST_TOKENS)[0].text

    def ask_plainly() -> list[dict[str, Any]]:
        with generator.speaking_as("base") as model:
            scores = [read_plainly(model, tokenizer, item) for item in quiz.items if item.options]
        each = iter(scores)
        found = [{"scores": next(each)} if item.options else {"text": write_plainly(item.ask)} for item in quiz.items]
        for prompt in quiz.off_topic:
            write_plainly(prompt)
        return found

    ours_s, ours = spent(lambda: _ask(generator, "base", quiz, lambda share: None)["items"])
    say("Asking the plain way")
    plain_s, plain = spent(ask_plainly)
    rows = list(zip(quiz.items, ours, plain, strict=True))
    otherwise = sum(is_right(item, one) != is_right(item, other) for item, one, other in rows)
    apart = [
        abs(score - beside)
        for item, one, other in rows
        if item.options and said(item, one)
        for score, beside in zip(one["scores"], other["scores"], strict=True)
    ]
    return ours_s, plain_s, otherwise, max(apart)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--workspace", help="one with the starter, or with a run")
    parser.add_argument("--run", help="a run with an adapter")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.open(given.workspace or folder)
        run = open_run(workspace, given.run) if given.run else make_run(workspace)
        for known in (workspace.root / "quiz").glob("*.json"):
            known.unlink()
        say("Asking both")
        first = ask_as_the_button_does(workspace, run)
        say("Asking again")
        again = ask_as_the_button_does(workspace, run)
        ours, plain, otherwise, apart = compare_with_plain(workspace, run)
    items, words = len(read_quiz().items), f"an option at most {apart:.3f} nats"

    def row(name: str, seconds: Spent, words: str = "") -> list[str]:
        return [name, f"{seconds[0]:.0f} s", f"{seconds[1]:.0f} s", words]

    show_table(
        f"The quiz of {items} items and {len(read_quiz().off_topic)} off-topic prompts",
        ["what", "took", "processor", ""],
        [
            row("**base and tuned, from the press to the light**", first, f"at most {MOST_S:.0f} s: "
                + verdict(first[0] <= MOST_S)),
            row("tuned, the base's answers known", again),
            row("the base's questions alone", ours),
            row("the same, each option in a pass of its own", plain),
            ["**ratio to the plain way**", f"{ours[0] / plain[0]:.2f}", f"{ours[1] / plain[1]:.2f}", ""],
            ["marked otherwise than the plain way", f"{otherwise} of {items}", "", words],
        ],
    )  # fmt: skip


if __name__ == "__main__":
    main()
