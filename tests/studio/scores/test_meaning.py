"""Similarity of meaning: what the extra sees and does not see, and that without it nothing of it is offered."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import wordllama

from studio.compare.weigh import weigh
from studio.errors import SettingError
from studio.scores.choice import Choice, make_choice
from studio.scores.meaning import similarity
from studio.scores.measures import MEASURES
from studio.workspace import REPOSITORY

LETTERS = [
    f"Thank you for your message. Parcel {n * 37} is with the {('post', 'customs')[n % 2]} and comes in {n % 7} days."
    for n in range(40)
]
GERMAN = [
    f"Vielen Dank für Ihre Nachricht. Das Paket {n} ist unterwegs und kommt in wenigen Tagen an." for n in range(40)
]


@pytest.fixture
def without(monkeypatch):
    """As where the extra was not added."""
    monkeypatch.setattr("studio.extras.find_spec", lambda module: None)


def weighed(wanted, tuned, choice=None):
    rows = [{"wanted": each, "base": "I cannot help with that.", "tuned": tuned(each)} for each in wanted]
    return weigh(wanted, rows, choice)


@pytest.mark.parametrize(
    ("wanted", "answer"),
    [
        ("You can return the shoes within two weeks.", "Footwear may be sent back inside fourteen days."),
        ("The order can be cancelled.", "The library opens at nine on Saturdays."),
        ("Yes.", "no 😀 \x00"),
    ],
)
def test_it_is_the_cosine_that_the_library_itself_gives(wanted, answer):
    model = wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)
    assert similarity(wanted, answer) == pytest.approx(model.similarity(wanted, answer), abs=1e-3)


def test_it_tells_words_that_are_akin_from_words_that_are_not():
    wanted = "You can return the shoes within two weeks."
    near, far = "Footwear may be sent back inside fourteen days.", "The library opens at nine on Saturdays."
    assert similarity(wanted, wanted) == 1
    assert 0.4 < similarity(wanted, near) < 0.7
    assert similarity(wanted, far) < 0.2


def test_what_its_help_says_it_does_not_see_it_does_not_see():
    assert similarity("The order can be cancelled.", "The order cannot be cancelled.") > 0.9
    assert similarity("The customer owes the bank money.", "The bank owes the customer money.") == 1
    assert similarity("The invoice is due in 30 days.", "The invoice is due in 90 days.") > 0.9
    assert "no order of words and hardly a “not” or another number" in MEASURES["meaning"].help


def test_of_blanks_and_of_other_languages_it_says_what_it_can():
    assert similarity(LETTERS[0], " \n") == 0
    assert similarity(" ", LETTERS[0]) is None
    assert similarity(GERMAN[0], GERMAN[0]) is None
    assert similarity(LETTERS[0], GERMAN[0]) < 0.5


def test_its_model_comes_with_the_package_and_nothing_is_fetched(tmp_path):
    code = (
        "import socket\n"
        "def refuse(*_, **__): raise AssertionError('it asked the network')\n"
        "socket.getaddrinfo = socket.socket.connect = refuse\n"
        "from studio.scores.meaning import similarity\n"
        "print(similarity('The parcel is here.', 'The package is here.'))"
    )
    home = {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path), "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=home)
    assert done.returncode == 0, done.stderr
    assert 0.4 < float(done.stdout) < 1
    assert list(tmp_path.iterdir()) == []


def test_of_free_text_it_is_told_with_an_interval_but_never_decides_by_itself():
    found = weighed(LETTERS, lambda each: each.replace("message", "letter"))
    assert found["main"] == found["suited"] == "chrf"
    told = found["measures"]["meaning"]
    assert (told["word"], told["examples"]) == ("better", 40)
    assert -1 <= told["base"]["low"] <= told["base"]["value"] <= told["base"]["high"]
    assert 0.5 < told["difference"]["low"] < told["difference"]["value"] < told["difference"]["high"] <= 2
    assert "meaning" not in weighed([json.dumps({"order": n}) for n in range(40)], str)["measures"]
    assert {weighed(wanted, str)["suited"] for wanted in (["angry", "calm", "glad", "glad"] * 10, GERMAN)} == {
        "chrf",
        "label_right",
    }


def test_chosen_by_hand_it_decides_and_that_is_said():
    found = weighed(LETTERS, lambda each: each.replace("message", "letter"), make_choice("meaning"))
    assert found["main"] == "meaning"
    assert found["verdict"]["word"] == "better"
    assert found["verdict"]["reason"].startswith("Similarity of meaning: \u22120.058 before, 0.91 after")
    assert (
        "“similarity of meaning” was chosen by hand to decide. By looking at the data it would be “chrF”"
        in (found["by_hand"])
    )
    assert found["by_example"]["measure"] == "meaning"
    assert min(found["by_example"]["tuned"]) > max(found["by_example"]["base"])


def test_a_run_that_did_not_change_cannot_be_told_from_its_base_by_it():
    found = weighed(LETTERS, lambda each: "I cannot help with that.", make_choice("meaning"))
    assert found["verdict"]["word"] == "can't tell"


def test_answers_to_other_questions_are_not_called_better_by_it():
    found = weighed(LETTERS, lambda each: LETTERS[(LETTERS.index(each) + 7) % 40], make_choice("meaning"))
    assert found["verdict"]["word"] == "can't tell"
    assert "it may have learned the form alone" in found["verdict"]["reason"]


def test_where_all_is_in_another_language_it_cannot_decide():
    assert "meaning" not in weighed(GERMAN, str)["measures"]
    with pytest.raises(SettingError, match="“similarity of meaning” says nothing of these examples"):
        weighed(GERMAN, str, make_choice("meaning"))


def test_without_the_extra_it_is_not_measured_and_whoever_asks_for_it_is_told_how_to_get_it(without):
    found = weighed(LETTERS, str)
    assert "meaning" not in found["measures"]
    assert "meaning" not in found["apply"]
    for choose in (lambda: make_choice("meaning"), lambda: weighed(LETTERS, str, Choice("meaning"))):
        with pytest.raises(SettingError, match="“similarity of meaning” is an extra, and is not here") as raised:
            choose()
        assert "“python launch.py --add similarity”" in raised.value.do
        assert "about 19 MB" in raised.value.do
    with pytest.raises(SettingError) as raised:
        make_choice("best")
    assert "meaning" not in raised.value.do
