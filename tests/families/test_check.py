"""The verdict on a GGUF file, on what such a file answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from studio.data.conversation import Conversation, Message
from studio.data.tokens import FolderTokenizer
from studio.workers import check
from studio.workers.generate import Answer, Prompt

ASKED = [
    Conversation((Message("user", f"Where is room {number}?"), Message("assistant", "Up."))) for number in range(4)
]
TEXT = "It is up the stairs, on the left, behind the door that is green."


def file_that_goes_on(tokenizer: FolderTokenizer, ids: Sequence[int], at_end: int | None) -> type:
    """A file that writes on and on by itself; told the answer word by word it says the same, and `at_end` after it."""

    class File:
        def __init__(self, gguf: Path, slots: int) -> None:
            pass

        def prompt_ids(self, messages: Sequence[Message]) -> list[int]:
            return Prompt("tuned", tuple(messages), thinks=True).ids(tokenizer)

        def next_token(self, before: Sequence[int]) -> int | None:
            told = next(
                count for count in range(len(ids), -1, -1) if list(before[len(before) - count :]) == ids[:count]
            )
            return ids[told] if told < len(ids) else at_end

        def ask(self, messages: Any, own: Any, most: int) -> SimpleNamespace:
            return SimpleNamespace(finished=False, text=f"{TEXT} {TEXT}")

        def close(self) -> None:
            pass

    return File


@pytest.mark.parametrize("at_end", ["stops", "writes the end mark", "writes on"])
def test_file_that_writes_on_is_good_only_if_it_stops_where_the_model_does(
    at_end: str, tokenizer_of_family: Callable[[str], FolderTokenizer], monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = tokenizer_of_family("Qwen 3")
    end = tokenizer.tokenizer.token_to_id(tokenizer.eos_token)
    ids = list(tokenizer.encode(TEXT)[0])
    file = file_that_goes_on(tokenizer, ids, {"stops": None, "writes the end mark": end, "writes on": ids[0]}[at_end])
    monkeypatch.setattr(check, "LlamaCpp", file)
    expected = [Answer(TEXT, [*ids, end], finished=True)] * len(ASKED)
    found = check.check_gguf(Path("x.gguf"), ASKED, expected, tokenizer, {end}, 64, lambda progress: None)
    expected_share = len(ids) / (len(ids) + 1) if at_end == "writes on" else 1.0
    assert found["agreement"] == pytest.approx(expected_share, abs=0.001)
    assert found["finished"] == 0.0
    assert found["good"] == (at_end == "stops")
