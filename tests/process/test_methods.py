"""Every way to train, from the first step to what is taken home: loaded, merged and exported is what learned."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from studio.compare.chat import Chat
from studio.compare.voices import base_and_tuned, title_of_voice
from studio.data.conversation import Message
from studio.data.datasets import label_all, open_dataset, read_examples, save_dataset
from studio.data.tokens import Labelled, load_tokenizer
from studio.errors import ExportError
from studio.export.gguf import QUANTS, export_run, folder_of
from studio.queue import start_run
from studio.runs import Run
from studio.train.recipe import make_recipe
from studio.train.script_examples import learn_of
from studio.workspace import Workspace
from tests.process.small import heldout, losses, wait_for_end

STEPS = 3
SETTINGS: dict[str, Any] = {
    "batch_size": 4, "max_steps": STEPS, "eval_steps": STEPS, "save_steps": STEPS, "learning_rate": 0.01,
    "max_length": 64, "warmup_share": 0,
}  # fmt: skip
OPTIONS: dict[str, dict[str, Any]] = {
    "16 bits": {},
    "4 bits": {"method": "qlora"},
    "all weights": {"method": "full"},
    "all weights, checkpointed": {"method": "full", "gradient_checkpointing": "on"},
    "all weights, GaLore": {"method": "full", "optimizer": "galore_adamw"},
    "all weights, APOLLO": {"method": "full", "optimizer": "apollo_adamw"},
    "DoRA": {"use_dora": True, "target_modules": "attention"},
    "DoRA on 4 bits": {"method": "qlora", "use_dora": True},
    "LoftQ": {"method": "qlora", "use_loftq": True, "lora_alpha": 64},
    "rsLoRA": {"use_rslora": True, "lora_rank": 32, "lora_alpha": 12},
    "head": {"modules_to_save": "lm_head"},
    "both word tables": {"modules_to_save": "embed_tokens,lm_head"},
    "both word tables on 4 bits": {"method": "qlora", "modules_to_save": "embed_tokens,lm_head"},
    "two kinds of layers": {"target_modules": "q_proj, down_proj", "lora_dropout": 0.2, "optimizer": "adafactor"},
    "noise": {"neftune_noise_alpha": 5, "optimizer": "adamw_8bit", "scheduler": "cosine"},
    "text": {"task": "text", "optimizer": "paged_adamw_32bit", "scheduler": "polynomial"},
    "questions too": {"answers_only": False, "optimizer": "lion_8bit", "scheduler": "constant_with_warmup"},
    "packed": {"packing": True, "gradient_checkpointing": "on", "scheduler": "cosine_with_restarts"},
    "plain descent": {"optimizer": "sgd", "learning_rate": 0.1, "scheduler": "constant", "lora_alpha": 512},
    "one step": {"max_steps": 1, "eval_steps": 1, "save_steps": 1, "warmup_share": 0.5},
}
SAME = 0.1  # 16-bit numbers, added up in another order; before and after differ by far more


@pytest.fixture(scope="module")
def base(starter: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Llama's architecture at random, read and written by one word table, as wide as 4-bit kernels want it."""
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, set_seed

    set_seed(1)
    place = tmp_path_factory.mktemp("small-llama")
    tokenizer = AutoTokenizer.from_pretrained(starter)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=512, bos_token_id=1, eos_token_id=2, pad_token_id=2,
        tie_word_embeddings=True,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(place)
    tokenizer.save_pretrained(place)
    return place


@pytest.fixture
def shop(place: Workspace) -> str:
    """Short questions with short answers."""
    rows = [{"question": f"What is {n} and {n + 1}?", "answer": f"It is {2 * n + 1}."} for n in range(30)]
    file = place.root / "shop.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return save_dataset(place, "shop", file.name, read_examples(file)).ref


@pytest.fixture
def train(place: Workspace, base: Path, shop: str) -> Callable[..., Run]:
    def train(**settings: Any) -> Run:
        run = start_run(place, make_recipe(**({"data": shop, "base": str(base)} | SETTINGS | settings)))
        run = wait_for_end(place, run.id)
        assert run.state == "done", f"{run.status}\n{run.log.read_text()[-3000:]}"
        return run

    return train


def watched(place: Workspace, run: Run, base: Path) -> list[Labelled]:
    kept = open_dataset(place, run.recipe.data).conversations("validation")
    labelled, _ = label_all(kept, load_tokenizer(base), run.recipe.max_length, learn_of(run.recipe))
    return labelled


def logits_of(model: Any, tokens: Sequence[Labelled]) -> list[Any]:
    """Shapes: each (seq, words)."""
    import torch

    with torch.no_grad():
        return [model(input_ids=torch.tensor([each.input_ids])).logits[0].float() for each in tokens]


def loss_of(logits: Sequence[Any], tokens: Sequence[Labelled]) -> float:
    import torch

    labels = [torch.tensor(each.labels)[1:] for each in tokens]
    total = torch.cat([row[:-1] for row in logits]), torch.cat(labels)
    return float(torch.nn.functional.cross_entropy(*total, ignore_index=-100))


def difference(one: Sequence[Any], other: Sequence[Any]) -> float:
    """The largest between two models' logits, in their standard deviations."""
    return max(float((a - b).abs().max() / a.std()) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("settings", OPTIONS.values(), ids=OPTIONS)
def test_what_was_trained_is_what_is_loaded_and_what_is_merged(
    train: Callable[..., Run], place: Workspace, base: Path, settings: dict[str, Any], tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM

    from studio.workers.export import _export_merged
    from studio.workers.load import load_tuned, wants_four_bit

    run = train(**settings)
    steps = losses(run)
    assert len(steps) == run.recipe.max_steps
    assert all(map(math.isfinite, steps.values()))
    before, after = heldout(run).values()
    assert after < before - 0.005, "it learned"

    tokens = watched(place, run, base)
    trained = logits_of(load_tuned(base, run, wants_four_bit(run.recipe)), tokens)
    assert loss_of(trained, tokens) == pytest.approx(after, abs=(before - after) / 10), "it is the model that learned"

    whole = logits_of(load_tuned(base, run, four_bit=False), tokens)
    _export_merged(run, base, QUANTS["f16"], tmp_path, lambda progress: None)
    merged = logits_of(AutoModelForCausalLM.from_pretrained(tmp_path, dtype="auto"), tokens)
    assert difference(whole, merged) < SAME
    assert loss_of(merged, tokens) == pytest.approx(after, abs=(before - after) / 5)


def sides_of(base: Path, run: Run) -> tuple[Any, Any]:
    """(a generator as Compare has it, the base alone)"""
    from studio.workers.generate import Generator, end_ids_of
    from studio.workers.load import load_base, load_both, wants_four_bit

    after, before = load_both(base, run)
    tokenizer = load_tokenizer(base)
    return Generator(after, tokenizer, end_ids_of(base, tokenizer), before), load_base(base, wants_four_bit(run.recipe))


@pytest.mark.parametrize(
    ("settings", "in_turn"),
    [
        ({}, False),
        ({"modules_to_save": "embed_tokens,lm_head"}, False),
        ({"method": "full"}, True),
        ({"use_dora": True}, True),
        ({"method": "qlora", "use_dora": True}, True),
    ],
)
def test_base_and_tuned_answer_each_as_itself_in_one_pass_or_in_turn(
    train: Callable[..., Run], base: Path, settings: dict[str, Any], in_turn: bool
) -> None:
    from studio.workers.generate import Generator, Prompt

    generator, bare = sides_of(base, train(learning_rate=0.05, **settings))
    assert generator.in_turn is in_turn
    messages = [[Message("user", f"What is {n} and 3?")] for n in (1, 20)]
    sides = ("tuned", "base")
    asked = [Prompt(side, said) for said in messages for side in sides]
    shown: list[list[str]] = []

    def watch(answers: Sequence[Any]) -> bool:
        shown.append([answer.text for answer in answers])
        return False

    answers = generator.answer(asked, most_tokens=6, watch=watch)
    assert shown[-1] == [answer.text for answer in answers]
    untouched = Generator(bare.eval(), generator.tokenizer, generator.end_ids, bare)
    alone = untouched.answer([Prompt("base", said) for said in messages], most_tokens=6)
    assert [answer.ids for answer in answers[1::2]] == [answer.ids for answer in alone]
    assert [answer.ids for answer in answers[::2]] != [answer.ids for answer in alone]
    if in_turn:
        first = next(row for row in shown if any(row))
        assert not any(first[::2]), "the base speaks first"
        stopped = generator.answer(asked, most_tokens=6, watch=lambda answers: True)
        assert [answer.tokens for answer in stopped] == [0, 1, 0, 1], "who is stopped is not followed by another"


def error_of(model: Any, exact: Any) -> float:
    """How far the weights under an adapter, with it, are from the exact ones: a share of these."""
    from bitsandbytes.functional import dequantize_4bit

    from studio.workers.loftq import _adapted

    shares = []
    for name, layer in _adapted(model):
        weight, wanted = layer.get_base_layer().weight, exact.get_submodule(name).weight.float()
        begun = dequantize_4bit(weight.data, weight.quant_state).float() + layer.get_delta_weight("default").float()
        shares.append(float((wanted - begun).detach().norm() / wanted.norm()))
    return sum(shares) / len(shares)


@pytest.mark.parametrize("settings", [{}, {"lora_alpha": 4}, {"lora_alpha": 128}, {"use_rslora": True}])
def test_with_loftq_four_bit_weights_begin_nearer_to_the_exact_ones_whatever_alpha(
    base: Path, settings: dict[str, Any]
) -> None:
    from peft import LoraConfig, get_peft_model

    from studio.workers.load import load_base
    from studio.workers.loftq import start_by_loftq

    recipe = make_recipe(data="shop", **settings)
    config = LoraConfig(
        r=16, lora_alpha=recipe.lora_alpha, use_rslora=recipe.use_rslora, target_modules=["q_proj", "down_proj"]
    )
    model, exact = get_peft_model(load_base(base, four_bit=True), config), load_base(base, four_bit=False)
    without = error_of(model, exact)
    start_by_loftq(model, base, seed=1)
    assert error_of(model, exact) < 0.75 * without


def test_loftq_reads_a_base_in_parts_and_says_what_it_cannot_read(base: Path, tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model

    from studio.errors import ModelError
    from studio.workers.load import load_base
    from studio.workers.loftq import start_by_loftq

    exact = load_base(base, four_bit=False)
    exact.save_pretrained(tmp_path / "parts", max_shard_size="200KB")
    assert len(list((tmp_path / "parts").glob("*.safetensors"))) > 1
    model = get_peft_model(load_base(base, four_bit=True), LoraConfig(r=16, target_modules=["q_proj", "down_proj"]))
    without = error_of(model, exact)
    start_by_loftq(model, tmp_path / "parts", seed=1)
    assert error_of(model, exact) < 0.75 * without
    load_base(base, four_bit=True).save_pretrained(tmp_path / "rounded")
    with pytest.raises(ModelError, match="rounded already"):
        start_by_loftq(model, tmp_path / "rounded", seed=1)
    with pytest.raises(ModelError, match="does not hold"):
        start_by_loftq(model, tmp_path, seed=1)


def test_what_loftq_made_up_for_is_not_made_up_for_twice_when_it_is_merged(
    train: Callable[..., Run], place: Workspace, base: Path
) -> None:
    """Its adapter belongs to the rounded base: on the exact one it would be off by what was rounded."""
    from peft import PeftModel

    from studio.workers.load import load_base, load_tuned

    run = train(method="qlora", use_loftq=True, learning_rate=1e-6)
    tokens = watched(place, run, base)
    trained = logits_of(load_tuned(base, run, four_bit=True), tokens)
    whole = logits_of(load_tuned(base, run, four_bit=False), tokens)
    wrong = logits_of(PeftModel.from_pretrained(load_base(base, four_bit=False), run.adapter).eval(), tokens)
    assert difference(trained, whole) < difference(trained, wrong) / 2


def test_a_model_whose_weights_all_learned_is_talked_to_scored_and_taken_home(
    train: Callable[..., Run], place: Workspace, base: Path
) -> None:
    from studio.compare.proof import read_scores
    from studio.workers.export import export
    from studio.workers.score import score

    run = train(method="full", name="all of it")
    assert run.learned_whole
    chat, both = Chat(), base_and_tuned(run)
    assert "all weights of “all of it”" in title_of_voice(place, both[1])
    try:
        for _ in chat.open(place, both):
            pass
        assert chat.in_turn
        prompt = [Message("user", "What is 1 and 2?")]
        replies = list(chat.ask(dict.fromkeys(both, prompt), most_tokens=8))
    finally:
        chat.close()
    assert replies[-1].done
    assert replies[-1].figures.keys() == set(both)

    score(run, lambda progress: None)
    assert (read_scores(run) or {}).keys() >= {"base", "tuned", "examples"}

    with pytest.raises(ExportError, match="all weights of the model learned"):
        list(export_run(run, "adapter"))
    merged = export(run, "merged", QUANTS["f16"], lambda progress: None)
    weights = sum(file.stat().st_size for file in base.glob("*.safetensors"))
    assert weights / 2 < merged["size_bytes"] < weights, "16 bits, where the base was saved in 32, and a tokenizer"
    assert not list(folder_of(run, "merged", "").glob("*.bin"))
    made = export(run, "gguf", QUANTS["f16"], lambda progress: None)
    assert made["check"]["good"]


def test_passages_are_learned_and_the_file_made_of_them_reads_on_as_the_trained_model_does(
    train: Callable[..., Run], place: Workspace
) -> None:
    from studio.errors import DataError
    from studio.workers.export import export
    from studio.workers.score import score

    file = place.root / "book.jsonl"
    rows = [
        {"text": f"Chapter {n}. The fox and the {n} hens went to the market, and {n} came home."} for n in range(40)
    ]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    run = train(data=save_dataset(place, "book", file.name, read_examples(file)).ref, task="text")
    made = export(run, "gguf", QUANTS["f16"], lambda progress: None)
    assert made["check"]["same_prompt"] == 1
    assert made["check"]["good"]
    with pytest.raises(DataError, match="passages without questions"):
        score(run, lambda progress: None)


def test_an_adapter_taken_home_holds_nothing_of_this_machine(train: Callable[..., Run], place: Workspace) -> None:
    from studio.workers.export import export

    run = train(method="qlora", use_loftq=True)
    for name in ("adapter", *(f"checkpoints/{each.name}" for each in run.checkpoints.glob("checkpoint-*"))):
        config = (run.folder / name / "adapter_config.json").read_text(encoding="utf-8")
        assert str(place.root) not in config, name
    made = export(run, "adapter", QUANTS["f16"], lambda progress: None)
    assert "at 4 bits" in made["words"]
    files = list(folder_of(run, "adapter", "").iterdir())
    assert {file.name for file in files} >= {"adapter_config.json", "adapter_model.safetensors"}
    assert not [file for file in files if file.suffix in (".bin", ".md")]
    assert not [file for file in files if str(place.root).encode() in file.read_bytes()]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"log_to": "trackio"}, "cannot also log to trackio"),
        ({"use_loftq": True, "method": "lora"}, "does not round"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_trained(
    place: Workspace, base: Path, shop: str, settings: dict[str, Any], said: str
) -> None:
    run = start_run(place, make_recipe(data=shop, base=str(base), **(SETTINGS | settings)))
    run = wait_for_end(place, run.id)
    assert run.state == "failed"
    assert said in run.status["error"]["what"]
    assert run.status["error"]["do"]
    assert not losses(run)


@pytest.mark.parametrize("quant", ["q8_0", "f16"])
def test_a_file_with_word_tables_of_its_own_goes_on_as_the_trained_model_does(
    train: Callable[..., Run], quant: str
) -> None:
    """Its base reads and writes by one table, and says so in the configuration that converters read."""
    from studio.workers.export import export

    run = train(modules_to_save="embed_tokens,lm_head", learning_rate=0.03, max_steps=8)
    made = export(run, "gguf", QUANTS[quant], lambda progress: None)
    assert made["check"]["good"]
