"""Where a prompt or a batch does not fit, less is asked at once; what cannot be asked at all is said."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from studio.compare.proof import read_scores
from studio.compare.sampling import GREEDY
from studio.compare.skipped import say_skipped
from studio.compare.voices import Voice, base_and_tuned
from studio.data.conversation import Message
from studio.data.tokens import load_tokenizer
from studio.errors import DataError, ModelError
from studio.runs import Run, open_run, workspace_of
from studio.tasks import Progress
from studio.train.recipe import write_recipe
from studio.workers.heldout import held_out, longest_answer
from studio.workspace import Workspace

Limit = Callable[[int], list[int]]


def say_nothing(progress: Progress) -> None:
    """Nobody looks on."""


@pytest.fixture
def run(left_alone: Run, tmp_path: Path) -> Run:
    """A copy that was not measured."""
    workspace = Workspace.open(tmp_path / "copy")
    source = workspace_of(left_alone.folder)
    shutil.copytree(source.datasets, workspace.datasets, dirs_exist_ok=True)
    kept = shutil.ignore_patterns("score*", "quiz*", "worth*")
    shutil.copytree(left_alone.folder, workspace.runs / left_alone.id, ignore=kept)
    return open_run(workspace, left_alone.id)


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> Limit:
    """The card holds so many rows at once; the list that is given grows by the rows of each pass that fitted."""
    import torch
    from transformers import LlamaForCausalLM

    true = LlamaForCausalLM.forward

    def hold(most: int) -> list[int]:
        seen: list[int] = []

        @wraps(true)
        def forward(self: Any, input_ids: Any = None, **more: Any) -> Any:
            if len(input_ids) > most:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
            seen.append(len(input_ids))
            return true(self, input_ids=input_ids, **more)

        monkeypatch.setattr(LlamaForCausalLM, "forward", forward)
        return seen

    return hold


def score(run: Run) -> dict[str, Any]:
    from studio.workers.score import score as work

    work(run, say_nothing)
    found = read_scores(run)
    assert found
    return found


@pytest.mark.parametrize("most", [2, 1], ids=["one example of both", "base and tuned in turn"])
def test_scoring_goes_on_with_half_where_the_memory_is_short(run: Run, limit: Limit, most: int) -> None:
    whole = score(run)
    for name in ("score.jsonl", "scores.json"):
        (run.folder / name).unlink()
    seen = limit(most)
    found = score(run)
    assert max(seen) == most
    assert [row["row"] for row in found["answers"]] == [row["row"] for row in whole["answers"]]
    for side in ("base_loss", "tuned_loss"):
        before = [row[side] for row in whole["answers"]]
        assert [row[side] for row in found["answers"]] == pytest.approx(before, rel=0.01)


def test_where_a_single_question_does_not_fit_it_is_said_what_to_do(run: Run, limit: Limit) -> None:
    limit(0)
    with pytest.raises(ModelError, match=r"does not hold the model and a single question.*Close what else needs"):
        score(run)


def test_the_quiz_goes_on_with_half_too(run: Run, limit: Limit) -> None:
    from studio.workers.quiz import ask_quiz

    seen = limit(20)
    assert ask_quiz(run, say_nothing)["light"] in ("green", "amber", "red")
    assert 10 < max(seen) <= 20


def test_choosing_examples_for_the_prompt_goes_on_with_half_too(run: Run, limit: Limit) -> None:
    from studio.workers.worth import weigh_run

    seen = limit(3)
    assert weigh_run(run, say_nothing)["word"]
    assert 1 < max(seen) <= 3


def reading(run: Run, most: Callable[[list[int]], int]) -> Run:
    """The same run on the same base, which reads as many tokens at once as `most` says of the sizes of its questions,
    each with the longest answer."""
    workspace = workspace_of(run.folder)
    base = Path(shutil.copytree(run.recipe.base, workspace.root / "narrow"))
    tokenizer, asked = load_tokenizer(base), held_out(run)
    longest = longest_answer(asked, tokenizer)
    sizes = sorted(longest + len(tokenizer.prompt_ids(each.prompt)) for each in asked)
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps({**config, "max_position_embeddings": most(sizes)}))
    (run.folder / "recipe.yaml").unlink()
    write_recipe(run.folder / "recipe.yaml", run.recipe.model_copy(update={"base": str(base)}))
    return open_run(workspace, run.id)


def test_a_question_that_is_longer_than_the_model_reads_is_skipped_and_said(run: Run) -> None:
    narrow = reading(run, lambda sizes: sizes[-1] - 1)
    asked = held_out(narrow)
    found = score(narrow)
    assert found["skipped"] >= 1
    assert found["examples"] == len(found["answers"]) == len(asked) - found["skipped"] > 0
    assert say_skipped(1).startswith("1 more held-out question is left out")
    again = score(narrow)
    assert (again["skipped"], again["answers"]) == (found["skipped"], found["answers"])


def test_a_question_that_just_fits_is_asked(run: Run) -> None:
    assert score(reading(run, lambda sizes: sizes[-1]))["skipped"] == 0


def test_where_all_are_too_long_nothing_is_measured(run: Run) -> None:
    with pytest.raises(DataError, match="Not one held-out question"):
        score(reading(run, lambda sizes: sizes[0] - 1))


def test_a_longer_conversation_than_the_model_reads_is_refused_in_words(run: Run) -> None:
    from studio.workers.voices import Voices

    voices = Voices(workspace_of(run.folder))
    both: tuple[Voice, ...] = base_and_tuned(run)
    for _ in voices.open(both):
        pass
    said = [Message("user", "Where is my parcel? " * 200)]
    with pytest.raises(ModelError, match=r"more than the 512 that this model reads at once\. Clear the conversation"):
        voices.answer_all(both[0], [(said, 0)], 8, GREEDY)
