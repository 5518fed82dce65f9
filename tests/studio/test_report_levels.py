"""Levels are drawn where their scale has them: by a measure, in seconds, in tokens; what is not known is not drawn."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from studio.compare.others import keep, weigh_other
from studio.compare.voices import Voice, marks_of_voice
from studio.report import others_pictures
from studio.report.levels import BY_FACTORS, Bar, Level, lengths, levels, seconds
from studio.report.page import render_page
from studio.report.parts import Picture
from studio.report.pictures import LEFT, MOST_LETTERS, RIGHT, Row, change_mark, changes, shorten, width_of
from studio.report.scales import factor_ticks, round_ticks
from studio.runs import Run, workspace_of
from studio.scores.intervals import FEWEST
from studio.scores.measures import MEASURES
from studio.store import read_json, write_json
from tests.studio.reports import ask_worth, document_of, make_run, quiz, score, section_of

SVG = "{http://www.w3.org/2000/svg}"
BASE = Level("Before", "before", {"value": 100.0, "low": 10.0, "high": 1000.0}, "100.00")
TUNED = Level("After", "after", {"value": 10.0, "low": 1.0, "high": None}, "10.00")
LOSS, PERPLEXITY = MEASURES["loss"], MEASURES["perplexity"]


@pytest.fixture
def run(workspace) -> Run:
    run = make_run(workspace)
    score(run, lambda row, wanted: "Hello!", lambda row, wanted: wanted if row % 3 == 0 else "Hello!")
    return run


def drawn(picture: Picture | None) -> ElementTree.Element:
    assert picture
    return ElementTree.fromstring(picture.svg)


def ticks_of(picture: Picture | None) -> list[str]:
    return [each.text or "" for each in drawn(picture).iter(f"{SVG}text") if each.attrib["class"] == "quiet middle"]


def ends_of(picture: Picture | None, series: str) -> tuple[float, float]:
    whisker = next(each for each in drawn(picture).iter(f"{SVG}path") if each.attrib["class"] == f"whisker {series}")
    places = [float(x) for x in re.findall(r"M([\d.]+)", whisker.attrib["d"])]
    return places[0], places[-1]


def pictures_in(run: Run, section: str) -> list[dict[str, str]]:
    parts = section_of(document_of(run), section)["parts"]
    return [each for part in parts if part["kind"] == "pictures" for each in part["pictures"]]


def checkpoints_of(run: Run, steps: range, loss: float | None = 0.02) -> None:
    """So many were asked too, and were right in all."""
    workspace = workspace_of(run.folder)
    answers = [row["wanted"] for row in read_json(run.folder / "scores.json")["answers"]]
    for step in steps:
        place = run.checkpoints / f"checkpoint-{step}"
        place.mkdir(parents=True)
        for name in ("adapter_config.json", "adapter_model.safetensors"):
            (place / name).write_text("{}", encoding="utf-8")
        voice = Voice("checkpoint", run.id, str(step))
        found = weigh_other(run, answers, [loss] * len(answers))
        keep(run, voice, {**found, "of": marks_of_voice(workspace, voice), "unread": "" if loss else "It has none."})


# Scales


@pytest.mark.parametrize(
    ("highest", "ticks"),
    [
        (1.0, [1, 2]),
        (8.5, [1, 2, 5, 10]),
        (20.0, [1, 2, 5, 10, 20]),
        (1057.0, [1, 10, 100, 1000, 10_000]),
        (2.5e7, [1, 100, 10_000, 1_000_000, 100_000_000]),
    ],
)
def test_a_scale_by_factors_holds_the_highest_and_has_few_lines(highest, ticks):
    assert factor_ticks(highest) == ticks


@pytest.mark.parametrize("highest", [0.0031, 0.9, 1.33, 150.0, 12_345.0])
def test_a_scale_of_round_steps_begins_at_zero_and_holds_the_highest(highest):
    ticks = round_ticks(highest)
    assert ticks[0] == 0
    assert ticks[-2] < highest <= ticks[-1]
    assert len(ticks) <= 6


# Levels


def test_perplexity_stands_by_its_logarithm_and_the_caption_says_so():
    picture = levels(PERPLEXITY, [BASE, TUNED], "Perplexity")
    assert ticks_of(picture) == ["1", "10", "100", "1,000"]
    third = (RIGHT - LEFT) / 3
    assert ends_of(picture, "before") == pytest.approx((LEFT + third, RIGHT), abs=0.1)
    circle = next(drawn(picture).iter(f"{SVG}circle"))
    assert float(circle.attrib["cx"]) == pytest.approx(LEFT + third, abs=0.1)
    assert picture
    assert picture.caption == f"Perplexity; {BY_FACTORS}"


def test_loss_stands_on_a_scale_from_zero_and_an_unknown_bound_goes_to_its_end():
    picture = levels(LOSS, [replace(TUNED, bounds={"value": 0.5, "low": 0.25, "high": math.inf}, text="0.50")], "Loss")
    assert ticks_of(picture)[0] == "0"
    low, high = ends_of(picture, "after")
    assert LEFT < low < high == RIGHT


def test_who_has_no_value_is_not_drawn_and_without_any_there_is_no_picture():
    nobody = replace(BASE, bounds={"value": None, "low": None, "high": None}, text="unknown")
    picture = levels(LOSS, [nobody, TUNED], "Loss")
    assert picture
    assert "Before" not in picture.alt
    assert "After: 10.00, between" in picture.alt
    assert levels(LOSS, [nobody, replace(nobody, bounds={**nobody.bounds, "value": math.inf})], "Loss") is None


def test_a_similarity_below_zero_has_a_scale_that_holds_it():
    low = Level("Before", "before", {"value": 0.1, "low": -0.2, "high": 0.4}, "0.10")
    assert ticks_of(levels(MEASURES["meaning"], [low], "Similarity"))[0] == "\u22121"
    high = replace(low, bounds={"value": 0.6, "low": 0.5, "high": 0.7})
    assert ticks_of(levels(MEASURES["meaning"], [high], "Similarity"))[0] == "0"


def test_before_after_and_others_differ_in_shape_for_who_sees_no_colour():
    other = Level("A file", "other", TUNED.bounds, "10.00")
    root = drawn(levels(PERPLEXITY, [BASE, TUNED, other], "Perplexity"))
    marks = {each.tag.removeprefix(SVG): each.attrib["class"] for each in root.iter() if "hollow" in str(each.attrib)}
    assert marks == {"rect": "hollow before", "path": "other hollow"}
    assert [each.attrib["class"] for each in root.iter(f"{SVG}circle")] == ["after fill-after"]


def test_a_bar_is_as_long_as_what_is_read_and_its_filled_end_as_what_is_written():
    picture = lengths([Bar("With examples", "other", 400, 100), Bar("Alone", "before", 40, 8)], "Tokens")
    boxes = {each.attrib["class"]: float(each.attrib["width"]) for each in drawn(picture).iter(f"{SVG}rect")}
    assert boxes["other fill-other"] == pytest.approx(boxes["hollow other"] / 5, abs=0.1)
    assert boxes["hollow before"] == pytest.approx(boxes["hollow other"] * 48 / 500, abs=0.1)
    assert picture.alt == "Tokens. With examples: 400 read, 100 written. Alone: 40 read, 8 written."


def test_nothing_read_or_written_and_no_time_at_all_can_be_drawn():
    assert drawn(lengths([Bar("Alone", "before", 0, 0)], "Tokens"))
    assert drawn(seconds([replace(BASE, bounds={"value": 0.0, "low": 0.0, "high": 0.0})], "Seconds"))


@pytest.mark.parametrize(
    "name",
    [
        "File: 2026-11-28-1529-a-long-name-of-a-data-set-second-try-q4_k_m.gguf",
        "Another run: 客户服务工单分类与回复生成模型第二次尝试更干净的数据集版本",
        "WHY IS EVERYTHING IN CAPITALS HERE, AND WITH SO MANY LETTERS",
    ],
)
def test_a_long_name_keeps_both_its_ends_and_stays_beside_its_word(name):
    short = shorten(name, MOST_LETTERS)
    begin, end = short.split("…")
    assert name.startswith(begin)
    assert name.endswith(end)
    assert MOST_LETTERS - 4 < width_of(short) <= MOST_LETTERS
    mark = change_mark({"value": 0.1, "low": 0.0, "high": 0.2})
    assert name in changes([Row(name, (mark,), "better")], "Difference").alt


# In a report


def test_loss_and_perplexity_of_both_are_drawn_beside_the_shares(run: Run):
    captions = [each["caption"] for each in pictures_in(run, "scores")]
    assert [caption.partition(":")[0] for caption in captions[2:]] == ["Loss", "Perplexity"]
    assert "(lower is better), with 95 % intervals" in captions[2]
    loss = pictures_in(run, "scores")[2]["alt"]
    assert re.search(r"Before: 2\.\d\d, between 2\.\d\d and 2\.\d\d\. After: 0\.12, between 0\.1\d and 0\.1\d\.", loss)


def test_where_no_loss_was_measured_none_is_drawn(run: Run):
    scores = read_json(run.folder / "scores.json")
    without = {name: each for name, each in scores["measures"].items() if name not in ("loss", "perplexity")}
    write_json(run.folder / "scores.json", {**scores, "measures": without})
    assert len(pictures_in(run, "scores")) == 2


def test_three_ways_are_drawn_by_quality_difference_tokens_and_seconds(run: Run):
    quiz(run)
    ask_worth(run, base=0, prompt=18, tuned=29)
    quality, difference, tokens, time = (each["alt"].replace("\u00a0", " ") for each in pictures_in(run, "worth"))
    assert re.search(r"The base with 3 examples in its prompt: 60 %, between \d\d and \d\d\. Fine-tuned: 97 %", quality)
    assert "The prompt, against the base: +60, better." in difference
    assert "The base with 3 examples in its prompt: 400 read, 8 written." in tokens
    assert "Fine-tuned: 0.63 s, from 0.60 to 0.66." in time


def test_others_are_drawn_beside_before_and_after_with_their_difference_loss_and_perplexity(run: Run):
    checkpoints_of(run, range(20, 60, 20))
    main, difference, loss, perplexity = pictures_in(run, "others")
    for picture in (main, loss, perplexity):
        assert picture["alt"].index("Before: ") < picture["alt"].index("After: this run: ")
        assert picture["alt"].index("After: this run: ") < picture["alt"].index("Checkpoint: “orders”, step 20: ")
    assert re.search(r"Checkpoint: “orders”, step 20: \+\d\d, better\.", difference["alt"])
    assert "Checkpoint: “orders”, step 40: 0.02, between" in loss["alt"].replace("0.020", "0.02")
    assert "by factors" in perplexity["caption"]


def test_of_who_has_no_loss_none_is_drawn(run: Run):
    checkpoints_of(run, range(20, 40, 20), loss=None)
    assert len(pictures_in(run, "others")) == 2


def test_of_many_others_the_first_are_drawn_and_the_caption_says_that_there_are_more(run: Run, monkeypatch):
    monkeypatch.setattr(others_pictures, "MOST", 2)
    checkpoints_of(run, range(10, 40, 10))
    for picture in pictures_in(run, "others"):
        assert "step 20" in picture["alt"]
        assert "step 30" not in picture["alt"]
        assert picture["caption"].endswith("the first 2 of 3 others") or BY_FACTORS in picture["caption"]


def test_each_of_them_stands_on_the_page_with_all_that_it_shows_in_words(run: Run):
    quiz(run)
    ask_worth(run, base=0, prompt=18, tuned=29)
    checkpoints_of(run, range(20, 40, 20))
    page = render_page(document_of(run))
    labels = re.findall(r'<svg [^>]*role="img" aria-label="([^"]+)"', page)
    assert len(labels) == page.count("<svg ") == 4 + 4 + 1 + 4 + 1
    assert all(len(label) > 40 for label in labels)


def test_of_fewer_examples_than_a_word_needs_the_picture_says_so_too(workspace):
    few = make_run(workspace, examples=12)
    score(few, lambda row, wanted: "Hello!", lambda row, wanted: wanted)
    assert 0 < read_json(few.folder / "scores.json")["examples"] < FEWEST
    assert ", too few." in pictures_in(few, "scores")[1]["alt"]
