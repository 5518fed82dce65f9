"""One run opened, and two laid side by side."""

from __future__ import annotations

from datetime import datetime
from html import escape

from components.notices import show_note, words_for, words_for_size
from components.status import show_status
from studio.compare.kept import list_kept
from studio.run_table import (
    RunRow,
    base_title,
    before_words,
    best_of,
    compared_with,
    data_name,
    data_title,
    now_words,
)
from studio.runs import Run
from studio.train.library import Difference, differences

SENTENCES = 12
ONE_MB = 1_000_000


def show_run(row: RunRow) -> str:
    """How it stands, what was written about it, what happened to it, and what it was made of."""
    run, notes = row.run, row.notes
    tags = " ".join(f'<span class="tag">{escape(tag)}</span>' for tag in notes.tags)
    note = f'<p class="run-note">{escape(notes.note)}</p>' if notes.note else ""
    made = f"{data_title(run.recipe.data)}, {base_title(run.recipe.base)}, started {when(run)}"
    return (
        f'{show_status(run)}<p class="fine">{escape(made)}.</p>'
        f"{f'<p>{tags}</p>' if tags else ''}{note}{show_story(run)}"
        f"<h3>What differs from {escape(compared_with(row))}</h3>{_show_differences(row.differences)}"
    )


def when(run: Run) -> str:
    return when_words(run.created)


def when_words(moment: datetime) -> str:
    """ "3 Jun, 08:26", with the year where it is another one."""
    year = f" {moment.year}" if moment.year != datetime.now().year else ""
    return f"{moment.day} {moment:%b}{year}, {moment:%H:%M}"


def show_story(run: Run) -> str:
    story = run.story()[-SENTENCES:]
    if not story:
        return ""
    items = "".join(
        f"<li><time>{when_words(datetime.fromtimestamp(at))}</time> {escape(words)}</li>" for at, words in story
    )
    return f'<h3>What happened</h3><ul class="story">{items}</ul>'


def _show_differences(found: tuple[Difference, ...]) -> str:
    if not found:
        return '<p class="fine">Nothing: the settings are the same.</p>'
    return _table(
        ("Setting", "there", "here"), [(d.title, escape(before_words(d)), escape(now_words(d))) for d in found]
    )


def _table(heads: tuple[str, str, str], rows: list[tuple[str, str, str]], caption: str = "") -> str:
    """Cells are HTML, heads and the first cell of each row are text."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{one}</td><td>{other}</td></tr>' for name, one, other in rows
    )
    said = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'<table class="differs pair">{said}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def show_pair(one: Run, other: Run) -> str:
    """Figures and settings of two runs, in two columns."""
    heads = ("", one.title, other.title)
    figures = [row for row in _figures(one, other) if row[1] or row[2]]
    found = differences(one.recipe, other.recipe)
    settings = [(d.title, escape(before_words(d)), escape(now_words(d))) for d in found]
    body = (
        _table(("Setting", one.title, other.title), settings)
        if settings
        else '<p class="fine">None: the two have the same recipe.</p>'
    )
    care = ""
    if one.recipe.data != other.recipe.data:
        same = data_name(one.recipe.data) == data_name(other.recipe.data)
        what = "two versions of the data set" if same else "two data sets"
        care = show_note(f"They learned from {what}, so their held-out losses may not be of the same examples.")
    return f"<h2>Side by side</h2>{care}{_table(heads, figures)}<h3>Settings that differ</h3>{body}"


def _figures(one: Run, other: Run) -> list[tuple[str, str, str]]:
    rows = [_figures_of(one), _figures_of(other)]
    best = [best_of(run) for run in (one, other)]
    if best[0] and best[1] and best[0][0] != best[1][0]:
        rows[best[0][0] > best[1][0]]["Best held-out loss"] += ' <span class="better">✔ lower</span>'
    return [(name, rows[0][name], rows[1][name]) for name in rows[0]]


def _figures_of(run: Run) -> dict[str, str]:
    """Empty where it is not known."""
    status = run.status
    best = best_of(run)
    at = f" at step {best[1]:,}" if best and best[1] is not None else ""
    return {
        "State": escape(run.state),
        "Data": escape(data_title(run.recipe.data)),
        "Model": escape(base_title(run.recipe.base)),
        "Started": when(run),
        "Best held-out loss": f"{best[0]:.3f}{at}" if best else "",
        "Loss": f"{status['loss']:.3f}" if "loss" in status else "",
        "Steps": f"{status.get('step', 0):,} of {status['steps']:,}" if status.get("steps") else "",
        "Time": words_for(status["seconds"]) if "seconds" in status else "",
        "Tokens a second": f"{status['tokens_per_s']:.0f}" if "tokens_per_s" in status else "",
    }


def words_of_loss(run: Run, size_bytes: int) -> str:
    """What deleting takes away, and what it gives back."""
    size = words_for_size(size_bytes) if size_bytes >= ONE_MB else "less than 1 MB"
    adapter = "" if not run.has_adapter else "its trained model, " if run.learned_whole else "its adapter, "
    talks = len(list_kept(run))
    kept = f", its {talks} kept conversation{'s' * (talks != 1)}" if talks else ""
    return (
        f"This deletes “{run.title}” of {when(run)} for good: {adapter}its curve, its checkpoints, "
        f"its recipe{kept} and its notes. That frees {size} of the disk. What was exported stays."
    )
