"""Settings that contradict each other, or that the machine, the base or the data cannot do, are told at the field."""

from __future__ import annotations

import dataclasses
import importlib.util

import pytest

from studio.data.datasets import open_dataset, save_dataset
from studio.data.formats import convert_rows
from studio.data.rows import Row
from studio.errors import SettingError
from studio.hardware import Card, Machine
from studio.train.facts import LOG_PACKAGES, Facts, find_missing_for_logs, read_facts, require_log, require_optimizer
from studio.train.presets import PRESETS, preset_settings
from studio.train.recipe import SETTINGS, bounds, make_recipe
from studio.train.rules import complaints, judge_form
from studio.train.shape import ModelShape

PROCESSOR = Machine((), "a processor", 2, 16_000_000_000, 8_000_000_000, bf16=True)
CARD = dataclasses.replace(PROCESSOR, cards=(Card("RTX 4070", 12_000_000_000, 11_000_000_000, bf16=True),))
OLD_CARD = dataclasses.replace(PROCESSOR, cards=(Card("T4", 15_000_000_000, 15_000_000_000, bf16=False),))
LINEARS = {"q_proj": (2048, 2048, 16), "k_proj": (2048, 512, 16), "v_proj": (2048, 512, 16), "o_proj": (2048, 2048, 16)}
USUAL = ModelShape(1_236_000_000, 2048, 16, 8192, 32, 8, 64, 128_256, True, 131_072, linears=LINEARS)
SMALL = dataclasses.replace(
    USUAL, parameters=134_500_000, hidden_size=576, context_tokens=8192, linears={"k_proj": (576, 192, 30)}
)
APART = dataclasses.replace(USUAL, tied=False)
MIXTURE = dataclasses.replace(
    USUAL, experts=8, active_experts=2, linears=LINEARS | {"experts.down_proj": (768, 2048, 128)}
)
FUSED = dataclasses.replace(USUAL, linears={"qkv_proj": (3072, 9216, 32), "o_proj": (3072, 3072, 32)})


def facts(machine=PROCESSOR, shape=USUAL, examples=1000, heldout=100, **more):
    return Facts(machine, shape, examples, heldout, **more)


def said(known=None, **settings):
    """{field: sentence} of what speaks against these settings."""
    return {c.field: c.sentence for c in complaints(make_recipe(data="shop", **settings), known or facts())}


def refused(known=None, **settings):
    return {c.field for c in complaints(make_recipe(data="shop", **settings), known or facts()) if c.refuses}


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("machine", [PROCESSOR, CARD])
@pytest.mark.parametrize(
    ("base", "shape"), [("starter", SMALL), ("owner/model", USUAL), ("owner/model", MIXTURE), ("owner/model", None)]
)
def test_nothing_speaks_against_a_preset(preset, machine, base, shape):
    assert said(facts(machine, shape), **preset_settings(preset, base)) == {}


@pytest.mark.parametrize(
    ("known", "settings", "field", "words"),
    [
        # the machine
        (facts(), {"method": "qlora"}, "method", "takes longer"),
        (facts(), {"packing": True}, "packing", "stays off"),
        (facts(), {"optimizer": "adamw_8bit"}, "optimizer", "adamw_torch"),
        (facts(), {"optimizer": "paged_adamw_32bit"}, "optimizer", "adamw_torch"),
        (facts(), {"optimizer": "lion_8bit"}, "optimizer", "adamw_torch"),
        (facts(), {"gradient_checkpointing": "unsloth"}, "gradient_checkpointing", "same as on"),
        (facts(OLD_CARD), {"max_grad_norm": 5.0}, "max_grad_norm", "float16"),
        (facts(OLD_CARD), {"method": "full", "learning_rate": 1e-5}, "method", "bfloat16"),
        (facts(), {"offload_layers": 8}, "offload_layers", "in the computer's memory anyway"),
        (facts(CARD), {"offload_layers": 8}, "offload_layers", "8 of "),
        (facts(CARD), {"method": "full", "learning_rate": 1e-5, "offload_layers": 8}, "offload_layers", "every layer"),
        # the method
        (facts(), {"method": "full", "learning_rate": 1e-5}, "lora_rank", "no adapter"),
        (facts(), {"method": "full", "learning_rate": 1e-5, "use_dora": True}, "use_dora", "no adapter"),
        (facts(), {"method": "full", "learning_rate": 1e-5, "lora_alpha": 64}, "lora_alpha", "no adapter"),
        (facts(), {"method": "full"}, "learning_rate", "more than 0.00005"),
        (facts(shape=SMALL), {"method": "full", "learning_rate": 1e-3}, "learning_rate", "more than 0.00025"),
        # rates
        (facts(), {"learning_rate": 2e-3}, "learning_rate", "Above 0.001"),
        (facts(), {"learning_rate": 1e-7}, "learning_rate", "hardly change"),
        (facts(CARD), {"optimizer": "lion_8bit"}, "learning_rate", "at most 0.0001"),
        (facts(), {"optimizer": "sgd"}, "optimizer", "below a rate of 0.01"),
        (facts(), {"scheduler": "cosine_with_restarts", "max_steps": 20}, "scheduler", "20 steps: too few"),
        # the adapter
        (facts(), {"lora_rank": 64, "lora_alpha": 128, "use_rslora": True}, "lora_alpha", "Take 16"),
        (facts(), {"lora_rank": 128}, "lora_alpha", "256 is usual"),
        (facts(), {"lora_rank": 4}, "lora_alpha", "8 is usual"),
        (facts(), {"use_dora": True}, "use_dora", "whole weights"),
        (facts(CARD), {"use_dora": True}, "use_dora", "4-bit weights at every step, and Unsloth's fast kernels"),
        (facts(shape=SMALL), {"lora_rank": 256, "lora_alpha": 512}, "lora_rank", "k_proj"),
        # layers
        (facts(), {"target_modules": "q_proj,lm_head"}, "target_modules", "'Learned whole'"),
        (facts(), {"target_modules": "q_proj,w1"}, "target_modules", "no w1. It has k_proj, o_proj, q_proj and v_proj"),
        (facts(), {"modules_to_save": "lm_head"}, "modules_to_save", "263 million more weights learn. This model"),
        (facts(shape=APART), {"modules_to_save": "embed_tokens,lm_head"}, "modules_to_save", "525 million"),
        # data
        (facts(is_passages=True), {}, "task", "passages"),
        (facts(), {"task": "text"}, "task", "questions and answers"),
        (facts(), {"task": "text"}, "answers_only", "no answers"),
        (facts(is_passages=True), {"task": "text"}, "answers_only", "no answers"),
        (facts(), {"task": "text", "neftune_noise_alpha": 5}, "neftune_noise_alpha", "only noise"),
        (facts(), {"neftune_noise_alpha": 30}, "neftune_noise_alpha", "15"),
        (facts(CARD), {"neftune_noise_alpha": 5, "packing": True}, "neftune_noise_alpha", "long rows"),
        (facts(shape=SMALL), {"max_length": 16_384}, "max_length", "8,192 tokens"),
        # steps
        (facts(examples=5), {}, "batch_size", "5 examples"),
        (facts(examples=100), {"gradient_accumulation": 32}, "gradient_accumulation", "all 100 examples"),
        (facts(), {"max_steps": 75}, "epochs", "after 0.6 epochs"),
        (facts(), {"max_steps": 1000}, "max_steps", "after 375 steps"),
        (facts(), {"max_steps": 5}, "max_steps", "5 steps"),
        (facts(examples=16), {}, "epochs", "6 steps"),
        (facts(), {"scheduler": "constant", "warmup_share": 0.1}, "warmup_share", "constant_with_warmup"),
        (facts(), {"save_steps": 1000}, "save_steps", "375 steps"),
        # looks
        (facts(heldout=0), {}, "keep_best", "the last step is kept"),
        (facts(heldout=0), {"eval_steps": 10}, "eval_steps", "no held-out"),
        (facts(heldout=0), {"early_stopping_patience": 3}, "early_stopping_patience", "goes to its end"),
        (facts(), {"eval_steps": 1000}, "eval_steps", "never looks"),
        (facts(), {"early_stopping_patience": 10}, "early_stopping_patience", "never have waited 10 times"),
        (facts(heldout=5), {"early_stopping_patience": 2}, "early_stopping_patience", "5 held-out"),
        (facts(), {"early_stopping_threshold": 0.1}, "early_stopping_threshold", "'Stop early after'"),
    ],
)
def test_what_speaks_against_a_setting_is_said_at_it(known, settings, field, words):
    assert words in said(known, **settings)[field]
    assert refused(known, **settings) == set()


@pytest.mark.parametrize(
    ("known", "settings"),
    [
        (facts(CARD), {"method": "qlora", "packing": True, "optimizer": "paged_adamw_32bit"}),
        (facts(CARD), {"gradient_checkpointing": "unsloth", "optimizer": "adamw_8bit"}),
        (facts(OLD_CARD), {}),
        (facts(), {"method": "lora"}),
        (facts(shape=SMALL), {"learning_rate": 2e-3}),
        (facts(CARD), {"optimizer": "lion_8bit", "learning_rate": 5e-5}),
        (facts(), {"optimizer": "sgd", "learning_rate": 0.05}),
        (facts(), {"lora_rank": 64, "lora_alpha": 16, "use_rslora": True}),
        (facts(CARD), {"use_loftq": True, "lora_alpha": 64, "scheduler": "cosine_with_restarts"}),
        (facts(), {"scheduler": "polynomial", "learning_rate": 1e-6}),
        (facts(), {"target_modules": "attention"}),
        (facts(shape=FUSED), {"target_modules": "attention"}),
        (facts(shape=None), {"target_modules": "w1", "modules_to_save": "lm_head", "max_length": 131_072}),
        (facts(is_passages=True), {"task": "text", "answers_only": False}),
        (facts(), {"neftune_noise_alpha": 5}),
        (facts(), {"scheduler": "constant"}),
        (facts(), {"max_steps": 375}),
        (facts(examples=0, heldout=0), {"early_stopping_patience": 3}),
        (facts(heldout=0), {"keep_best": False}),
        (facts(), {"early_stopping_patience": 3, "early_stopping_threshold": 0.01}),
    ],
)  # fmt: skip
def test_what_goes_together_is_left_alone(known, settings):
    assert said(known, **settings) == {}


@pytest.mark.parametrize(
    ("known", "settings", "field"),
    [
        (facts(), {"use_loftq": True}, "use_loftq"),
        (facts(CARD), {"use_loftq": True, "method": "lora"}, "use_loftq"),
        (facts(), {"target_modules": "w1,w2"}, "target_modules"),
        (facts(shape=SMALL), {"target_modules": "q_proj"}, "target_modules"),
        (facts(cannot_log={"wandb": "It lacks an account."}), {"log_to": "wandb"}, "log_to"),
        (facts(), {"optimizer": "galore_adamw"}, "optimizer"),
        (
            facts(cannot_step={"galore_adamw": "So it is added."}),
            {"optimizer": "galore_adamw", "method": "full", "learning_rate": 1e-5},
            "optimizer",
        ),
        (facts(shape=MIXTURE), {"lora_dropout": 0.1}, "lora_dropout"),
        (facts(shape=MIXTURE), {"use_dora": True}, "use_dora"),
    ],
)
def test_a_run_that_would_fail_is_refused(known, settings, field):
    assert refused(known, **settings) == {field}


@pytest.mark.parametrize(
    ("max_length", "words"), [(100, None), (99, "About 1 % of the examples"), (50, "About 10 %"), (32, "All examples")]
)
def test_what_is_cut_off_is_said_before_it_is(max_length, words):
    known = facts(lengths=[40] * 90 + [60] * 9 + [100])
    found = [each.sentence for each in complaints(make_recipe(data="x", max_length=max_length), known)]
    longer = [sentence for sentence in found if "are longer" in sentence]
    assert bool(longer) == (words is not None)
    if words:
        assert longer[0].startswith(words)


def test_every_complaint_is_a_sentence_at_a_field_of_the_form():
    bad = {"method": "full", "use_dora": True, "packing": True, "optimizer": "sgd", "lora_alpha": 1, "save_steps": 9999}
    found = complaints(make_recipe(data="shop", max_length=131_072, **bad), facts(shape=SMALL, heldout=0))
    assert len(found) > 6
    fields = [complaint.field for complaint in found]
    assert fields == sorted(fields, key=list(SETTINGS).index)
    assert all(complaint.sentence.endswith(".") for complaint in found)


@pytest.mark.parametrize("name", [name for name in SETTINGS if bounds(name) != (None, None)])
def test_a_value_out_of_its_bounds_is_said_at_its_field(name):
    least, most = bounds(name)
    for value in (least - 1, most + 1, None, "much"):
        found = [c for c in judge_form({name: value}, facts()) if c.field == name]
        assert [c.refuses for c in found] == [True]
        assert found[0].sentence.startswith("Must be a")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("lora_rank", 300, "Must be a whole number from 1 to 256."),
        ("learning_rate", 0, "Must be a number above 0, at most 0.1."),
        ("lora_dropout", 1, "Must be a number at least 0, below 1."),
        ("seed", -1, "Must be a whole number from 0 to 2,147,483,647."),
        ("scheduler", "steep", "Must be one of linear, cosine,"),
        ("target_modules", "Q!", "Must be one of all-linear, attention, or names with commas."),
        ("packing", "perhaps", "Must be one of on, off."),
    ],
)
def test_what_a_value_may_be_is_said_in_words(name, value, words):
    assert next(c for c in judge_form({name: value}, facts()) if c.field == name).sentence.startswith(words)


def test_one_wrong_value_does_not_hide_what_speaks_against_others():
    found = {c.field: c.refuses for c in judge_form({"lora_rank": 0, "packing": True}, facts())}
    assert found == {"lora_rank": True, "packing": False}


def test_facts_of_a_data_set_are_those_of_its_splits(workspace, data):
    dataset = open_dataset(workspace, data)
    known = read_facts(dataset, PROCESSOR, None)
    assert (known.examples, known.heldout) == (dataset.counts["train"], dataset.counts["validation"])
    assert not known.is_passages
    assert (read_facts(None, PROCESSOR, None).examples, read_facts(None, PROCESSOR, None).is_passages) == (0, False)


def test_passages_are_known_as_such(workspace):
    rows = [Row(n, {"text": f"Passage {n} says this and that."}) for n in range(10)]
    assert read_facts(save_dataset(workspace, "book", "book.txt", convert_rows(rows)), PROCESSOR, None).is_passages


def test_a_log_that_cannot_be_written_says_what_it_lacks(monkeypatch, tmp_path):
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: object() if name in ("wandb", "tensorboardX") else None
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    missing = find_missing_for_logs()
    assert missing.keys() == {"wandb", "trackio"}
    assert "wandb login" in missing["wandb"]
    assert "trackio is not installed" in missing["trackio"]
    (tmp_path / ".netrc").write_text("machine api.wandb.ai login user password 1\n")
    (tmp_path / ".netrc").chmod(0o600)
    assert find_missing_for_logs().keys() == {"trackio"}
    (tmp_path / ".netrc").unlink()
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert find_missing_for_logs().keys() == {"trackio"}


def test_every_log_is_known():
    assert {"nothing", *LOG_PACKAGES} == set(SETTINGS["log_to"].annotation.__args__)


def test_loftq_works_without_a_card_where_weights_are_rounded():
    assert said(facts(), use_loftq=True, method="qlora").keys() == {"method"}


def test_a_log_that_is_missing_is_refused_in_words_before_a_run(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    require_log("nothing")
    with pytest.raises(SettingError, match="cannot also log to tensorboard") as refusal:
        require_log("tensorboard")
    assert "not installed" in refusal.value.do


def test_an_optimizer_whose_extra_is_missing_is_refused_with_the_command_that_adds_it(monkeypatch):
    assert read_facts(None, PROCESSOR, USUAL).cannot_step == {}, "the tests have both"
    monkeypatch.setattr("studio.extras.find_spec", lambda name: None)
    assert read_facts(None, PROCESSOR, USUAL).cannot_step.keys() == {"galore_adamw", "apollo_adamw"}
    require_optimizer("auto")
    with pytest.raises(SettingError) as refusal:
        require_optimizer("galore_adamw")
    assert "--add galore" in refusal.value.do
