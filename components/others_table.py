"""What others were measured by on a run's held-out questions: a row for each, and all measures below."""

from __future__ import annotations

from html import escape
from typing import Any

from components.scores_view import show_difference
from studio.compare.others import Scored, read_scored, say_untold, title_of_other
from studio.compare.proof import read_scores
from studio.compare.voices import Voice, title_of_voice
from studio.report.figures import level_between, say
from studio.report.parts import say_word
from studio.runs import Run, workspace_of
from studio.scores.measures import MEASURES

Found = dict[str, Any]
ANEW = "It was asked with other weights, or other questions; measure it again."
SIDES = '<th scope="col">Itself</th><th scope="col">Beside Before</th><th scope="col">Beside After</th>'


def show_others(run: Run) -> str:
    """By the measure that decides, with After first; then of each whose weights are the same all measures."""
    others, scores = read_scored(run), read_scores(run)
    if not others or not scores or scores["main"] not in scores["measures"]:
        return ""
    main = scores["main"]
    after = title_of_voice(workspace_of(run.folder), Voice("run", run.id))
    rows = _row(after, _itself(main, scores), _before(main, scores, scores["verdict"]["word"]), "–")
    rows += "".join(_show_one(title_of_other(run, each.voice), main, each) for each in others)
    caption = f"{escape(MEASURES[main].title)} of {scores['examples']} held-out examples; 95 % intervals"
    return _table(caption, rows) + "".join(
        f"<details><summary>{escape(title_of_other(run, each.voice))}: all measures</summary>"
        f"{_table('', _show_all(each.found))}{_say_doubt(each.found, main)}</details>"
        for each in others
        if each.is_current
    )


def _table(caption: str, rows: str) -> str:
    told = f"<caption>{caption}</caption>" if caption else ""
    # What scrolls sideways must be reached by keys.
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="Others"><table class="scores">{told}'
        f"<thead><tr><td></td>{SIDES}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _show_one(title: str, main: str, other: Scored) -> str:
    if not other.is_current:
        return _row(title, ANEW)
    found = other.found
    if main not in found["measures"]:
        return _row(title, say_untold(main, found))
    word = found["verdict"]["word"] if main == found["main"] else ""
    return _row(title, _itself(main, found), _before(main, found, word), _after(main, found))


def _show_all(found: Found) -> str:
    rows = "".join(
        _row(MEASURES[name].title, _itself(name, found), _before(name, found), _after(name, found))
        for name in found["measures"]
        if name in MEASURES
    )
    return rows + (_row("loss, perplexity", f"Not measured. {found['unread']}") if found["unread"] else "")


def _row(title: str, *cells: str) -> str:
    """One cell alone is a sentence."""
    span = "" if len(cells) > 1 else ' colspan="3"'
    return f'<tr><th scope="row">{escape(title)}</th>' + "".join(f"<td{span}>{cell}</td>" for cell in cells) + "</tr>"


def _itself(name: str, found: Found) -> str:
    side = found["measures"][name]["tuned"]
    return f"{say(MEASURES[name], side['value'])} ({level_between(MEASURES[name], side)})"


def _before(name: str, found: Found, word: str = "") -> str:
    each = found["measures"][name]
    return _signed(name, each, word or each["word"], each["examples"])


def _after(name: str, found: Found) -> str:
    beside = found["beside"].get(name)
    return _signed(name, beside, beside["word"], found["measures"][name]["examples"]) if beside else "not known"


def _signed(name: str, each: Found, word: str, examples: int) -> str:
    return f"{show_difference(MEASURES[name], each['difference'])} {say_word(word, examples)}"


def _say_doubt(found: Found, main: str) -> str:
    """Why the word is not what the difference alone would say."""
    each = found["measures"].get(main)
    doubted = each is not None and each["word"] != found["verdict"]["word"]
    return f'<p class="fine">{escape(found["verdict"]["reason"])}</p>' if doubted else ""
