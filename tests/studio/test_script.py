"""A recipe as a plain Python file: it says what was asked, needs no Tunesmith, and labels as a run does."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from studio.data.conversation import Conversation, Message, ToolCall
from studio.data.datasets import label_all, open_dataset, save_dataset
from studio.data.formats import Conversion, convert_rows
from studio.data.read import Row
from studio.data.tokens import load_tokenizer
from studio.errors import DataError, ModelError, RunError
from studio.train.recipe import SETTINGS, Recipe, choices, make_recipe
from studio.train.script import Script, as_script
from studio.train.script_examples import learn_of
from tests.studio.conftest import FAMILIES, save_tokenizer

OFTEN: dict[str, dict[str, Any]] = {
    "as it comes": {},
    "full": {"method": "full"},
    "qlora with LoftQ": {"method": "qlora", "use_loftq": True},
    "every switch": {
        "use_rslora": True, "use_dora": True, "neftune_noise_alpha": 5, "packing": True, "max_steps": 7,
        "modules_to_save": "embed_tokens,lm_head", "early_stopping_patience": 2, "early_stopping_threshold": 0.01,
        "eval_steps": 3, "save_steps": 4, "log_to": "tensorboard", "optimizer": "paged_adamw_32bit",
        "target_modules": "attention", "gradient_checkpointing": "unsloth", "lora_dropout": 0.1,
        "offload_layers": 4,
    },
    "the last step is kept": {"keep_best": False, "early_stopping_patience": 2},
    "neither looks nor stops": {"keep_best": False},
    "text": {"task": "text"},
    "questions too": {"answers_only": False},
}  # fmt: skip

LLAMA = {
    "model_type": "llama", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
    "num_attention_heads": 4, "vocab_size": 1000,
}  # fmt: skip


@pytest.fixture
def base(tmp_path: Path) -> str:
    return save_base(tmp_path / "base", "ChatML")


def save_base(folder: Path, family: str) -> str:
    """A base of which only the tokenizer is real: a script is written without its weights."""
    save_tokenizer(folder, family)
    (folder / "config.json").write_text(json.dumps(LLAMA))
    (folder / "model.safetensors").touch()
    return str(folder)


def save(workspace: Any, *conversations: tuple[Message, ...], tools: tuple[Any, ...] = ()) -> str:
    """A data set of these, five times with other numbers, so that some are watched."""
    made = [
        Conversation(
            tuple(Message(m.role, m.content + f" {n}", m.reasoning, m.tool_calls, m.tool_call_id, m.learned)
                  for m in messages),
            row=5 * place + n, tools=tools,
        )
        for place, messages in enumerate(conversations) for n in range(5)
    ]  # fmt: skip
    return save_dataset(workspace, "made", "made.jsonl", as_read(made)).name


def as_read(conversations: list[Conversation]) -> Conversion:
    rows = [Row(one.row, {"messages": one.as_dicts(), "tools": list(one.tools)}) for one in conversations]
    return convert_rows(rows)


def assigned(text: str) -> dict[str, Any]:
    """Constants of the script that are written out."""
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                found[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                continue
    return found


def labels_of(script: Script, part: str, base: str) -> list[tuple[list[int], list[int]]]:
    """What the functions of the script make of its rows, without loading a model."""
    from transformers import PreTrainedTokenizerFast

    functions = [node for node in ast.parse(script.text).body if isinstance(node, ast.FunctionDef)]
    known = {"words": PreTrainedTokenizerFast.from_pretrained(base), "MAX_LENGTH": assigned(script.text)["MAX_LENGTH"]}
    exec(compile(ast.Module(functions, []), "train.py", "exec"), known)
    labelled = [known["label"](json.loads(line)) for line in script.files[part].splitlines()]
    return [(row["input_ids"], row["labels"]) for row in labelled if any(token != -100 for token in row["labels"])]


def labels_of_a_run(workspace: Any, recipe: Recipe, split: Any) -> list[tuple[list[int], list[int]]]:
    tokenizer = load_tokenizer(Path(recipe.base))
    conversations = open_dataset(workspace, recipe.data).conversations(split)
    found, _ = label_all(conversations, tokenizer, recipe.max_length, learn_of(recipe))
    return [(tokens.input_ids, tokens.labels) for tokens in found if tokens.learned_tokens]


def assert_same_labels(workspace: Any, recipe: Recipe) -> Script:
    script = as_script(workspace, recipe)
    for part, split in (("train.jsonl", "train"), ("validation.jsonl", "validation")):
        wanted = labels_of_a_run(workspace, recipe, split)
        assert wanted
        assert labels_of(script, part, recipe.base) == wanted
    return script


@pytest.mark.parametrize("settings", OFTEN.values(), ids=OFTEN)
def test_a_script_is_python_without_tunesmith_that_tells_every_setting(workspace, data, base, settings):
    recipe = make_recipe(data=data, base=base, **settings)
    text = as_script(workspace, recipe).text
    modules = [
        name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    ]
    heavy = [name for name in modules if name not in sys.stdlib_module_names | {"collections.abc"}]
    assert heavy[0] == "unsloth"
    assert not [name for name in modules if name.startswith(("studio", "components"))]
    assert [name for name in SETTINGS if not re.search(rf"\b{name}\b", text, re.IGNORECASE)] == []


@pytest.mark.parametrize("settings", OFTEN.values(), ids=OFTEN)
def test_a_script_has_no_line_too_many_and_is_formed_as_by_hand(workspace, data, base, settings, tmp_path):
    """No name that is unknown or unused, nothing too long, and nothing that a formatter would change."""
    file = tmp_path / "train.py"
    file.write_text(as_script(workspace, make_recipe(data=data, base=base, **settings)).text, encoding="utf-8")
    for command in (["check", "--select", "E,F,W,UP"], ["format", "--diff"]):
        options = ["--isolated", "--line-length", "120", "--target-version", "py311"]
        done = subprocess.run([sys.executable, "-m", "ruff", *command, *options, file], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_values_are_those_of_the_recipe(workspace, data, base):
    recipe = make_recipe(
        data=data, base=base, epochs=1.5, learning_rate=5e-5, lora_rank=8, max_length=512, batch_size=3, seed=11,
        scheduler="polynomial", warmup_share=0.1, max_grad_norm=0.5, gradient_accumulation=4, lora_alpha=24,
        lora_dropout=0.05, weight_decay=0.0, target_modules="q_proj, v_proj", optimizer="adafactor", max_steps=9,
        eval_steps=2, save_steps=5, modules_to_save="lm_head", neftune_noise_alpha=5, early_stopping_patience=3,
        early_stopping_threshold=0.02, log_to="wandb", method="lora", gradient_checkpointing="on",
    )  # fmt: skip
    found = assigned(as_script(workspace, recipe).text)
    taken = {name: found.pop(name.upper()) for name in list(SETTINGS) if name.upper() in found}
    assert taken.pop("target_modules") == ["q_proj", "v_proj"]
    assert taken.pop("modules_to_save") == ["lm_head"]
    assert taken.pop("gradient_checkpointing") is True
    assert taken == {name: getattr(recipe, name) for name in taken}
    assert len(taken) == 21
    assert found.pop("FOUR_BIT") is False
    assert found == {"BASE": base, "POOL_STEPS": 50}


def test_what_a_run_on_a_processor_does_besides_is_written_where_there_is_no_card(workspace, data, base):
    recipe = make_recipe(data=data, base=base)
    with_card, without = (as_script(workspace, recipe, on_card).text for on_card in (True, False))
    assert "fuse" not in with_card
    assert re.search(r"^if not ON_CARD:.*\n    fuse\(model\)$", without, re.MULTILINE)


@pytest.mark.parametrize(
    ("scheduler", "wanted"),
    [
        (
            "polynomial",
            ["lr_scheduler_kwargs={'power': 2.0, 'lr_end': 0.0},", "warmup_steps=int(steps * WARMUP_SHARE),"],
        ),
        ("linear", ["warmup_steps=int(steps * WARMUP_SHARE),"]),
        ("constant", []),
    ],
)
def test_a_schedule_has_what_a_run_gives_it(workspace, data, base, scheduler, wanted):
    text = as_script(workspace, make_recipe(data=data, base=base, scheduler=scheduler)).text
    assert re.findall(r"^ +((?:lr_scheduler_kwargs|warmup_steps)=.*)$", text.replace('"', "'"), re.MULTILINE) == wanted


@pytest.mark.parametrize(("optimizer", "package"), [("galore_adamw", "galore_torch"), ("apollo_adamw", "apollo_torch")])
def test_an_optimizer_of_an_extra_is_told_what_it_needs(workspace, data, base, optimizer, package):
    text = as_script(workspace, make_recipe(data=data, base=base, method="full", optimizer=optimizer)).text
    assert f'"{package}==' in text.partition("import")[0]
    assert 'optim_target_modules="all-linear"' in text


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({}, 'OPTIMIZER = "adamw_8bit" if ON_CARD else "adamw_torch"'),
        ({"optimizer": "lion_8bit"}, 'OPTIMIZER = "lion_8bit" if ON_CARD else "adamw_torch"'),
        ({"optimizer": "sgd"}, 'OPTIMIZER = "sgd"'),
        ({}, "FOUR_BIT = ON_CARD"),
        ({"method": "qlora"}, "FOUR_BIT = True"),
        ({}, 'GRADIENT_CHECKPOINTING = "unsloth" if ON_CARD else False'),
        ({"gradient_checkpointing": "off"}, "GRADIENT_CHECKPOINTING = False"),
        ({"packing": True}, "PACKING = ON_CARD"),
    ],
)
def test_what_depends_on_the_machine_is_settled_where_the_script_runs(workspace, data, base, settings, wanted):
    text = as_script(workspace, make_recipe(data=data, base=base, **settings)).text
    assert re.search(rf"^{re.escape(wanted)}(  # |$)", text, re.MULTILINE)


# A chat template stands in the rows, not in the script.
@pytest.mark.parametrize("name", [name for name in SETTINGS if choices(name) and name != "chat_template"])
def test_each_choice_of_a_setting_makes_a_script(workspace, data, base, name):
    texts = {as_script(workspace, make_recipe(data=data, base=base, **{name: one})).text for one in choices(name)}
    for text in texts:
        compile(text, "train.py", "exec")
    assert len(texts) == len(choices(name)) - (name == "optimizer")  # "auto" is adamw_8bit where there is a card


def test_without_held_out_examples_nothing_is_watched_kept_or_stopped_early(workspace, base):
    rows = convert_rows([Row(n, {"question": f"{n}?", "answer": f"{n}!"}) for n in range(2)])
    data = save_dataset(workspace, "two", "two.jsonl", rows).name
    script = as_script(workspace, make_recipe(data=data, base=base, early_stopping_patience=2))
    assert list(script.files) == ["train.py", "train.jsonl"]
    for word in ("validation", "EarlyStopping", "SaveBest", "eval_strategy", "metric_for_best_model"):
        assert word not in script.text
    assert "No held-out example is there to look at: eval_steps, keep_best" in script.text


def test_a_model_of_the_hub_is_fetched_at_the_revision_that_a_run_has(workspace, data):
    folder = workspace.models / "some--model"
    save_base(folder, "ChatML")
    (folder / "tunesmith.json").write_text('{"name": "some/model", "sha": "abc123"}')
    text = as_script(workspace, make_recipe(data=data, base="some/model")).text
    assert 'BASE = snapshot_download("some/model", revision="abc123", allow_patterns=["*.safetensors",' in text
    assert str(workspace.root) not in text


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("settings", [{}, {"answers_only": False}, {"task": "text"}, {"max_length": 60}], ids=str)
def test_tokens_and_labels_are_those_of_a_run(workspace, tmp_path, family, settings):
    base = save_base(tmp_path / "base", family)
    ask, answer = Message("user", "Why is it so?"), Message("assistant", "So it is — « naïve  ».")
    data = save(workspace, (ask, answer), (ask, answer, Message("user", "And  then?\n"), Message("assistant", "\tNo")))
    assert_same_labels(workspace, make_recipe(data=data, base=base, **settings))


@pytest.mark.parametrize("family", ["ChatML", "Qwen3", "gpt-oss", "DeepSeek"])
def test_thoughts_are_labelled_as_in_a_run(workspace, tmp_path, family):
    base = save_base(tmp_path / "base", family)
    ask, answer = Message("user", "Why?"), Message("assistant", "So.", reasoning="Hm, let me think")
    data = save(workspace, (ask, answer), (ask, answer, ask, answer))
    assert_same_labels(workspace, make_recipe(data=data, base=base))


def test_where_an_answer_cannot_be_found_by_what_stands_before_it_its_place_is_written_down(workspace, tmp_path):
    base = save_base(tmp_path / "base", "Qwen3")
    ask, answer = Message("user", "Why?"), Message("assistant", "So.", reasoning="Hm")
    recipe = make_recipe(data=save(workspace, (ask, answer, ask, answer)), base=base)
    script = assert_same_labels(workspace, recipe)
    assert "apply_chat_template" not in script.text
    assert json.loads(script.files["train.jsonl"].splitlines()[0]).keys() == {"text", "learned"}


def test_answers_that_are_only_read_are_not_learned(workspace, base):
    ask, answer = Message("user", "Why?"), Message("assistant", "So.")
    unwanted = Message("assistant", "Go away.", learned=False)
    script = assert_same_labels(workspace, make_recipe(data=save(workspace, (ask, unwanted, ask, answer)), base=base))
    assert json.loads(script.files["train.jsonl"].splitlines()[0])["only_read"] == [1]


def test_passages_stand_beside_chats(workspace, base):
    ask, answer = Message("user", "Why?"), Message("assistant", "So.")
    data = save(workspace, (ask, answer), (Message("text", "A passage of a book"),))
    for settings in ({}, {"answers_only": False}):
        assert_same_labels(workspace, make_recipe(data=data, base=base, **settings))


def test_calls_of_tools_go_through_the_template(workspace, base):
    template = (Path(base) / "tokenizer_config.json").read_text()
    shown = "{% if tools %}{{ tools | tojson }}{% endif %}{% for message in messages %}"
    called = "{{ message['content'] }}{% if message.tool_calls %}{{ message.tool_calls | tojson }}{% endif %}"
    template = template.replace("{% for message in messages %}", json.dumps(shown)[1:-1])
    (Path(base) / "tokenizer_config.json").write_text(template.replace("{{ message['content'] }}", called))
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
    call = Message("assistant", "I look.", tool_calls=(ToolCall("weather", '{"place": "Köln"}', "1"),))
    messages = (Message("user", "Rain?"), call, Message("tool", "yes", tool_call_id="1"), Message("assistant", "Yes."))
    script = assert_same_labels(workspace, make_recipe(data=save(workspace, messages, tools=(tool,)), base=base))
    assert 'tools=row.get("tools")' in script.text


def test_a_line_of_the_examples_ends_where_a_reader_ends_it(workspace, base):
    """Python's splitlines also parts at marks that JSON leaves as they are."""
    data = save(workspace, (Message("user", "One\u2028two\u0085three?"), Message("assistant", "Four\u2029five.")))
    script = as_script(workspace, make_recipe(data=data, base=base))
    assert all(json.loads(line) for line in script.files["train.jsonl"].split("\n") if line)
    assert "splitlines" not in script.text


def test_it_is_written_into_a_folder_once_or_into_an_archive(workspace, data, base, tmp_path):
    script = as_script(workspace, make_recipe(data=data, base=base))
    written = script.write(tmp_path / "plain")
    assert [path.name for path in written] == ["train.py", "train.jsonl", "validation.jsonl"]
    assert {path.name: path.read_text(encoding="utf-8") for path in written} == script.files
    with pytest.raises(RunError, match=r"There is a train\.py"):
        script.write(tmp_path / "plain")
    with zipfile.ZipFile(script.write_zip(tmp_path / "deep" / "shop.zip")) as archive:
        assert archive.namelist() == ["shop/train.py", "shop/train.jsonl", "shop/validation.jsonl"]
        assert archive.read("shop/train.py").decode() == script.text


def test_a_name_cannot_break_out_of_the_docstring(workspace, data, base):
    text = as_script(workspace, make_recipe(data=data, base=base, name='"""\nimport os\\')).text
    assert 'import os/"' in (ast.get_docstring(ast.parse(text)) or "")


def test_what_is_missing_is_said(workspace, data, base):
    with pytest.raises(ModelError, match="is not here, or not any more"):
        as_script(workspace, make_recipe(data=data, base="some/model"))
    with pytest.raises(DataError, match="There is no data set"):
        as_script(workspace, make_recipe(data="gone", base=base))
    long = save(workspace, (Message("user", "Why? " * 20), Message("assistant", "So.")))
    with pytest.raises(DataError, match="No example of made can be learned"):
        as_script(workspace, make_recipe(data=long, base=base, max_length=32))
