"""Suggestions follow from the size and the kind of the data, each with a sentence that says why."""

from __future__ import annotations

import pytest

from studio.data.audit.run import Audit
from studio.data.conversation import Conversation
from studio.data.datasets import open_dataset, save_dataset
from studio.data.formats import convert_rows
from studio.data.rows import Row
from studio.data.tokens import label_tokens, load_tokenizer
from studio.train.presets import SMALL_MODEL_FACTOR
from studio.train.recipe import SETTINGS, bounds, count_steps, make_recipe
from studio.train.suggest import Profile, profile_of, suggest

SIZES = [1, 12, 49, 50, 199, 200, 999, 1_000, 2_999, 3_000, 10_000, 10_001, 60_000, 1_000_000]


def values(profile, *more):
    return {suggestion.field: suggestion.value for suggestion in suggest(profile, *more)}


def audit_of(lengths, learned=0):
    return Audit([], sum(n for _, n in lengths), 0, 0, learned, 0, 0, [list(pair) for pair in lengths])


@pytest.mark.parametrize("examples", SIZES)
@pytest.mark.parametrize("is_passages", [False, True])
@pytest.mark.parametrize("parameters", [None, 135_000_000, 8_000_000_000])
def test_what_is_suggested_is_a_recipe_and_each_value_has_its_reason(examples, is_passages, parameters):
    found = suggest(Profile(examples, is_passages, 300, 40.0), parameters, 8192)
    recipe = make_recipe(data="shop", **{suggestion.field: suggestion.value for suggestion in found})
    assert all(getattr(recipe, suggestion.field) == suggestion.value for suggestion in found)
    assert all(suggestion.why.endswith(".") for suggestion in found)
    fields = [suggestion.field for suggestion in found]
    assert fields == sorted(fields, key=list(SETTINGS).index)
    assert {"epochs", "learning_rate", "lora_rank", "lora_alpha", "max_length", "batch_size"} <= set(fields)
    assert recipe.lora_alpha == 2 * recipe.lora_rank


@pytest.mark.parametrize(
    ("examples", "least", "most"),
    [(199, 5, 100), (1_000, 2, 4), (5_000, 2, 4), (10_000, 2, 4), (10_001, 1, 2), (1_000_000, 1, 2)],
)
def test_more_examples_are_seen_less_often(examples, least, most):
    assert least <= values(Profile(examples))["epochs"] <= most


def test_passes_never_rise_with_the_examples():
    epochs = [values(Profile(examples))["epochs"] for examples in SIZES]
    assert epochs == sorted(epochs, reverse=True)


def test_few_examples_are_learned_gently_by_a_small_adapter():
    few, usual = values(Profile(199)), values(Profile(200))
    assert few["learning_rate"] == 5e-5 < usual["learning_rate"]
    assert few["lora_rank"] < usual["lora_rank"]


def test_a_small_base_gets_a_larger_rate_and_is_told_why():
    small, usual = values(Profile(500), 135_000_000), values(Profile(500), 3_000_000_000)
    assert small["learning_rate"] == pytest.approx(SMALL_MODEL_FACTOR * usual["learning_rate"])
    why = next(s.why for s in suggest(Profile(500), 135_000_000) if s.field == "learning_rate")
    assert "under 500 million" in why


def test_short_answers_need_a_small_adapter():
    assert (
        values(Profile(5_000, learned_tokens=4))["lora_rank"] < values(Profile(5_000, learned_tokens=400))["lora_rank"]
    )


def test_text_is_learned_as_text_by_a_larger_adapter_in_few_passes():
    text = values(Profile(500, is_passages=True))
    assert text["task"] == "text"
    assert text["lora_rank"] > values(Profile(500))["lora_rank"]
    assert text["epochs"] <= 3
    assert "task" not in values(Profile(500))


@pytest.mark.parametrize(("p99", "length"), [(1, 64), (64, 64), (65, 128), (412, 448), (500_000, 131_072)])
def test_the_length_is_the_99th_percentile_rounded_up_to_64(p99, length):
    assert values(Profile(500, length_p99=p99))["max_length"] == length
    assert length <= bounds("max_length")[1]


def test_the_length_stays_within_what_the_base_reads():
    found = next(s for s in suggest(Profile(500, length_p99=5_000), None, 4_096) if s.field == "max_length")
    assert found.value == 4_096
    assert "are cut" in found.why
    assert values(Profile(500, length_p99=4_090), None, 4_096)["max_length"] == 4_096


@pytest.mark.parametrize("examples", [20, 40, 100, 500])
def test_the_batch_leaves_steps_to_learn_in(examples):
    found = values(Profile(examples))
    recipe = make_recipe(data="shop", **found)
    larger = recipe.model_copy(update={"batch_size": 2 * recipe.batch_size})
    assert count_steps(recipe, examples) >= 60
    assert recipe.batch_size == 8 or count_steps(larger, examples) < 60


def test_without_examples_nothing_is_suggested():
    assert suggest(Profile(0)) == []


def test_without_an_audit_the_length_is_left_alone(workspace, data):
    profile = profile_of(open_dataset(workspace, data), None)
    assert profile == Profile(examples=open_dataset(workspace, data).counts["train"])
    assert "max_length" not in values(profile)


def test_the_profile_is_read_from_the_audit(workspace, data):
    dataset = open_dataset(workspace, data)
    profile = profile_of(dataset, audit_of([(8, 50), (16, 48), (800, 1), (8_000, 1)], learned=500))
    assert profile.length_p99 == 800
    assert profile.learned_tokens == 5.0
    assert profile_of(dataset, audit_of([(8, 1)])).length_p99 == 8


def test_a_profile_of_passages_says_so(workspace):
    rows = [Row(n, {"text": f"Passage {n} says this and that."}) for n in range(10)]
    assert profile_of(save_dataset(workspace, "book", "book.txt", convert_rows(rows)), None).is_passages


def test_the_audits_lengths_are_those_that_the_trainer_would_cut_at(workspace, make_tokenizer):
    """A length that 99 of 100 do not exceed leaves at most one of 100 examples cut."""
    from studio.data.audit.run import audit

    folder = make_tokenizer("ChatML")
    rows = [Row(n, {"question": "Why?", "answer": "word " * (n % 37 + 1)}) for n in range(200)]
    dataset = save_dataset(workspace, "words", "words.jsonl", convert_rows(rows))
    found = audit(dataset.placed(), 200, [], folder, 2048, lambda progress: None)
    length = values(profile_of(dataset, found))["max_length"]
    tokenizer = load_tokenizer(folder)
    conversations: list[Conversation] = dataset.conversations()
    assert sum(label_tokens(c, tokenizer, length).cut_tokens > 0 for c in conversations) <= 2
    assert length % 64 == 0
