"""Recipes are kept as YAML that people can read, and found, compared and brought again."""

from __future__ import annotations

import pytest
import yaml

from studio.errors import SettingError
from studio.train.library import (
    as_yaml,
    delete_recipe,
    differences,
    list_recipes,
    open_recipe,
    read_by_hand,
    repeat,
    save_recipe,
    show_value,
)
from studio.train.recipe import SETTINGS, Recipe, make_recipe, read_recipe, unit

ODD = make_recipe(
    data="März: 1", base="/models/x y", name="“Ünï” #1", learning_rate=1e-7, epochs=0.5, target_modules="q_proj,v_proj",
    modules_to_save="embed_tokens,lm_head", packing=True, optimizer="paged_adamw_8bit",
)  # fmt: skip


@pytest.fixture
def by_hand(tmp_path):
    def write(text):
        path = tmp_path / "mine.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.mark.parametrize("recipe", [make_recipe(data="shop"), ODD])
def test_what_is_written_is_read(recipe, by_hand):
    assert read_by_hand(by_hand(as_yaml(recipe))) == recipe
    assert read_recipe(by_hand(as_yaml(recipe))) == recipe


def test_above_each_value_stands_what_it_is():
    lines = as_yaml(make_recipe(data="shop")).splitlines()
    for name, info in Recipe.model_fields.items():
        above = lines[next(n for n, line in enumerate(lines) if line.startswith(f"{name}:")) - 1]
        assert above.startswith(f"# {info.title}")
        if name in SETTINGS and unit(name):
            assert f"in {unit(name)}" in above
    assert yaml.safe_load(as_yaml(make_recipe(data="shop"))) == make_recipe(data="shop").model_dump()


def test_a_recipe_is_saved_listed_opened_and_deleted(workspace):
    assert list_recipes(workspace) == []
    assert save_recipe(workspace, "short answers", ODD) == "short answers"
    save_recipe(workspace, "Brief", make_recipe(data="shop"))
    assert list_recipes(workspace) == ["Brief", "short answers"]
    assert open_recipe(workspace, "short answers") == ODD
    delete_recipe(workspace, "short answers")
    assert list_recipes(workspace) == ["Brief"]
    with pytest.raises(SettingError, match="no recipe 'short answers'"):
        open_recipe(workspace, "short answers")


def test_a_name_that_is_taken_is_replaced_only_on_purpose(workspace):
    save_recipe(workspace, "Brief", make_recipe(data="shop"))
    with pytest.raises(SettingError, match="'Brief' already"):
        save_recipe(workspace, "brief", ODD)
    assert open_recipe(workspace, "Brief") == make_recipe(data="shop")
    assert save_recipe(workspace, "brief", ODD, replace=True) == "Brief"
    assert open_recipe(workspace, "Brief") == ODD
    assert list_recipes(workspace) == ["Brief"]


@pytest.mark.parametrize("name", ["", "  ", "..", "/", "-"])
def test_a_name_that_no_file_can_have_is_refused(workspace, name):
    with pytest.raises(SettingError, match="has no name"):
        save_recipe(workspace, name, ODD)


@pytest.mark.parametrize("name", ["con", "NUL", "aux.tar", "COM1", "lpt9 .x", "PRN. ", "CONIN$", "com¹"])
def test_a_name_that_windows_keeps_for_a_device_is_refused(workspace, name):
    with pytest.raises(SettingError, match="Windows keeps"):
        save_recipe(workspace, name, ODD)


@pytest.mark.parametrize(("name", "kept"), [("short. . .", "short"), ("console", "console"), ("😀" * 60, "😀" * 60)])
def test_a_name_is_kept_as_any_disk_can_hold_it(workspace, name, kept):
    assert save_recipe(workspace, name, ODD) == kept
    assert open_recipe(workspace, kept) == ODD


@pytest.mark.parametrize("name", ["../../state", "a/b", "..\\x", "März “1”", "x" * 200])
def test_no_name_leads_out_of_the_folder(workspace, name):
    kept = save_recipe(workspace, name, ODD)
    assert [path.parent for path in workspace.root.rglob("*.yaml")] == [workspace.root / "recipes"]
    assert open_recipe(workspace, kept) == ODD


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "", "."])
def test_only_what_is_listed_is_opened_or_deleted(workspace, name):
    (workspace.root / "secret.yaml").write_text("data: shop\n")
    for act in (open_recipe, delete_recipe):
        with pytest.raises(SettingError, match="There is no recipe"):
            act(workspace, name)
    assert (workspace.root / "secret.yaml").exists()


def test_a_file_by_hand_needs_only_what_differs(by_hand):
    assert read_by_hand(by_hand("lora_rank: 8\nlearning_rate: 5e-5\n"), data="shop") == make_recipe(
        data="shop", lora_rank=8, learning_rate=5e-5
    )
    assert read_by_hand(by_hand("data: mine\n"), data="shop").data == "mine"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lora_rank: 1000\n", "Rank cannot be 1000"),
        ("rank: 8\n", "no setting 'rank'"),
        ("data: shop\nepochs: many\n", "Epochs cannot be 'many'"),
        ("data: shop\nlora_rank: [8\n", r"Line \d of mine.yaml is not YAML"),
        ("data: shop\n\tlora_rank: 8\n", "Line 2 of mine.yaml is not YAML"),
        ("a: !!python/object/apply:os.system [ls]\n", "mine.yaml is not YAML"),
        ("", "holds no settings"),
        ("- data\n", "holds no settings"),
        (b"\xff\xfe\x00", "is not YAML"),
        (b"data: \x00\n", "is not YAML"),
        ("#" * 200_000, "too large"),
    ],
)
def test_a_file_that_is_no_recipe_says_in_words_what_is_wrong(by_hand, text, said):
    with pytest.raises(SettingError, match=said) as refusal:
        read_by_hand(by_hand(text))
    assert refusal.value.do


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(SettingError, match="There is no recipe"):
        read_by_hand(tmp_path / "none.yaml")


def test_an_old_run_is_repeated_under_a_new_name():
    assert repeat(ODD) == ODD.model_copy(update={"name": ""})


def test_only_what_differs_is_compared():
    one = make_recipe(data="shop", name="first", lora_rank=8, epochs=3)
    other = make_recipe(data="shop@v2", name="second", lora_rank=16, epochs=3)
    found = [(each.field, each.title, each.one, each.other) for each in differences(one, other)]
    assert found == [("data", "Data set", "shop", "shop@v2"), ("lora_rank", "Rank", 8, 16)]
    assert differences(one, repeat(one)) == []


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("learning_rate", 0.00005, "0.00005"),
        ("learning_rate", 1e-3, "0.001"),
        ("epochs", 3.0, "3"),
        ("neftune_noise_alpha", 0.0, "0"),
        ("epochs", 100.0, "100"),
        ("max_length", 2048, "2,048 tokens"),
        ("packing", True, "yes"),
        ("optimizer", "auto", "auto"),
    ],
)
def test_values_are_shown_as_people_write_them(field, value, shown):
    assert show_value(field, value) == shown
