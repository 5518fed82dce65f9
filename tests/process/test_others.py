"""Others who are asked a run's held-out questions: what they hold likely, what they answer, and what is said of it."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from studio.compare.chosen import read_choice, weigh_run
from studio.compare.others import read_others, read_scored, weigh_anew, weigh_other
from studio.compare.others import score_other as follow_other
from studio.compare.voices import Voice
from studio.data.conversation import Conversation
from studio.data.tokens import NOT_LEARNED, label_tokens, load_tokenizer
from studio.errors import RunError
from studio.runs import Run, open_run
from studio.store import write_json
from studio.train.recipe import make_recipe, write_recipe
from studio.verbs import main
from studio.workers.filed import Filed
from studio.workers.heldout import held_out
from studio.workers.score_other import score_other
from studio.workers.starter import packaged_gguf
from studio.workspace import Workspace
from tests.process.small import plain_loss, save_some
from tests.studio.reports import quiz

FIRST, WHOLE = "2026-11-24-1530-first", "2026-11-24-1531-whole"
ELSE, DORA = "2026-11-24-1532-else", "2026-11-24-1533-dora"
EARLY, ALL = Voice("checkpoint", FIRST, "4"), Voice("run", WHOLE)
OTHER, TURNED = Voice("run", ELSE), Voice("run", DORA)
FILE = Voice("gguf", FIRST, f"{FIRST}-q4_k_m/first.gguf")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, tiny_llama: Path) -> Workspace:
    """A run with a checkpoint and a file of the starter itself; others: all weights, another tokenizer, DoRA."""
    workspace = Workspace.open(tmp_path_factory.mktemp("others"))
    save_some(workspace)
    letters = shutil.copytree(tiny_llama, tmp_path_factory.mktemp("letters") / "model")
    tokens = json.loads((letters / "tokenizer.json").read_text(encoding="utf-8"))
    tokens["model"]["merges"] = []
    write_json(letters / "tokenizer.json", tokens)
    for name, base in ((FIRST, tiny_llama), (WHOLE, tiny_llama), (ELSE, letters), (DORA, tiny_llama)):
        recipe = make_recipe(data="some", base=str(base), name=name[16:], use_dora=name == DORA)
        write_recipe(workspace.runs / name / "recipe.yaml", recipe)
        write_json(workspace.runs / name / "state.json", {"state": "done", "updated_s": 0, "step": 8})
    save_adapter(tiny_llama, workspace.runs / FIRST / "adapter", 0)
    save_adapter(tiny_llama, workspace.runs / FIRST / "checkpoints" / "checkpoint-4", 7)
    save_adapter(letters, workspace.runs / ELSE / "adapter", 1)
    save_adapter(tiny_llama, workspace.runs / DORA / "adapter", 2, use_dora=True)
    model = AutoModelForCausalLM.from_pretrained(tiny_llama)
    for weight in model.parameters():
        weight.data.add_(torch.randn_like(weight), alpha=0.3)
    model.save_pretrained(workspace.runs / WHOLE / "adapter")
    file = workspace.exports / FILE.at
    file.parent.mkdir(parents=True)
    shutil.copyfile(packaged_gguf(), file)
    return workspace


def save_adapter(base: Path, place: Path, seed: int, use_dora: bool = False) -> None:
    torch.manual_seed(seed)
    config = LoraConfig(r=4, lora_alpha=64, target_modules="all-linear", use_dora=use_dora)
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), config)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight)
    model.save_pretrained(place)


@pytest.fixture(autouse=True)
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """At 16 bits losses of a random model move by the rounding of a batch."""
    monkeypatch.setattr("studio.workers.load.compute_dtype", lambda: torch.float32)


@pytest.fixture
def run(home: Workspace) -> Run:
    """Both were asked already: they say nothing that is wanted, and hold all equally likely."""
    run = open_run(home, FIRST)
    (run.folder / "others.json").unlink(missing_ok=True)
    rows = [
        {"row": each.row, "prompt": each.prompt[-1].content, "wanted": each.wanted}
        | {"base": "?", "tuned": "!", "base_loss": 11.0, "tuned_loss": 10.0}
        for each in held_out(run)
    ]
    write_json(run.folder / "scores.json", weigh_run(run, rows, read_choice(run)))
    return run


def ask(run: Run, voice: Voice) -> list[str]:
    told: list[str] = []
    score_other(run, voice, lambda progress: told.append(progress.message))
    return told


def losses_of(run: Run, voice: Voice) -> list[Any]:
    return [each["loss"] for each in read_others(run)[voice.key]["answers"]]


def plain_losses(run: Run, model: Any) -> list[float]:
    tokenizer = load_tokenizer(Path(run.recipe.base))
    return [plain_loss(model.eval(), each, tokenizer, run.recipe.max_length) for each in held_out(run)]


def test_a_checkpoint_and_other_runs_hold_the_wanted_answers_as_likely_as_each_does_alone(run: Run, tiny_llama: Path):
    told = ask(run, EARLY)
    assert any("Checkpoint: “first”, step 4: 0 of" in words for words in told)
    ask(run, ALL)
    ask(run, TURNED)
    runs = run.folder.parent
    for voice, adapter in ((EARLY, run.checkpoints / "checkpoint-4"), (TURNED, runs / DORA / "adapter")):
        base = AutoModelForCausalLM.from_pretrained(tiny_llama, dtype=torch.float32)
        alone = plain_losses(run, PeftModel.from_pretrained(base, adapter))
        assert losses_of(run, voice) == pytest.approx(alone, rel=1e-3)
    whole = AutoModelForCausalLM.from_pretrained(runs / WHOLE / "adapter", dtype=torch.float32)
    assert losses_of(run, ALL) == pytest.approx(plain_losses(run, whole), rel=1e-3)
    for voice in (EARLY, ALL, TURNED):
        measures = read_others(run)[voice.key]["measures"]
        loss = math.fsum(losses_of(run, voice)) / len(held_out(run))
        assert measures["loss"]["tuned"]["value"] == pytest.approx(loss, rel=1e-4)
        assert measures["perplexity"]["tuned"]["value"] == pytest.approx(math.exp(loss), rel=1e-2)
    assert ask(run, EARLY) == ["Weighing the answers"], "they are known"


def test_a_file_holds_the_wanted_answers_as_likely_as_the_weights_in_it(run: Run, starter: Path):
    """But for llama.cpp's rounding of what goes into a layer."""
    ask(run, FILE)
    plain = plain_losses(run, AutoModelForCausalLM.from_pretrained(starter, dtype=torch.float32))
    assert losses_of(run, FILE) == pytest.approx(plain, rel=0.05)
    assert read_others(run)[FILE.key]["unread"] == ""


def test_of_letters_that_are_several_tokens_a_file_tells_each(home: Workspace, starter: Path):
    said = [{"role": "user", "content": "Say it."}, {"role": "assistant", "content": "日本 👩‍👧 ü"}]
    tokenizer = load_tokenizer(starter)
    conversation = Conversation.from_dicts(said)
    tokens = label_tokens(conversation, tokenizer, 256)
    assert len([label for label in tokens.labels if label != NOT_LEARNED]) > 10
    file = Filed(home.exports / FILE.at)
    ((place, loss),) = file.losses(FILE, [tokens])
    file.model.close()
    plain = plain_loss(AutoModelForCausalLM.from_pretrained(starter).eval(), conversation, tokenizer, 256)
    assert (place, loss) == (0, pytest.approx(plain, rel=0.05))


def test_who_cuts_words_otherwise_is_measured_by_answers_alone_and_that_is_said(run: Run):
    ask(run, OTHER)
    found = read_others(run)[OTHER.key]
    assert "other tokens" in found["unread"]
    assert not {"loss", "perplexity"} & found["measures"].keys()
    assert found["main"] in found["measures"]
    assert found["examples"] == len(held_out(run))


def test_the_difference_is_to_before_and_to_after_and_each_is_weighed_anew_with_them(run: Run):
    ask(run, EARLY)
    found = read_others(run)[EARLY.key]
    loss = found["measures"]["loss"]
    assert loss["difference"]["value"] == pytest.approx(loss["tuned"]["value"] - 11, abs=1e-4)
    assert found["beside"]["loss"]["difference"]["value"] == pytest.approx(loss["tuned"]["value"] - 10, abs=1e-4)
    scores = run.folder / "scores.json"
    known = json.loads(scores.read_text(encoding="utf-8"))
    for row in known["answers"]:
        row["tuned_loss"] = 9.0
    write_json(scores, known)
    weigh_anew(run)
    again = read_others(run)[EARLY.key]
    assert again["beside"]["loss"]["difference"]["value"] == pytest.approx(loss["tuned"]["value"] - 9, abs=1e-4)
    assert (again["measures"], again["of"]) == (found["measures"], found["of"])


def test_who_learned_on_since_is_known_to_be_another_and_is_asked_anew(run: Run, home: Workspace):
    ask(run, ALL)
    weights = home.runs / WHOLE / "adapter" / "model.safetensors"
    save_file({name: weight * 1.01 for name, weight in load_file(weights).items()}, weights, {"format": "pt"})
    assert [each.is_current for each in read_scored(run)] == [False]
    assert any("reads the wanted answers" in words for words in ask(run, ALL))
    assert [each.is_current for each in read_scored(run)] == [True]


def test_what_is_right_is_not_called_worse(run: Run):
    found = weigh_other(run, [each.wanted for each in held_out(run)])
    assert found["measures"][found["main"]]["tuned"]["value"] == 1
    assert found["verdict"]["word"] != "worse"


def test_nobody_is_scored_before_both_are(home: Workspace):
    with pytest.raises(RunError, match="Both are not measured yet"):
        list(follow_other(open_run(home, ELSE), EARLY))


def test_both_are_scored_elsewhere(run: Run):
    for voice in (Voice("base", FIRST), Voice("run", FIRST)):
        with pytest.raises(RunError, match="measured already"):
            list(follow_other(run, voice))


def test_the_verb_asks_who_is_named_in_a_process_of_its_own_and_tells_all_that_were_asked(
    run: Run, home: Workspace, capsys: pytest.CaptureFixture[str]
):
    ask(run, ALL)
    quiz(run)  # or else the verb would ask it now
    assert main(["score", run.id, "--other", "checkpoint-4", "--json", "--workspace", str(home.root)]) == 0
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert result["others"].keys() == {WHOLE, "checkpoint-4"}
    told = result["others"]["checkpoint-4"]
    assert told["loss"].keys() == told["difference"]["loss"].keys() == {"value", "low", "high"}
    assert told["difference_to_tuned"]["loss"]["value"] == pytest.approx(told["loss"]["value"] - 10, abs=1e-4)
    assert {"word", "fields_right", "perplexity"} <= told.keys()
    assert "checkpoint-4" in printed.err
