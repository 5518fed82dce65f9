"""The whole way once, and what is built on a run that truly learned."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from studio.compare.chat import Chat
from studio.compare.sampling import Sampling
from studio.compare.voices import Voice, base_and_tuned, title_of_voice
from studio.data.conversation import Message
from studio.data.datasets import open_dataset
from studio.data.tokens import load_tokenizer
from studio.errors import TunesmithError
from studio.runs import Run, open_run
from studio.store import read_rows
from studio.train.models import require_base
from studio.workers.llamacpp import LlamaCpp
from studio.workspace import Workspace

pytestmark = pytest.mark.slow  # a real training of a real model, which takes a quarter of an hour on two cores


@pytest.fixture(scope="module")
def workspace(demo: dict[str, Any]) -> Workspace:
    return Workspace(Path(demo["report"]).parent.parent.parent)


@pytest.fixture(scope="module")
def run(workspace: Workspace, demo: dict[str, Any]) -> Run:
    return open_run(workspace, demo["run"])


def test_the_demo_reaches_its_figures(demo: dict[str, Any]) -> None:
    assert demo["exit_code"] == 0
    assert demo["base_right"] <= 0.05
    assert demo["tuned_right"] >= 0.80
    assert demo["gguf_right"] >= 0.75
    assert demo["verdict"] == "better"
    assert Path(demo["gguf"]).stat().st_size > 50_000_000
    assert "wholly right" in Path(demo["report"]).read_text(encoding="utf-8")


def test_the_smoothed_curve_ends_where_the_last_losses_are(run: Run) -> None:
    rows = [row for row in read_rows(run.metrics) if "loss" in row]
    last = [row["loss"] for row in rows[-15:]]
    assert min(last) <= rows[-1]["smooth"] <= max(last)
    assert rows[0]["smooth"] == pytest.approx(rows[0]["loss"], abs=1e-4)


def test_the_gguf_s_own_template_and_tokens_are_the_adapter_s(
    demo: dict[str, Any], run: Run, workspace: Workspace
) -> None:
    tokenizer = load_tokenizer(require_base(workspace, "starter"))
    model = LlamaCpp(Path(demo["gguf"]))
    for conversation in open_dataset(workspace, run.recipe.data).conversations("test")[:5]:
        assert model.tokenize(model.render(conversation.prompt)) == tokenizer.prompt_ids(conversation.prompt)
    model.close()


def test_the_base_pane_is_the_base(run: Run, workspace: Workspace) -> None:
    """Its greedy answer equals that of the bare model, loaded without PEFT."""
    import torch
    from transformers import AutoModelForCausalLM

    asked = [Message("user", "What is the capital of France? Answer in one sentence.")]
    base = require_base(workspace, "starter")
    tokenizer = load_tokenizer(base)
    ids = tokenizer.prompt_ids(asked)
    bare = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16)
    output = bare.generate(
        torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)), max_new_tokens=24, do_sample=False
    )
    alone = tokenizer.tokenizer.decode(output[0, len(ids) :].tolist(), skip_special_tokens=True)

    chat, both = Chat(), base_and_tuned(run)
    try:
        list(chat.open(workspace, both))
        assert not chat.in_turn
        *_, last = chat.ask(dict.fromkeys(both, asked), most_tokens=24)
    finally:
        chat.close()
    before, after = (last.texts[voice] for voice in both)
    assert before == alone
    assert after != alone
    titles = [title_of_voice(workspace, voice) for voice in both]
    assert titles[0] == "Before: SmolLM2 135M (starter), untouched"
    assert f"step {run.status['step']}" in titles[1]


def test_a_conversation_streams_stops_and_goes_on(run: Run, workspace: Workspace) -> None:
    chat, both = Chat(), base_and_tuned(run)
    asked = [Message("user", "Tell me a long story about a shoemaker, with many details.")]
    try:
        assert [progress.message for progress in chat.open(workspace, both)]
        assert chat.busy_with == {run.id}
        replies = chat.ask(dict.fromkeys(both, asked), most_tokens=400, sampling=Sampling(temperature=0.8))
        first = next(replies)
        assert not first.done
        chat.stop()
        *_, last = replies
        assert last.done
        cut = last.figures[both[0]]
        assert not cut.finished
        assert 0 < cut.tokens < 400
        assert 0 < cut.first_s <= cut.seconds <= last.seconds
        assert 0 < cut.sure <= 1
        assert list(chat.open(workspace, both)) == [], "it is there already"
        *_, again = chat.ask(dict.fromkeys(both, asked), most_tokens=8)
        assert again.done
        with pytest.raises(TunesmithError, match="Step 999999"):
            list(chat.open(workspace, (Voice("checkpoint", run.id, "999999"),)))
    finally:
        chat.close()
    assert not chat.busy_with


def test_a_damaged_file_is_not_called_good(
    demo: dict[str, Any], run: Run, workspace: Workspace, tmp_path: Path
) -> None:
    """Bytes of the weights are turned round: llama.cpp still loads it, and the check must say no."""
    from studio.workers.check import check_gguf
    from studio.workers.generate import Answer

    good = Path(demo["gguf"])
    damaged = Path(shutil.copy(good, tmp_path / "damaged.gguf"))
    size = damaged.stat().st_size
    with damaged.open("r+b") as file:
        file.seek(size // 2)
        part = file.read(size // 4)
        file.seek(size // 2)
        file.write(bytes(255 - byte for byte in part))
    base = require_base(workspace, "starter")
    tokenizer = load_tokenizer(base)
    scores = json.loads((run.folder / "scores.json").read_text(encoding="utf-8"))
    asked = open_dataset(workspace, run.recipe.data).conversations("test")[:4]
    end = tokenizer.tokenizer.token_to_id(tokenizer.eos_token)
    expected = [
        Answer(row["tuned"], [*tokenizer.encode(row["tuned"])[0], end], True) for row in scores["answers"][: len(asked)]
    ]
    verdicts = [
        check_gguf(path, asked, expected, tokenizer, {end}, 64, lambda progress: None) for path in (good, damaged)
    ]
    assert verdicts[0]["good"], verdicts[0]
    assert not verdicts[1]["good"], verdicts[1]
