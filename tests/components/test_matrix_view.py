"""The confusion matrix in the window: counts of both sides, words for who does not see it, figures that can be read."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from components.matrix_view import COLOURS, read_style, show_matrices
from components.scores_view import show_scores
from components.theme import read_css
from studio.compare.weigh import weigh
from studio.report.matrix import MOST_SHADE
from studio.scores.choice import make_choice

MOODS = ["angry", "calm", "glad", "glad"] * 10
GROUND = {"light": "#ffffff", "dark": "#0b0f19"}  # of Gradio's page


def found(choice=None, wanted=MOODS):
    rows = [
        {"row": n, "prompt": "?", "wanted": each, "base": "<b>angry", "tuned": "calm" if n == 2 else each}
        for n, each in enumerate(wanted)
    ]
    return {"examples": len(rows), **weigh(wanted, rows, choice), "answers": rows}


def test_both_sides_are_drawn_and_told_in_words():
    shown = show_matrices(found())
    assert shown.count("<svg") == 2
    before, after = re.findall(r'role="img" aria-label="([^"]*)"', shown)
    assert before.startswith("Before: which label was taken for which: 0 of 40 right, 0\u00a0% (between 0 and 9).")
    assert "Most often glad taken for something else, 20 times" in before
    assert after == (
        "After: which label was taken for which: 39 of 40 right, 98\u00a0% (between 87 and 100). "
        "Most often glad taken for calm, 1 time."
    )
    assert "39 of 40 right, 98\u00a0% (between 87 and 100)</figcaption>" in shown
    assert "<b>" not in shown


def test_labels_of_a_hand_are_the_ones_that_are_drawn():
    shown = show_matrices(found(make_choice(labels="angry\ncalm")))
    assert "20 of 20 right" in shown
    assert "glad" not in shown


def test_it_stands_in_the_scores_of_labels_alone():
    assert "<svg" in show_scores(found())
    letters = [f"Dear {n}, thank you for your message and the parcel that came with it." for n in range(40)]
    assert "<svg" not in show_scores(found(wanted=letters))
    older = {name: value for name, value in found().items() if name not in ("expected", "suited", "by_hand", "chosen")}
    assert "<svg" not in show_scores(older)


def test_every_colour_is_one_of_the_page_which_knows_light_and_dark():
    rules = read_style()
    assert not re.search(r"#[0-9a-f]{3,6}\b", rules)
    for colour in COLOURS.values():
        assert colour in rules


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("side", ["before", "after"])
def test_a_figure_on_the_deepest_shade_can_be_read(scheme, side):
    names = colours(scheme)
    ink, ground, hue = (rgb(each) for each in (names["--ts-ink"], GROUND[scheme], names[COLOURS[side][4:-1]]))
    shade = tuple(MOST_SHADE * one + (1 - MOST_SHADE) * other for one, other in zip(hue, ground, strict=True))
    lighter, darker = sorted((luminance(ink), luminance(shade)), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def colours(scheme: str) -> dict[str, str]:
    begin = ".dark, " if scheme == "dark" else ":root, "
    rules = read_css().split(begin, 1)[1].split("}", 1)[0]
    return dict(re.findall(r"(--ts-[a-z-]+): (#[0-9a-f]{6})", rules))


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


def luminance(colour: tuple[float, ...]) -> float:
    """Source: WCAG 2.1, relative luminance."""

    def parts() -> Iterator[float]:
        for each in colour:
            share = each / 255
            yield share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), parts(), strict=True))
