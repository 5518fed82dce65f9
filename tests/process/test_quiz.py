"""The quiz, asked of real models: who learned nothing is green, who was spoiled is red, a second time is the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from studio.data.conversation import Message
from studio.data.tokens import load_tokenizer
from studio.quiz.forget import forget_run, note_of, read_forgot, read_quiz_of
from studio.quiz.reading import read_quiz
from studio.runs import Run, create_run, open_run
from studio.store import write_json
from studio.tasks import Progress, result_of
from studio.train.recipe import make_recipe
from studio.workspace import Workspace
from tests.process.small import SETTINGS, save_some

Make = Callable[..., Run]


@pytest.fixture(scope="module")
def knowing(tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that likes the words of right options, and dislikes those of wrong ones, whatever it is asked."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from studio.workers.quiz import options_of

    place = tmp_path_factory.mktemp("knowing")
    model = AutoModelForCausalLM.from_pretrained(tiny_llama, tie_word_embeddings=False)
    tokenizer = load_tokenizer(tiny_llama)
    liking = torch.zeros(model.config.vocab_size)
    for item in (item for item in read_quiz().items if item.options):
        for text, option in zip(item.options, options_of(item, tokenizer), strict=True):
            liking[list(option.ids[option.begin :])] += 1.0 if text == item.right else -0.5
    with torch.no_grad():
        model.model.embed_tokens.weight[:, 0] = 2.0  # so large beside the others that it alone counts in the end
        model.lm_head.weight.zero_()
        model.lm_head.weight[:, 0] = liking.clamp(-2, 2)
    model.save_pretrained(place)
    AutoTokenizer.from_pretrained(tiny_llama).save_pretrained(place)
    return place


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Where the base's answers are known once it was asked."""
    return Workspace.open(tmp_path_factory.mktemp("quiz"))


@pytest.fixture
def make(knowing: Path) -> Make:
    """A run that has ended, with weights that learned nothing, or that were spoiled."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    def make(workspace: Workspace, spoiled: bool = False, **settings: Any) -> Run:
        torch.manual_seed(4)
        save_some(workspace)
        run = create_run(workspace, make_recipe(**{**SETTINGS, "data": "some", "base": str(knowing), **settings}))
        model = AutoModelForCausalLM.from_pretrained(knowing)
        if run.recipe.method != "full":
            wanted = ["lm_head"] if spoiled else ["down_proj"]
            lora = LoraConfig(target_modules=wanted, use_dora=run.recipe.use_dora, task_type="CAUSAL_LM")
            model = get_peft_model(model, lora)
        if spoiled:
            for name, weights in model.named_parameters():
                if "lora_" in name or "lm_head" in name:
                    torch.nn.init.normal_(weights, std=4.0)
        model.save_pretrained(run.adapter)
        write_json(run.folder / "state.json", {**run.status, "state": "done", "step": 22})
        return open_run(workspace, run.id)

    return make


def ask_here(run: Run) -> tuple[dict[str, Any], list[Progress]]:
    """In this process, which has the libraries already."""
    from studio.workers.quiz import ask_quiz

    told: list[Progress] = []
    ask_quiz(run, told.append)
    shares = [progress.share for progress in told if progress.share is not None]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    found = read_quiz_of(run)
    assert found is not None
    return found, told


def asked_the_base(told: list[Progress]) -> bool:
    return any("base" in progress.message for progress in told)


def test_a_run_that_learned_nothing_is_green_and_the_second_time_is_the_same(make: Make, shared: Workspace) -> None:
    run = make(shared)
    assert asked_the_base(list(forget_run(run)))
    first = read_quiz_of(run)
    assert first is not None
    assert first["light"] == "green"
    assert first["all"]["before"]["value"] > 0.5, "a base that knows nothing could not forget"
    assert all(row["before"] == row["after"] for row in first["answers"])
    assert result_of(note_of(run))["light"] == "green"
    share = first["all"]["before"]["value"]
    assert read_forgot(run) == {"light": "green", "before": share, "after": share}
    second, told = ask_here(run)
    assert second == first
    assert not asked_the_base(told), "its answers are kept"


@pytest.mark.parametrize("settings", [{}, {"method": "full"}], ids=["adapter", "all weights"])
def test_a_model_whose_weights_were_spoiled_is_red(make: Make, shared: Workspace, settings: dict[str, Any]) -> None:
    found, _ = ask_here(make(shared, spoiled=True, **settings))
    assert found["light"] == "red"
    assert found["all"]["before"]["value"] > 0.5
    assert found["all"]["difference"]["high"] < -0.1
    lights = {subject["subject"]: subject["light"] for subject in found["subjects"]}
    assert (lights["Facts"], lights["Common sense"]) == ("red", "red")
    assert "mix 10 to 20 % of general examples" in found["do"]


@pytest.mark.parametrize("settings", [{"use_dora": True}, {"method": "full"}], ids=["DoRA", "all weights"])
def test_it_is_the_same_where_base_and_tuned_cannot_share_a_batch(
    make: Make, workspace: Workspace, settings: dict[str, Any]
) -> None:
    found, told = ask_here(make(workspace, **settings))
    assert asked_the_base(told)
    assert found["light"] == "green"
    assert found["all"]["before"]["value"] > 0.5
    assert all(row["before"] == row["after"] for row in found["answers"])


def test_options_are_as_likely_as_one_alone_in_a_plain_pass(knowing: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    from studio.workers.generate import Generator, end_ids_of
    from studio.workers.quiz import _score_options

    torch.manual_seed(2)
    model = AutoModelForCausalLM.from_pretrained(knowing).eval()
    torch.nn.init.normal_(model.lm_head.weight)
    torch.nn.init.normal_(model.model.embed_tokens.weight)
    tokenizer = load_tokenizer(knowing)
    items = [item for item in read_quiz().items if item.options][::9]
    generator = Generator(model, tokenizer, end_ids_of(knowing, tokenizer), before=model)
    found = _score_options(generator, "tuned", items, lambda share: None)
    for item, scores in zip(items, found, strict=True):
        prompt = tokenizer.render([Message("user", item.ask)], add_generation_prompt=True) + item.begin
        texts = [prompt + (" " if item.begin else "") + option for option in item.options]
        rows = [tokenizer.encode(text)[0] for text in texts]
        begin = next(place for place in range(999) if len({row[place] if place < len(row) else -1 for row in rows}) > 1)
        for row, score in zip(rows, scores, strict=True):
            with torch.no_grad():
                known = model(input_ids=torch.tensor([row])).logits[0].float().log_softmax(-1)
            alone = [float(known[place - 1, row[place]]) for place in range(min(begin, len(row) - 1), len(row))]
            assert score == pytest.approx(sum(alone) / len(alone), abs=1e-3)


def test_the_last_places_alone_are_read_without_gaps_between_the_rows(knowing: Path) -> None:
    """Else torch copies the head's weights for each row, which took three quarters of the quiz."""
    import torch

    from studio.workers.load import load_base

    model = load_base(knowing, four_bit=False).eval()
    without_gaps: list[bool] = []
    model.get_output_embeddings().register_forward_pre_hook(
        lambda head, inputs: without_gaps.append(inputs[0].is_contiguous())
    )
    ids = torch.arange(5, 32).reshape(3, 9)
    with torch.no_grad():
        last = model(input_ids=ids, logits_to_keep=2).logits
        whole = model(input_ids=ids).logits
    assert without_gaps == [True, True]
    assert last.shape[1] == 2
    torch.testing.assert_close(last, whole[:, -2:])
