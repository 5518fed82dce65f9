"""Who share a base answer in one pass, each as itself; a file answers beside them."""

from __future__ import annotations

import shutil
import threading
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

from studio.compare.sampling import GREEDY, Sampling
from studio.compare.voices import Voice
from studio.data.conversation import Message
from studio.data.tokens import load_tokenizer
from studio.errors import ModelError
from studio.hardware import read_machine
from studio.runs import open_run
from studio.store import write_json
from studio.train.recipe import make_recipe, write_recipe
from studio.workers.chat import Session, answer
from studio.workers.shared import Shared
from studio.workers.starter import packaged_gguf
from studio.workers.voices import Voices
from studio.workspace import Workspace

FIRST, SECOND, WHOLE = "2026-11-24-1530-first", "2026-11-24-1531-second", "2026-11-24-1532-whole"
ASKED = (Message("user", "Where is it?"),)
WORDS = 8


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, tiny_llama: Path) -> Workspace:
    """Two runs on one base with a checkpoint, one run of all weights, and a file of the starter itself."""
    workspace = Workspace.open(tmp_path_factory.mktemp("voices"))
    for seed, run in enumerate((FIRST, SECOND)):
        make_run(workspace, run, tiny_llama)
        save_adapter(tiny_llama, workspace.runs / run / "adapter", seed)
    save_adapter(tiny_llama, workspace.runs / FIRST / "checkpoints" / "checkpoint-4", 7)
    make_run(workspace, WHOLE, tiny_llama)
    save_whole(tiny_llama, workspace.runs / WHOLE / "adapter")
    return workspace


@pytest.fixture(autouse=True)
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """At 16 bits two words of a random model may be equally likely but for the rounding of a batch."""
    monkeypatch.setattr("studio.workers.load.compute_dtype", lambda: torch.float32)


@pytest.fixture
def file(home: Workspace) -> Voice:
    target = home.exports / f"{FIRST}-q4" / "it.gguf"
    target.parent.mkdir(exist_ok=True)
    shutil.copyfile(packaged_gguf(), target)
    return Voice("gguf", FIRST, f"{FIRST}-q4/it.gguf")


def make_run(workspace: Workspace, run: str, base: Path) -> None:
    write_recipe(workspace.runs / run / "recipe.yaml", make_recipe(data="some", base=str(base), name=run[-5:]))
    write_json(workspace.runs / run / "state.json", {"state": "done", "updated_s": 0, "step": 8})


def save_adapter(base: Path, place: Path, seed: int) -> None:
    torch.manual_seed(seed)
    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(base), LoraConfig(r=4, lora_alpha=64, target_modules="all-linear")
    )
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight)
    model.save_pretrained(place)


def save_whole(base: Path, place: Path) -> None:
    torch.manual_seed(5)
    model = AutoModelForCausalLM.from_pretrained(base)
    for weight in model.parameters():
        weight.data.add_(torch.randn_like(weight), alpha=0.3)
    model.save_pretrained(place)


def opened(home: Workspace, *voices: Voice) -> Voices:
    them = Voices(home)
    list(them.open(voices))
    return them


def ask(them: Voices, *voices: Voice, strength: float = 1.0, watch: Any = lambda answers: False) -> list[Any]:
    return list(them.answer(dict.fromkeys(voices, ASKED), WORDS, GREEDY, strength, watch).values())


BASE, ONE, OTHER = Voice("base", FIRST), Voice("run", FIRST), Voice("run", SECOND)
EARLY, ALL = Voice("checkpoint", FIRST, "4"), Voice("run", WHOLE)


def test_four_on_one_base_answer_in_one_pass_each_as_it_does_alone(home: Workspace, tiny_llama: Path):
    four = (BASE, ONE, EARLY, OTHER)
    them = opened(home, *four)
    assert not them.in_turn
    answers = [answer.ids for answer in ask(them, *four)]
    folders = [None, open_run(home, FIRST).adapter, home.runs / FIRST / "checkpoints/checkpoint-4",
               open_run(home, SECOND).adapter]  # fmt: skip
    assert answers == [alone(tiny_llama, folder) for folder in folders]
    assert len({tuple(ids) for ids in answers}) == 4


def alone(base: Path, adapter: Path | None) -> list[int]:
    from studio.data.tokens import load_tokenizer
    from studio.workers.generate import end_ids_of

    tokenizer = load_tokenizer(base)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    if adapter:
        model = PeftModel.from_pretrained(model, adapter)
    ids = torch.tensor([tokenizer.prompt_ids(ASKED)])
    ends = sorted(end_ids_of(base, tokenizer))
    output = model.eval().generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=WORDS,
                                   do_sample=False, eos_token_id=ends, pad_token_id=ends[0])  # fmt: skip
    return output[0, ids.shape[1] :].tolist()


def test_without_strength_an_adapter_is_the_base_and_beyond_its_own_it_is_another(home: Workspace):
    them = opened(home, BASE, ONE)
    base, full = ask(them, BASE, ONE)
    assert ask(them, BASE, ONE, strength=0.0)[1].ids == base.ids
    assert ask(them, BASE, ONE, strength=1.5)[1].ids != full.ids
    assert ask(them, BASE, ONE, strength=1.0)[1].ids == full.ids


def test_who_is_chosen_anew_is_put_on_the_base_that_is_there(home: Workspace):
    them = opened(home, BASE, ONE)
    assert list(them.open([BASE, ONE])) == []
    assert list(them.open([BASE, OTHER])) == [], "nothing is said to be loaded"
    assert ask(them, BASE, OTHER)[1].ids == ask(opened(home, OTHER), OTHER)[0].ids


def test_a_run_that_learned_on_answers_with_what_it_learned(home: Workspace, tiny_llama: Path):
    them = opened(home, ONE)
    (before,) = ask(them, ONE)
    save_adapter(tiny_llama, open_run(home, FIRST).adapter, 11)
    list(them.open([ONE]))
    (after,) = ask(them, ONE)
    assert after.ids != before.ids
    save_adapter(tiny_llama, open_run(home, FIRST).adapter, 0)


def test_all_weights_and_a_file_answer_in_turn_beside_a_base(home: Workspace, file: Voice):
    them = opened(home, BASE, ALL, file)
    assert them.in_turn
    shown: list[list[str]] = []

    def watch(answers: dict[Voice, Any]) -> bool:
        shown.append([answer.text for answer in answers.values()])
        return False

    base, whole, filed = ask(them, BASE, ALL, file, watch=watch)
    assert base.ids != whole.ids
    assert [answer.text for answer in (base, whole, filed)] == shown[-1]
    assert filed.tokens == WORDS
    assert 0 < filed.sure <= 1
    assert 0 < filed.first_s <= filed.seconds
    assert not filed.finished


def test_who_has_ended_is_told_while_the_others_still_answer(home: Workspace, file: Voice):
    told: list[dict[str, Any]] = []

    class Listened(Session):
        def __init__(self) -> None:
            self.stop = threading.Event()

        def tell(self, event: str, **more: Any) -> None:
            told.append({"event": event, **more})

    asked = {voice.key: [message.as_dict() for message in ASKED] for voice in (BASE, ALL, file)}
    request = {"ask": asked, "most_tokens": WORDS, "sampling": asdict(GREEDY), "strength": 1.0}
    answer(opened(home, BASE, ALL, file), request, Listened())
    ended = list(dict.fromkeys(tuple(each["ended"]) for each in told if each["event"] == "text"))
    assert ended == [(), (BASE.key,), (BASE.key, ALL.key), (BASE.key, ALL.key, file.key)]
    assert told[-1]["event"] == "done"


def test_a_file_is_stopped_at_once_and_drawn_by_a_seed(home: Workspace, file: Voice):
    them = opened(home, file)
    (cut,) = ask(them, file, watch=lambda answers: True)
    assert cut.tokens == 1

    def draw(seed: int) -> str:
        answers = them.answer({file: ASKED}, 12, Sampling(1.2, 1.0, seed), 1.0, lambda answers: False)
        return answers[file].text

    assert draw(3) == draw(3)
    assert draw(3) != draw(4)


def test_a_conversation_longer_than_a_file_can_see_is_said_so(home: Workspace, file: Voice):
    them = opened(home, file)
    with pytest.raises(ModelError, match="exceeds"):
        them.answer({file: (Message("user", "and " * 5000),)}, 8, GREEDY, 1.0, lambda answers: False)


def test_who_is_gone_is_said_so(home: Workspace):
    with pytest.raises(ModelError, match="Step 99 of first"):
        opened(home, Voice("checkpoint", FIRST, "99"))
    with pytest.raises(ModelError, match=r"gone\.gguf is gone"):
        opened(home, Voice("gguf", FIRST, f"{FIRST}-q4/gone.gguf"))
    with pytest.raises(ModelError, match="is gone"):
        opened(home, Voice("gguf", FIRST, "../../outside.gguf"))


def test_an_adapter_with_word_tables_of_its_own_has_one_strength(tiny_llama: Path):
    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(tiny_llama), LoraConfig(modules_to_save=["lm_head"], r=2)
    )
    shared = Shared(model, tiny_llama, load_tokenizer(tiny_llama))
    with pytest.raises(ModelError, match="one strength"):
        shared.answer({ONE: ASKED}, 2, GREEDY, 0.5, lambda answers: False)


def test_what_would_not_fit_is_not_loaded(home: Workspace, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("studio.workers.room.read_machine", lambda: replace(read_machine(), free_memory_bytes=1000))
    with pytest.raises(ModelError, match=r"has 0\.0 GB left"):
        opened(home, BASE)
