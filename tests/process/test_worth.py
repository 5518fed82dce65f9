"""Three ways to an answer, asked of real models: the same questions, timed apart, and not asked twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from studio.compare import proof
from studio.compare.chosen import keep_choice
from studio.compare.worth_job import ask_worth, job_before, job_of_run, read_worth
from studio.data.conversation import Conversation, Message
from studio.data.datasets import Dataset, open_dataset, save_dataset
from studio.data.formats import convert_rows
from studio.data.read import Row
from studio.data.tokens import label_tokens, load_tokenizer
from studio.data.versions import make_version
from studio.errors import DataError
from studio.runs import Run, workspace_of
from studio.scores.choice import Choice, make_choice
from studio.store import read_rows
from studio.tasks import Progress
from studio.workspace import Workspace


@pytest.fixture(scope="module")
def asked(left_alone: Run) -> dict[str, Any]:
    """worth.json of the run that nobody touched, asked in a process of its own."""
    told = list(ask_worth(left_alone))
    shares = [progress.share for progress in told if progress.share is not None]
    assert shares == sorted(shares)
    found = read_worth(left_alone)
    assert found is not None
    return found


def test_all_three_ways_answer_the_same_test_questions(asked: dict[str, Any], left_alone: Run) -> None:
    dataset = open_dataset(workspace_of(left_alone.folder), left_alone.recipe.data)
    test = dataset.conversations("test")
    assert list(asked["ways"]) == ["base", "prompt", "tuned"]
    assert [row["row"] for row in asked["answers"]] == [each.row for each in test]
    assert [row["wanted"] for row in asked["answers"]] == [each.wanted for each in test]
    assert asked["examples"] == asked["of_all"] == len(test)
    assert set(asked["differences"]) == {"tuned_prompt", "prompt_base", "tuned_base"}
    assert asked["recommendation"].endswith(".")


def test_the_examples_in_the_prompt_are_of_the_train_part(asked: dict[str, Any], left_alone: Run) -> None:
    dataset = open_dataset(workspace_of(left_alone.folder), left_alone.recipe.data)
    train = {each.row for each in dataset.conversations("train")}
    chosen = [each["row"] for each in asked["chosen"]["examples"]]
    assert len(chosen) in (3, 4, 5)
    assert set(chosen) <= train
    assert asked["chosen"]["part"] == "validation"
    assert asked["chosen"]["sets"] > 3


def test_tokens_and_seconds_are_those_of_each_way(asked: dict[str, Any], left_alone: Run, tiny_llama: Path) -> None:
    dataset = open_dataset(workspace_of(left_alone.folder), left_alone.recipe.data)
    tokenizer = load_tokenizer(tiny_llama)
    test = dataset.conversations("test")
    plain = sum(len(tokenizer.prompt_ids(each.prompt)) for each in test) / len(test)
    ways = asked["ways"]
    assert ways["base"]["prompt_tokens"] == ways["tuned"]["prompt_tokens"] == pytest.approx(plain, abs=0.1)
    shown = sum(len(tokenizer.encode(each["question"] + each["answer"])[0]) for each in asked["chosen"]["examples"])
    assert ways["prompt"]["prompt_tokens"] > plain + shown
    for way in ways.values():
        assert 0 < way["reading_s"] < way["seconds"]["value"]
        assert 0 < way["answer_tokens"] <= asked["most_tokens"]


def test_what_was_asked_is_not_asked_again_and_what_was_broken_off_goes_on(
    asked: dict[str, Any], left_alone: Run
) -> None:
    from studio.workers.worth import weigh_run

    job = job_of_run(left_alone)
    lines = job.rows.read_text(encoding="utf-8").splitlines(keepends=True)
    job.rows.write_text("".join([*lines[:-1], lines[-1][:30]]), encoding="utf-8")  # the last batch was torn
    job.result.unlink()
    weigh_run(left_alone, lambda progress: None)
    again = read_worth(left_alone)
    assert again is not None
    assert len(list(read_rows(job.rows))) == len(lines)
    torn = json.loads(lines[-1])["way"]
    for way, known in asked["ways"].items():
        assert (again["ways"][way] == known) is (way != torn), "only the torn batch took another time"
    assert [row["base"] for row in again["answers"]] == [row["base"] for row in asked["answers"]]


def test_by_another_measure_the_same_answers_are_weighed_and_no_model_is_loaded(
    asked: dict[str, Any], left_alone: Run
) -> None:
    job = job_of_run(left_alone)
    before, rows = read_worth(left_alone), job.rows.read_bytes()
    assert before is not None
    list(proof.choose(left_alone, make_choice("length_match")))
    chosen = read_worth(left_alone)
    assert chosen is not None
    assert chosen["main"] == "length_match"
    assert "by the measure that you chose" in chosen["recommendation"]
    assert [chosen[same] for same in ("answers", "time")] == [before[same] for same in ("answers", "time")]
    keep_choice(left_alone, Choice())  # as if it had been kept before worth went by it
    told = [progress.message for progress in ask_worth(left_alone)]
    assert "Loading the model" not in told
    assert read_worth(left_alone) == {**before, "choice": None}
    assert job.rows.read_bytes() == rows


def test_what_is_asked_after_a_measure_was_chosen_is_weighed_by_it_at_once(left_alone: Run) -> None:
    job = job_of_run(left_alone)
    keep_choice(left_alone, make_choice("length_match"))
    try:
        job.result.unlink()
        list(ask_worth(left_alone))
        first = read_worth(left_alone)
        assert first is not None
        assert first["main"] == "length_match"
        list(proof.choose(left_alone, Choice()))
        list(proof.choose(left_alone, make_choice("length_match")))
        assert read_worth(left_alone) == first, "the same choice gives the same figures"
    finally:
        list(proof.choose(left_alone, Choice()))


def ask_before(workspace: Workspace, dataset: Dataset, base: Path) -> tuple[dict[str, Any], list[Progress]]:
    from studio.workers.worth import weigh_base

    told: list[Progress] = []
    weigh_base(workspace, dataset, str(base), told.append)
    found = job_before(workspace, dataset, str(base)).read()
    assert found is not None
    return found, told


def dataset_of(workspace: Workspace, train: int, validation: int, test: int) -> Dataset:
    """Also such as come about by mending alone: reading leaves no part empty."""
    sides = ["train"] * train + ["validation"] * validation + ["test"] * test
    rows = [Row(n, {"prompt": f"Parcel {n * 7919}?", "completion": f"It is at {n * 31}."}) for n in range(len(sides))]
    read = save_dataset(workspace, "parcels", "parcels.jsonl", convert_rows(rows))
    return make_version(workspace, read, lambda placed: (placed[0], sides[placed[0].row]), lambda: ["moved"])


def test_before_training_the_base_answers_alone_and_with_examples(workspace: Workspace, tiny_llama: Path) -> None:
    dataset = dataset_of(workspace, 12, 4, 9)
    found, told = ask_before(workspace, dataset, tiny_llama)
    assert list(found["ways"]) == ["base", "prompt"]
    assert (found["examples"], found["at_once"]) == (9, 2)
    assert found["chosen"]["weighed"] == 4
    assert any("sets weighed" in progress.message for progress in told)
    again, told = ask_before(workspace, dataset, tiny_llama)
    assert again == found
    assert not any("sets weighed" in progress.message for progress in told), "the choice is kept"


def test_without_a_validation_part_the_rest_of_the_train_part_chooses(workspace: Workspace, tiny_llama: Path) -> None:
    found, _ = ask_before(workspace, dataset_of(workspace, 40, 0, 6), tiny_llama)
    assert found["chosen"]["part"] == "train"
    assert found["chosen"]["weighed"] > 0
    assert all(each["row"] < 40 for each in found["chosen"]["examples"])


def test_where_there_are_but_two_examples_both_are_shown(workspace: Workspace, tiny_llama: Path) -> None:
    found, _ = ask_before(workspace, dataset_of(workspace, 2, 0, 6), tiny_llama)
    assert {each["row"] for each in found["chosen"]["examples"]} == {0, 1}
    assert found["chosen"]["weighed"] == 0
    assert "Two examples in the prompt" in found["recommendation"]


def test_what_does_not_fit_into_the_base_is_said_before_anything_is_asked(
    workspace: Workspace, tiny_llama: Path
) -> None:
    rows = [Row(n, {"prompt": f"{'Where is it? ' * 60} {n}", "completion": f"It is at {n * 31}."}) for n in range(30)]
    dataset = save_dataset(workspace, "long", "long.jsonl", convert_rows(rows))
    with pytest.raises(DataError, match="no room for 3 examples"):
        ask_before(workspace, dataset, tiny_llama)


def test_the_loss_of_a_prompt_with_examples_is_that_of_the_last_answer_alone(tiny_llama: Path) -> None:
    from studio.compare.shots import with_shots

    tokenizer = load_tokenizer(tiny_llama)
    shown = Conversation((Message("user", "Parcel 1?"), Message("assistant", "It is at 31.")))
    told = (*with_shots((Message("user", "Parcel 2?"),), [shown]), Message("assistant", "At 62."))
    labelled = label_tokens(Conversation(told), tokenizer, 512)
    learned = [token for token in labelled.labels if token >= 0]
    assert tokenizer.tokenizer.decode(learned) == "At 62."
