"""A model behind an OpenAI-compatible address, asked for examples. It may stall, refuse, break off or talk nonsense."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from studio.data.json_rows import parse_first
from studio.errors import DataError

TRIES = 5
LONGEST_WAIT_S = 60.0
TIMEOUT_S = 120.0
TEMPERATURE = 0.9  # the same prompt is asked again and again, and must not give the same
SCHEMA = {
    "type": "object",
    "properties": {
        "examples": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"question": {"type": "string"}, "answer": {"type": "string"}},
                "required": ["question", "answer"],
            },
        }
    },
    "required": ["examples"],
}


@dataclass(frozen=True)
class Reply:
    text: str
    tokens_in: int = 0
    tokens_out: int = 0


@dataclass
class Maker:
    """`address` ends before /chat/completions. `wait` sleeps between tries, and may be replaced in tests."""

    address: str
    model: str
    key: str = ""
    timeout_s: float = TIMEOUT_S
    wait: Callable[[float], None] = time.sleep
    takes_schema: bool = field(default=True, init=False)  # until the server says that it does not
    _asked_to_wait_s: float = field(default=0.0, init=False)

    def ask(self, messages: Sequence[dict[str, str]], most_tokens: int = 2048, seed: int = 0) -> Reply:
        """Tried again where waiting may help; the same `seed` gives the same reply where the server can do that.

        Raises: DataError, which says what the server said last.
        """
        said = ""
        for number in range(TRIES):
            if number:
                self.wait(min(LONGEST_WAIT_S, self._pause(number)))
            try:
                reply = self._post(messages, most_tokens, seed)
            except httpx.TimeoutException:
                said = f"no answer within {self.timeout_s:.0f} s"
                continue
            except httpx.ConnectError as error:
                raise DataError(
                    f"Nobody answers at {self.address}: {error}.", "Is the server running there?"
                ) from error
            except httpx.HTTPError as error:
                said = f"the connection broke off ({error})"
                continue
            except httpx.InvalidURL as error:
                raise DataError(f"{self.address} is no address.", "It looks like http://localhost:11434/v1.") from error
            if reply.status_code == 400 and self.takes_schema:
                self.takes_schema = False  # an older server: it is asked in words alone
                continue
            if reply.status_code == 429 or reply.status_code >= 500:
                self._asked_to_wait_s = _retry_after(reply)
                said = f"{reply.status_code}, {_words_of(reply)}"
                continue
            if reply.status_code >= 400:
                raise _refused(self, reply)
            read = _read(reply)
            if read is not None:
                return read
            said = f"a reply that is none: {reply.text[:120]!r}"
        raise DataError(
            f"{self.address} did not answer after {TRIES} tries; last it said: {said}.",
            "Wait a while and press Go on: what is made already is kept.",
        )

    def _pause(self, number: int) -> float:
        asked, self._asked_to_wait_s = self._asked_to_wait_s, 0.0
        return max(asked, 2.0 ** (number - 1))

    def _post(self, messages: Sequence[dict[str, str]], most_tokens: int, seed: int) -> httpx.Response:
        body: dict[str, Any] = {"model": self.model, "messages": list(messages), "max_tokens": most_tokens}
        body |= {"temperature": TEMPERATURE}
        if self.takes_schema:
            schema = {"name": "examples", "schema": SCHEMA}
            body |= {"seed": seed, "response_format": {"type": "json_schema", "json_schema": schema}}
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        return httpx.post(
            f"{self.address.rstrip('/')}/chat/completions", json=body, headers=headers, timeout=self.timeout_s
        )


def _read(reply: httpx.Response) -> Reply | None:
    try:
        body = reply.json()
        text = body["choices"][0]["message"]["content"]
        usage = body.get("usage") or {}
        return Reply(str(text or ""), int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return None


def _refused(maker: Maker, reply: httpx.Response) -> DataError:
    words = _words_of(reply)
    if reply.status_code in (401, 403):
        return DataError(f"{maker.address} does not accept the key: {words}.", "Check the key, or set another one.")
    if reply.status_code == 404:
        return DataError(f"{maker.address} knows no model {maker.model!r}: {words}.", "Check the address and the name.")
    return DataError(f"{maker.address} refuses: {reply.status_code}, {words}.", "Change what it complains of.")


def _words_of(reply: httpx.Response) -> str:
    try:
        error = reply.json()["error"]
        return str(error["message"] if isinstance(error, dict) else error)[:200].rstrip(".")
    except (ValueError, KeyError, TypeError):
        return reply.text[:120].strip().rstrip(".") or "no words"


def _retry_after(reply: httpx.Response) -> float:
    try:
        return max(0.0, float(reply.headers.get("retry-after", 0)))
    except ValueError:
        return 0.0


def parse_pairs(text: str) -> list[tuple[str, str]]:
    """Questions and answers out of what a model wrote: its JSON as a whole, else each object that can be read."""
    found: list[tuple[str, str]] = []
    place = 0
    while (place := text.find("{", place)) >= 0:
        try:
            value, end = parse_first(text, place)
        except json.JSONDecodeError:
            place += 1
            continue
        pairs = _pairs_of(value)
        found += pairs
        place = end if pairs else place + 1
    return found


def _pairs_of(value: Any) -> list[tuple[str, str]]:
    if not isinstance(value, dict):
        return []
    if isinstance(value.get("examples"), list):
        return [pair for each in value["examples"] for pair in _pairs_of(each)]
    if "question" not in value or "answer" not in value:
        return []
    question, answer = (
        part if isinstance(part, str) else json.dumps(part, ensure_ascii=False)
        for part in (value["question"], value["answer"])
    )
    return [(question.strip(), answer.strip())]
