"""Scoring a run in its own process: what it finds is what a plain forward pass finds, and it goes on where it was."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest

from studio.compare.asking import asked_as, make_asking
from studio.compare.chosen import keep_choice
from studio.compare.proof import note_of, read_scores, score_run
from studio.data.datasets import open_dataset
from studio.data.tokens import load_tokenizer
from studio.errors import DamagedError
from studio.runs import Run, workspace_of
from studio.scores.choice import Choice, make_choice
from studio.store import marks_of, old_marks_of, read_rows
from studio.train.models import require_base
from tests.process.small import plain_loss


@pytest.fixture(scope="module")
def scored(left_alone: Run) -> Run:
    for _ in score_run(left_alone):
        pass
    return left_alone


def test_losses_are_those_of_one_example_at_a_time(scored: Run, tiny_llama: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    dataset = open_dataset(workspace_of(scored.folder), scored.recipe.data)
    tokenizer = load_tokenizer(tiny_llama)
    base = AutoModelForCausalLM.from_pretrained(tiny_llama, dtype=torch.bfloat16).eval()
    wanted = {"base": [], "tuned": []}  # type: dict[str, list[float]]
    for conversation in dataset.conversations("test"):
        wanted["base"].append(plain_loss(base, conversation, tokenizer, scored.recipe.max_length))
    tuned = PeftModel.from_pretrained(base, scored.adapter).eval()
    for conversation in dataset.conversations("test"):
        wanted["tuned"].append(plain_loss(tuned, conversation, tokenizer, scored.recipe.max_length))
    found = read_scores(scored)
    assert found is not None
    for side, losses in wanted.items():
        assert [row[f"{side}_loss"] for row in found["answers"]] == pytest.approx(losses, rel=0.01)
    assert math.fsum(wanted["tuned"]) < math.fsum(wanted["base"])


def test_scoring_that_was_broken_off_goes_on_where_it_was(scored: Run) -> None:
    before = read_scores(scored)
    kept = scored.folder / "score.jsonl"
    lines = kept.read_text(encoding="utf-8").splitlines(keepends=True)
    first = json.loads(lines[0])
    first["found"]["base_loss"] = 7.5  # known from there alone
    kept.write_text("".join([json.dumps(first) + "\n", *lines[1:-2], lines[-2][:20]]), encoding="utf-8")
    note_of(scored).unlink()
    for _ in score_run(scored):
        pass
    after = read_scores(scored)
    assert before is not None
    assert after is not None
    assert after["answers"][first["place"]]["base_loss"] == 7.5
    assert [row["tuned"] for row in after["answers"]] == [row["tuned"] for row in before["answers"]]
    assert len(kept.read_text(encoding="utf-8").splitlines()) == len(lines) + 1, "two rows anew, and the torn one"


def test_where_all_is_answered_the_model_is_not_loaded_and_what_was_chosen_decides(scored: Run) -> None:
    before = read_scores(scored)
    assert before is not None
    base = require_base(workspace_of(scored.folder), scored.recipe.base)
    away = base.rename(base.with_name("away"))
    keep_choice(scored, make_choice("length_match"))
    try:
        for _ in score_run(scored):
            pass
    finally:
        away.rename(base)
        keep_choice(scored, Choice())
    after = read_scores(scored)
    assert after is not None
    assert (after["main"], after["suited"]) == ("length_match", before["main"])
    assert after["answers"] == before["answers"]
    assert after["measures"]["loss"] == before["measures"]["loss"]


def test_a_run_that_was_touched_copied_or_restored_is_not_asked_anew(scored: Run) -> None:
    """Nor one that an older version asked, whose rows name the time of the weights."""
    base = require_base(workspace_of(scored.folder), scored.recipe.base)
    kept = scored.folder / "score.jsonl"
    rows = list(read_rows(kept))
    for weights in scored.weights:
        os.utime(weights, (1_700_000_000, 1_700_000_000))
    data = scored.recipe.data
    for of in ([data, *marks_of(scored.weights)], [data, *old_marks_of(scored.weights)]):
        kept.write_text("".join(json.dumps({**row, "of": of}) + "\n" for row in rows), encoding="utf-8")
        away = base.rename(base.with_name("away"))
        try:
            for _ in score_run(scored):
                pass
        finally:
            away.rename(base)


def test_with_dice_the_same_seed_gives_the_same_figures_and_back_without_them_nobody_is_asked_again(
    scored: Run,
) -> None:
    usual = read_scores(scored)
    assert usual is not None
    how = make_asking(questions=2, temperature=1.5, seed=5)
    for _ in score_run(scored, how):
        pass
    drawn = read_scores(scored)
    assert drawn is not None
    assert (drawn["examples"], drawn["of_all"], asked_as(drawn)) == (2, usual["examples"], how)
    assert {row["row"] for row in drawn["answers"]} < {row["row"] for row in usual["answers"]}
    greedy = {row["row"]: row for row in usual["answers"]}
    for row in drawn["answers"]:
        assert row["tuned"] != greedy[row["row"]]["tuned"]
        assert row["tuned_loss"] == greedy[row["row"]]["tuned_loss"], "what was read needs no dice"
    lines = (scored.folder / "score.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if how.marks[0] not in line]
    (scored.folder / "score.jsonl").write_text("".join(kept), encoding="utf-8")
    for _ in score_run(scored):
        pass
    assert len(kept) == len(lines) - 2, "they are asked anew"
    assert read_scores(scored) == drawn, "as they were asked last, and with the same luck"
    away = (base := require_base(workspace_of(scored.folder), scored.recipe.base)).rename(base.with_name("away"))
    try:
        for _ in score_run(scored, make_asking()):
            pass
    finally:
        away.rename(base)
    assert read_scores(scored) == usual


def test_damaged_scores_are_made_anew_of_what_was_answered(scored: Run) -> None:
    for _ in score_run(scored):
        pass
    before = read_scores(scored)
    path = scored.folder / "scores.json"
    path.write_text(path.read_text(encoding="utf-8")[:300], encoding="utf-8")
    with pytest.raises(DamagedError, match=r"scores\.json .* is damaged.* Measure both again"):
        read_scores(scored)
    for _ in score_run(scored):
        pass
    assert read_scores(scored) == before
