"""One sees answers change: first, between, now, and what is wanted. What a model says is text here, never markup."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest

from components.samples_view import MOST_CHARACTERS, show_samples

ATTACK = '<img src=x onerror="alert(1)"></td><script>alert(2)</script>'
WANTED = '{"customer": "Mia Chen", "order": 4821}'


def look(step: int, answer: str, wanted: str = WANTED, prompts: tuple[str, ...] = ("Mia?",)) -> list[dict[str, Any]]:
    return [{"step": step, "prompt": prompt, "wanted": wanted, "answer": answer} for prompt in prompts]


def heads(shown: str) -> list[str]:
    return re.findall(r'<th scope="col">(.*?)</th>', shown)


def cells(shown: str) -> list[str]:
    return re.findall(r"<td[^>]*>(.*?)</td>", shown, re.DOTALL)


def text_of(html: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", html))


def test_before_the_first_evaluation_it_says_what_will_come():
    assert "are answered here" in show_samples([])
    assert "<table" not in show_samples([])


def test_the_first_some_between_and_the_newest_stand_beside_the_wanted():
    rows = [row for step in range(0, 101, 10) for row in look(step, f"answer {step}")]
    shown = show_samples(rows)
    assert heads(shown) == ["step 0", "step 50", "now, step 100", "wanted"]
    assert text_of(cells(shown)[-1]) == WANTED
    assert heads(show_samples(rows, 5)) == ["step 0", "step 20", "step 50", "step 80", "now, step 100", "wanted"]
    assert heads(show_samples(rows, 1)) == ["now, step 100", "wanted"]


def test_after_one_evaluation_there_is_one_column():
    assert heads(show_samples(look(0, "Hello."))) == ["now, step 0", "wanted"]


def test_each_prompt_heads_its_answers_also_while_the_newest_are_being_asked():
    rows = [*look(0, "a", prompts=("One?", "Two?", "Three?")), *look(20, "b", prompts=("One?",))]
    shown = show_samples(rows)
    prompts = re.findall(r'<th scope="rowgroup" colspan="3" dir="auto"><span>(.*?)</span></th>', shown)
    assert prompts == ["One?", "Two?", "Three?"]
    assert shown.count("not asked yet") == 2


def test_markup_in_prompts_and_answers_stays_text():
    for rows in (look(0, ATTACK, ATTACK + " more", (ATTACK,)), look(0, ATTACK * 50), look(0, ATTACK, ATTACK)):
        shown = show_samples(rows)
        assert "<img" not in shown
        assert "<script" not in shown
        assert "&lt;script&gt;" in shown


def test_words_that_differ_are_marked_and_the_text_stays():
    answer = '{"customer": "Mia Chan", "order": 4821}'
    (cell, _) = cells(show_samples(look(0, answer)))
    assert re.findall(r'<span class="off">(.*?)</span>', cell) == ["Chan"]
    assert text_of(cell) == answer


def test_a_place_where_words_are_missing_is_marked():
    shown = show_samples(look(0, '{"customer": "Mia Chen"}'))
    assert cells(shown)[0].count('class="lack"') == 1
    assert "Words of the wanted answer are missing there." in shown


def test_an_answer_as_wanted_says_so_and_one_quite_different_has_no_marks():
    right = show_samples(look(0, f"  {WANTED}\n"))
    assert "✓ as wanted" in right
    assert "off" not in cells(right)[0]
    wrong = show_samples(look(0, "Sure! I would be glad to help you with this, whatever it may be."))
    assert "✗ quite different" in wrong
    assert 'class="off"' not in wrong
    assert "differ" not in text_of(wrong).replace("quite different", "")
    assert "(empty)" in show_samples(look(0, "  \n"))


@pytest.mark.parametrize("letter", ["a b", "x.", "漢字 "])
def test_the_longest_answers_are_cut(letter):
    rows = [row for step in range(3) for row in look(step, letter * 50_000, letter[::-1] * 50_000, ("1", "2", "3"))]
    shown = show_samples(rows)
    assert len(shown) < 12 * 40 * MOST_CHARACTERS
    assert "characters more" in shown


def test_it_scrolls_with_the_keyboard_and_has_a_name():
    assert 'role="region" tabindex="0" aria-label="Answers to held-out examples"' in show_samples(look(0, "Hello."))


def test_where_there_are_no_blanks_the_letters_that_differ_are_marked():
    shown = show_samples([*look(0, "你好", "包裹星期一到"), *look(10, "包裹星期五到", "包裹星期一到")])
    assert '<span class="off">五</span>' in shown
