"""Memory that runs out in the middle of a run: the batch shrinks, what a step learns stays, and the run says so."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from studio.queue import resume_run, start_run
from studio.runs import Run
from studio.store import read_rows, write_json
from studio.train.recipe import Recipe
from studio.workspace import Workspace
from tests.process.small import at_step, losses, start_rigged, told, wait_for_end

# Gentle, so that what differs is what adding up in another order does, and no more.
GENTLE = {"learning_rate": 1e-3, "lora_alpha": 32, "batch_size": 4, "gradient_accumulation": 2, "max_steps": 8}
ROUNDING = 2e-3  # of a loss: the weights are of 16 bits on a processor

ALLOCATOR = "torch.empty(1 << 60, dtype=torch.uint8)"  # refused for true, by torch's own allocator
CARD = "raise torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2.00 GiB.')"


def shortage(after_step: int, room: int, act: str = ALLOCATOR) -> str:
    """Code: from a step on only so many examples fit, which shows at the second batch of a step."""
    return (
        "import torch\n"
        "from studio.workers.trainer import StudioTrainer\n"
        "true, seen = StudioTrainer.training_step, []\n"
        "def training_step(self, model, inputs, *more):\n"
        "    step = self.state.global_step\n"
        "    seen.append(step)\n"
        f"    if step >= {after_step} and len(inputs['input_ids']) > {room} and seen.count(step) > 1:\n"
        f"        {act}\n"
        "    return true(self, model, inputs, *more)\n"
        "StudioTrainer.training_step = training_step\n"
    )


def test_half_the_batch_and_twice_the_batches_a_step_learn_the_same(
    place: Workspace, recipe_of: Callable[..., Recipe]
) -> None:
    """Without dropout, whose draws are of a batch's shape, the losses differ from the larger batch's by rounding."""
    recipe = recipe_of(**GENTLE, lora_dropout=0.0)
    whole = wait_for_end(place, start_run(place, recipe).id)
    run = wait_for_end(place, start_rigged(place, recipe, shortage(4, 2)).id)
    assert run.state == "done", f"{run.status}\n{run.log.read_text()[-3000:]}"
    assert run.status["lowered"] == {"batch_size": 2, "gradient_accumulation": 4}
    words = "The memory was not enough at step 4: the batch went from 4 to 2, with 4 batches a step."
    assert words in told(run)
    assert next(row for row in read_rows(run.metrics) if row.get("mark") == "lowered")["words"].startswith(words)
    before, after = losses(whole), losses(run)
    assert [after[step] for step in range(1, 5)] == [before[step] for step in range(1, 5)]
    assert after == pytest.approx(before, rel=ROUNDING)
    assert run.recipe.batch_size == 4, "what was asked for stands as it was"


@pytest.mark.parametrize("after_step", [4, 6], ids=["within an epoch", "at an epoch's beginning"])
def test_from_there_on_it_is_the_run_that_had_the_lower_batch(
    place: Workspace, recipe_of: Callable[..., Recipe], after_step: int
) -> None:
    """To the last bit, dropout too: as if the run had been paused there and had gone on with the lower batch."""
    recipe = recipe_of(**GENTLE)
    run = wait_for_end(place, start_rigged(place, recipe, shortage(after_step, 2)).id)
    assert run.state == "done", run.status
    paused = pause_after(place, recipe, after_step)
    write_json(paused.folder / "state.json", {**paused.status, "lowered": run.status["lowered"]})
    resume_run(place, paused.id)
    paused = wait_for_end(place, paused.id)
    assert losses(run) == losses(paused)


def pause_after(place: Workspace, recipe: Recipe, step: int) -> Run:
    run = start_rigged(place, recipe, at_step(step, "self.run.stop_file.write_text('pause')"))
    run = wait_for_end(place, run.id)
    assert (run.state, run.status["step"]) == ("paused", step)
    (run.folder / "rigged.py").unlink()
    return run


def test_as_many_examples_make_a_step_as_before_whatever_the_batch_and_however_often_it_shrinks(
    place: Workspace, recipe_of: Callable[..., Recipe]
) -> None:
    """15 examples do not halve; a third of them fits, and later a fifth of that. As a card says it."""
    recipe = recipe_of(**{**GENTLE, "batch_size": 15, "gradient_accumulation": 1, "max_steps": 4})
    code = shortage(1, 7, CARD).replace("seen.count(step) > 1", "True") + shortage(2, 1, CARD).replace("true", "truly")
    run = wait_for_end(place, start_rigged(place, recipe, code).id)
    assert run.state == "done", f"{run.status}\n{run.log.read_text()[-3000:]}"
    marks = [row for row in read_rows(run.metrics) if row.get("mark") == "lowered"]
    assert ["from 15 to 5" in marks[0]["words"], "from 5 to 1" in marks[1]["words"]] == [True, True]
    assert run.status["lowered"] == {"batch_size": 1, "gradient_accumulation": 15}


def test_with_no_room_for_a_single_example_it_says_so_and_offers_remedies(
    place: Workspace, recipe_of: Callable[..., Recipe]
) -> None:
    recipe = recipe_of(**{**GENTLE, "batch_size": 2})
    # Beside the libraries this model is nothing; without them, a smaller batch helps by the estimate too.
    estimate = "from studio.train import memory, outlook\nmemory.LIBRARIES_BYTES, outlook.REFUSED_SHARE = 0, 0.996\n"
    run = wait_for_end(place, start_rigged(place, recipe, estimate + shortage(3, 0)).id)
    assert run.state == "failed"
    assert run.status["error"]["what"] == "The memory was not enough at step 3, for a single example."
    assert "the batch went from 2 to 1" in told(run)
    assert "for a single example" in told(run)
    assert all(remedy["title"] and remedy["changes"] for remedy in run.status["remedies"])
    assert run.status["remedies"]
    (run.folder / "rigged.py").unlink()
    resume_run(place, run.id)
    run = wait_for_end(place, run.id)
    assert run.state == "done", "with more memory it goes on, and nothing was lost"
    assert run.status["remedies"] == []
    assert sorted(losses(run)) == list(range(1, 9))
