"""README.md says what the program is: its settings, verbs, flags, tabs, libraries and sentences are looked up there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import get_args

import pytest

from studio.train.presets import PRESETS
from studio.train.recipe import GROUPS, SETTINGS, Group, choices, help_line, settings_of, unit
from studio.verbs import build_parser

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def render_settings() -> str:
    """The table of settings as README.md must hold it."""
    lines = ["| Setting | In the window | Default | May be | What it does |", "| --- | --- | --- | --- | --- |"]
    for group, title in GROUPS.items():
        lines.append(f"| **{title}** | | | | |")
        lines += [_render_row(name) for name in settings_of(group)]
    return "\n".join(lines)


def _render_row(name: str) -> str:
    info = SETTINGS[name]
    title = f"{info.title} ({unit(name)})" if unit(name) else info.title
    return f"| `{name}` | {title} | {_show(info.default)} | {_render_range(name)} | {help_line(name)} |"


def _render_range(name: str) -> str:
    info = SETTINGS[name]
    if info.annotation is bool:
        return "on or off"
    if choices(name):
        return ", ".join(choices(name)) + (", names" if info.annotation is str else "")
    words = {"ge": "", "gt": "above ", "le": "", "lt": "below "}
    rules = {key: getattr(rule, key) for rule in info.metadata for key in words if hasattr(rule, key)}
    least, most = (
        next(words[key] + _show(rules[key]) for key in keys if key in rules) for keys in (("ge", "gt"), ("le", "lt"))
    )
    return f"{least} to {most}"


def _show(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def printed_help() -> str:
    command = [sys.executable, str(ROOT / "launch.py"), "--help"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def examples() -> list[str]:
    """Each command in README.md that starts the program."""
    return [found.strip() for found in re.findall(r"(?:^|`)(python launch\.py\b[^`\n]*)", README, re.MULTILINE)]


def test_the_table_of_settings_is_the_one_that_the_recipe_gives():
    table = render_settings()
    assert table in README, f"README.md must hold this table:\n\n{table}\n"


def test_every_group_of_settings_is_in_the_table():
    assert set(GROUPS) == set(get_args(Group))
    assert {name for group in GROUPS for name in settings_of(group)} == set(SETTINGS)


def test_every_verb_that_help_names_has_an_example():
    verbs = re.findall(r"^    (\w+)  ", printed_help().partition("Verbs\n")[2].partition("\n\n")[0], re.MULTILINE)
    assert "demo" in verbs
    assert [verb for verb in verbs if not any(line.startswith(f"python launch.py {verb}") for line in examples())] == []


def test_every_flag_that_help_names_is_explained():
    flags = set(re.findall(r"--[a-z][a-z-]*", printed_help()))
    assert {"--workspace", "--test", "--share"} <= flags
    assert [flag for flag in sorted(flags) if f"`{flag}" not in README and f"launch.py {flag}" not in README] == []


def test_every_flag_of_a_verb_is_explained():
    verbs = next(action.choices for action in build_parser()._actions if action.dest == "verb")
    flags = {flag for verb in verbs.values() for flag in re.findall(r"--[a-z][a-z-]*", verb.format_help())}
    assert "--preset" in flags
    assert [flag for flag in sorted(flags - {"--help"}) if f"`{flag}" not in README] == []


def test_the_program_accepts_every_example(capsys):
    from components.app import build_parser as build_window_parser

    assert len(examples()) > 12
    for line in examples():
        arguments = shlex.split(line, comments=True)[2:]
        if arguments[:1] in (["--test"], ["--version"], ["--help"], ["--add"]):
            continue
        parser = build_parser() if arguments and not arguments[0].startswith("-") else build_window_parser()
        try:
            parser.parse_args(arguments)
        except SystemExit:
            pytest.fail(f"{line}\n{capsys.readouterr().err}")


def test_every_tab_has_its_picture():
    from components.app import TABS

    for name in TABS:
        assert re.search(rf'<img src="assets/pictures/{name}\.png" alt="[^"]{{20,}}" width="\d+">', README), name


def test_every_preset_is_told_as_the_window_tells_it():
    for preset in PRESETS.values():
        assert f"**{preset.title}**: {preset.why}" in README


def test_every_library_that_the_program_asks_for_stands_among_the_licences():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wishes = [
        *project["dependencies"],
        *(wish for extra in project["optional-dependencies"].values() for wish in extra),
    ]
    names = [re.split(r"[^\w.-]", wish)[0] for wish in wishes]
    licences = README.partition("\n## Licences\n")[2]
    assert [name for name in names if f"`{name}`" not in licences] == []


def test_the_troubles_are_told_in_the_words_that_the_program_uses():
    code = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("studio", "components")
        for path in (ROOT / folder).rglob("*.py")
    ) + (ROOT / "launch.py").read_text(encoding="utf-8")
    quoted = re.findall(r"“([^”]+)”", README.partition("\n## Troubles\n")[2].partition("\n## ")[0])
    assert len(quoted) > 10
    pieces = [piece.strip() for sentence in quoted for piece in sentence.split("…") if piece.strip()]
    assert [piece for piece in pieces if piece not in code] == []
