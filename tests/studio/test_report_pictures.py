"""Pictures show what the numbers say, at the right place of the scale, and say it in words too."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from studio.report.charts import loss_curve
from studio.report.figures import between, duration, number, percent, points, say_both, say_move, share_between
from studio.report.matrix import confusion_matrix
from studio.report.pictures import LEFT, RIGHT, Mark, Row, changes, shares, vote_bar
from studio.scores.labels import confusion
from studio.scores.measures import MEASURES
from studio.train.metrics import EMPTY_CURVE, Curve, read_metrics_since
from studio.vote.tally import Tally

SVG = "{http://www.w3.org/2000/svg}"


def drawn(picture) -> ElementTree.Element:
    return ElementTree.fromstring(picture.svg)


def x_of(share: float) -> float:
    return LEFT + share * (RIGHT - LEFT)


def test_before_and_after_lie_where_their_shares_are_and_differ_in_shape():
    row = Row("right", (Mark("before", 0.25, 0.1, 0.5, "25 %"), Mark("after", 1.0, 0.9, 1.0, "100 %")))
    picture = drawn(shares([row], "Shares"))
    square = next(each for each in picture.iter(f"{SVG}rect") if "before" in each.attrib["class"])
    circle = next(picture.iter(f"{SVG}circle"))
    assert float(square.attrib["x"]) + 3.5 == pytest.approx(x_of(0.25), abs=0.1)
    assert float(circle.attrib["cx"]) == pytest.approx(x_of(1.0), abs=0.1)
    whisker = next(each for each in picture.iter(f"{SVG}path") if each.attrib["class"] == "whisker before")
    ends = [float(x) for x in re.findall(r"M([\d.]+)", whisker.attrib["d"])]
    assert ends[0] == pytest.approx(x_of(0.1), abs=0.1)
    assert ends[-1] == pytest.approx(x_of(0.5), abs=0.1)


def test_the_scale_of_differences_holds_zero_and_all_bounds():
    row = Row("right", (Mark("change", -0.4, -0.62, -0.1, "-40"),), "worse")
    picture = changes([row], "Differences")
    ticks = [text for text in picture.svg.split("<text") if 'class="quiet middle"' in text]
    values = [each.partition(">")[2].partition("<")[0] for each in ticks]
    assert values[0].endswith("75")
    assert "0" in values
    assert 'class="zero"' in picture.svg


def test_an_unknown_bound_is_drawn_to_the_end_of_the_scale():
    picture = drawn(shares([Row("right", (Mark("after", 0.5, None, None, "50 %"),))], "Shares"))
    whisker = next(each for each in picture.iter(f"{SVG}path") if "whisker" in each.attrib["class"])
    ends = [float(x) for x in re.findall(r"M([\d.]+)", whisker.attrib["d"])]
    assert (ends[0], ends[-1]) == (LEFT, RIGHT)


def test_a_picture_is_sound_xml_and_says_in_words_what_it_shows_whatever_the_labels_are():
    label = '</svg><script>\x00 & "quoted" ' + "w" * 90
    picture = shares([Row(label, (Mark("after", 0.5, 0.4, 0.6, "50 %"),))], "Shares")
    root = drawn(picture)
    assert [each.tag for each in root.iter() if each.tag.endswith("script")] == []
    assert "after 50 %" in root.attrib["aria-label"]
    assert root.attrib["role"] == "img"


@pytest.mark.parametrize("tally", [Tally(14, 3, 3), Tally(0, 5, 0), Tally(1, 0, 0), Tally(0, 0, 4)])
def test_the_lengths_of_a_vote_are_those_of_its_counts(tally):
    picture = drawn(vote_bar(tally))
    widths = {
        each.attrib["class"]: float(each.attrib["width"]) + 1.5
        for each in picture.iter(f"{SVG}rect") if each.attrib["class"].startswith("fill-")
    }  # fmt: skip
    expected = {"fill-after": tally.won, "fill-tied": tally.tied, "fill-before": tally.lost}
    for kind, votes in expected.items():
        assert widths.get(kind, 0) == pytest.approx(360 * votes / tally.cast, abs=0.2)
    assert f"tuned preferred {tally.won} time" in picture.attrib["aria-label"]


def test_the_curve_falls_on_the_page_as_the_loss_does(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text(
        "".join(f'{{"step": {step}, "loss": {3 / step}, "smooth": {3 / step}}}\n' for step in range(1, 2001))
        + '{"step": 2000, "heldout_loss": 0.5}\n',
        encoding="utf-8",
    )
    picture = loss_curve(read_metrics_since(path, 0), 2000)
    assert picture
    line = next(each for each in drawn(picture).iter(f"{SVG}path") if each.attrib["class"] == "whisker after")
    places = [tuple(map(float, pair.split())) for pair in line.attrib["d"].removeprefix("M").split("L")]
    assert len(places) <= 302
    assert [x for x, _ in places] == sorted(x for x, _ in places)
    assert [y for _, y in places] == sorted(y for _, y in places)
    assert "kept" in picture.svg
    assert "Training: 3.00 at first" in picture.alt


def test_a_run_that_logged_nothing_has_no_curve():
    assert loss_curve(EMPTY_CURVE, 0) is None


def test_a_loss_that_is_zero_or_unknown_can_be_drawn():
    flat = Curve(**{**EMPTY_CURVE, "train": {"step": [0, 1], "smooth": [0.0, 0.0], "loss": [None, 0.0]}})
    assert loss_curve(flat, 0)


def test_the_matrix_counts_what_was_taken_for_what_and_shows_the_twelve_most_wanted_of_many():
    labels = tuple(f"label {n:02}" for n in range(20))
    wanted = [label for n, label in enumerate(labels) for _ in range(n + 1)]
    given = [label if n % 3 else "nonsense" for n, label in enumerate(wanted)]
    picture = confusion_matrix(confusion(labels, wanted, given), "After")
    texts = [each.text for each in drawn(picture).iter(f"{SVG}text")]
    assert sum(str(text).startswith("label") for text in texts) == 24
    assert "label 00" not in texts
    assert f"{sum(a == b for a, b in zip(wanted, given, strict=True))} of {len(wanted)} right" in picture.alt


SHOP = ("complaint about a delivery that is late", "question about an invoice", "praise")
BANK = tuple(f"{each} not_recognised_by_the bank" for each in "abcdefghijkl")


def texts_of(labels: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """What is drawn in a matrix, and of what the whole is told to who points at it."""
    picture = drawn(confusion_matrix(confusion(labels, labels, labels), "After"))
    found = list(picture.iter(f"{SVG}text"))
    whole = [title.text or "" for each in found for title in each.iter(f"{SVG}title")]
    return ["".join(each.itertext()).removeprefix("".join(t.text or "" for t in each)) for each in found], whole


def test_long_labels_are_turned_and_wrapped_rather_than_cut():
    texts, whole = texts_of(SHOP)
    assert not whole
    assert not any("…" in text for text in texts)
    drawn_twice = " ".join(texts)
    for label in SHOP:
        assert all(drawn_twice.count(word) >= 2 for word in label.split())
    picture = confusion_matrix(confusion(SHOP, SHOP, SHOP), "After").svg
    assert picture.count("rotate(-90)") == 2 + 2 + 1 + 1  # the long ones on two lines, and “else”


def test_what_does_not_fit_is_numbered_and_told_in_full_below():
    texts, whole = texts_of(BANK)
    assert set(whole) == set(BANK)
    for place, label in enumerate(BANK, start=1):
        assert f"{place}. {label}" in texts
        assert sum(text.startswith(f"{place}. ") for text in texts) == 3


def test_all_of_a_matrix_stands_within_its_picture():
    for labels in (SHOP, BANK, ("angry", "calm"), ("LOUD COMPLAINTS ABOUT EVERYTHING AT ALL", "calm")):
        picture = confusion_matrix(confusion(labels, labels, labels), "After")
        width, height = map(float, drawn(picture).attrib["viewBox"].split()[2:])
        for cell in drawn(picture).iter(f"{SVG}rect"):
            assert float(cell.attrib["x"]) + float(cell.attrib["width"]) <= width + 0.1
            assert float(cell.attrib["y"]) + float(cell.attrib["height"]) <= height
        for text in drawn(picture).iter(f"{SVG}text"):
            if "y" in text.attrib:
                assert 0 <= float(text.attrib["y"]) <= height


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (percent(0.9239), "92 %"), (percent(1.0), "100 %"), (percent(0.0), "0 %"), (percent(0.9975), "99.8 %"),
        (percent(0.00001), "0.1 %"), (points(0.961), "+96"), (points(-0.031), "−3"), (points(-0.004), "−0.4"),  # noqa: RUF001
        (points(0.00949), "+0.9"), (points(0.0096), "+1"), (points(0.0), "0"), (points(-1e-9), "0"),
        (percent(0.99994, 1), "99.9 %"), (percent(0.9844, 1), "98.4 %"),
        (number(7.654), "7.65"), (number(0.0151), "0.015"), (number(-2.006), "−2.01"),  # noqa: RUF001
        (between({"low": 0.84, "high": 0.966}), "between 84 and 97"),
        (between({"low": None, "high": 0.5}), "between unknown and 50"), (duration(163), "3 min"),
    ],
)  # fmt: skip
def test_numbers_have_the_digits_that_they_deserve(said, wanted):
    assert said.replace("\u00a0", " ") == wanted


@pytest.mark.parametrize(
    ("measure", "before", "after", "told"),
    [
        ("right", 0.9823, 0.9846, ("98.2 %", "98.5 %")),
        ("right", 0.98, 0.98, ("98 %", "98 %")),
        ("right", 0.1, 1.0, ("10 %", "100 %")),
        ("right", 0.9999, 1.0, ("99.9 %", "100 %")),
        ("loss", 0.3112, 0.3121, ("0.311", "0.312")),
        ("loss", 2.0, 1.5, ("2.00", "1.50")),
        ("loss", None, 1.5, ("unknown", "1.50")),
        ("right", 0.98, 0.98 + 1e-12, ("98 %", "98 %")),
    ],
)
def test_two_levels_that_differ_are_told_apart(measure, before, after, told):
    assert tuple(each.replace("\u00a0", " ") for each in say_both(MEASURES[measure], before, after)) == told


def test_a_share_of_a_count_has_wilsons_interval():
    assert share_between(1.0, 10) == "between 72 and 100"
    assert share_between(0.0, 0) == "between 0 and 100"


@pytest.mark.parametrize(("share", "level", "change"), [(0.225, "23", "3"), (0.285, "29", "9"), (0.224999, "22", "2")])
def test_a_half_is_rounded_up_on_both_sides_of_nothing(share, level, change):
    assert percent(share) == f"{level}\u00a0%"
    assert between({"low": share, "high": 1.0}) == f"between {level} and 100"
    rest = share - 0.2
    assert [points(rest), points(-rest)] == [f"+{change}", f"\u2212{change}"]


def test_two_levels_and_their_change_come_out_where_they_can():
    """With a digit more where whole numbers would not; thirds come out with no number of digits."""
    told = [say_move(*move) for move in ((0.25, 0.225, -0.025), (0.95, 0.7, -0.25), (1.0, 0.998, -0.002))]
    assert [" ".join(each).replace("\u00a0%", "") for each in told] == [
        "25.0 22.5 \u22122.5",
        "95 70 \u221225",
        "100 99.8 \u22120.2",
    ]
    assert say_move(1 / 3, 1 / 6, -1 / 6) == ("33\u00a0%", "17\u00a0%", "\u221217")
