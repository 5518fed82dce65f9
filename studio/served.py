"""A model behind an OpenAI-compatible address. It may stall, refuse, break off or talk nonsense."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import httpx

from studio.errors import DataError, SettingError

TRIES = 5
LONGEST_WAIT_S = 60.0
TIMEOUT_S = 120.0
NO_JSON: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Reply:
    text: str
    tokens_in: int = 0
    tokens_out: int = 0


@dataclass(frozen=True)
class Takes:
    """What of a request a server takes: not all take all."""

    limit: str = "max_tokens"
    temperature: bool = True
    schema: bool = True

    def without(self, complaint: str) -> Takes | None:
        """Less of it, by what the server complained of; None if nothing is left to leave out."""
        if "max_tokens" in complaint and self.limit == "max_tokens":
            return replace(self, limit="max_completion_tokens")  # OpenAI's models that think refuse the older name
        if "temperature" in complaint and self.temperature:
            return replace(self, temperature=False)
        return replace(self, schema=False) if self.schema else None


class RefusedError(DataError):
    """The server refuses this one request for what is in it; another may be accepted."""


@dataclass
class ServedModel:
    """`address` ends before /chat/completions. `wait` sleeps between tries, and may be replaced in tests.

    `schema` is the JSON schema of a reply; servers that cannot hold a model to one are asked in words alone.
    Several threads may ask at once.
    """

    address: str
    model: str
    key: str = ""
    timeout_s: float = TIMEOUT_S
    wait: Callable[[float], None] = time.sleep
    schema: Mapping[str, Any] = field(default_factory=lambda: NO_JSON)
    temperature: float = 0.0
    _takes: Takes = field(default=Takes(), init=False)  # as it was learned from the first reply

    def ask(self, messages: Sequence[dict[str, str]], most_tokens: int = 2048, seed: int = 0) -> Reply:
        """Tried again where waiting may help; the same `seed` gives the same reply where the server can do that.

        Raises: DataError, which says what the server said last; RefusedError if it will not take these messages.
        """
        said, asked_to_wait_s = "", 0.0
        for number in range(TRIES):
            if number:
                self.wait(min(LONGEST_WAIT_S, max(asked_to_wait_s, 2.0 ** (number - 1))))
            asked_to_wait_s = 0.0
            try:
                reply = self._post_as_it_takes(messages, most_tokens, seed)
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
            if reply.status_code == 429 or reply.status_code >= 500:
                asked_to_wait_s = _retry_after(reply)
                said = f"{reply.status_code}, {words_of(reply)}"
                continue
            if reply.status_code >= 400:
                raise self._refused(reply)
            read = _read(reply)
            if read is not None:
                return read
            said = f"a reply that is none: {reply.text[:120]!r}"
        raise DataError(
            f"{self.address} did not answer after {TRIES} tries; last it said: {said}.",
            "Wait a while and go on: what is done already is kept.",
        )

    def _post_as_it_takes(self, messages: Sequence[dict[str, str]], most_tokens: int, seed: int) -> httpx.Response:
        """With less and less of what the server complains of."""
        takes: Takes | None = self._takes
        while takes:
            reply = self._post(messages, most_tokens, seed, takes)
            if reply.is_success:
                self._takes = takes
            takes = takes.without(words_of(reply)) if reply.status_code == 400 else None
        return reply

    def _post(self, messages: Sequence[dict[str, str]], most_tokens: int, seed: int, takes: Takes) -> httpx.Response:
        body: dict[str, Any] = {"model": self.model, "messages": list(messages), takes.limit: most_tokens}
        if takes.temperature:
            body |= {"temperature": self.temperature}
        if takes.schema:
            body |= {"seed": seed}
            if self.schema:
                form = {"name": "reply", "schema": self.schema}
                body |= {"response_format": {"type": "json_schema", "json_schema": form}}
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        return httpx.post(
            f"{self.address.rstrip('/')}/chat/completions", json=body, headers=headers, timeout=self.timeout_s,
            trust_env=not is_here(self.address),  # no proxy gets to see what is meant for this computer
        )  # fmt: skip

    def _refused(self, reply: httpx.Response) -> DataError:
        words = words_of(reply)
        if reply.status_code in (401, 403):
            return DataError(f"{self.address} does not accept the key: {words}.", "Check the key, or set another one.")
        if reply.status_code == 404:
            return DataError(
                f"{self.address} knows no model {self.model!r}: {words}.", "Check the address and the name."
            )
        kind = RefusedError if reply.status_code in (400, 413, 422) else DataError
        return kind(f"{self.address} refuses: {reply.status_code}, {words}.", "Change what it complains of.")


def require_address(text: str) -> str:
    """The address of a server, without a slash at its end. Raises: SettingError if it is none, or holds a password."""
    address = text.strip().rstrip("/")
    try:
        parts = urlsplit(address)
        known = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        known = False
    if not known:
        raise SettingError(f"“{address}” is no address of a server.", "It looks like http://localhost:11434/v1.")
    if parts.username or parts.password or parts.query:
        raise SettingError(
            "This address holds a name, a password or a key, and addresses are kept in files.",
            "Leave them out, and put the key into its own field.",
        )
    return address.removesuffix("/chat/completions")


def is_here(address: str) -> bool:
    """Whether a server is on this computer."""
    host = urlsplit(address).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def words_of(reply: httpx.Response) -> str:
    """What a server says of an error."""
    try:
        error = reply.json()["error"]
        return str(error["message"] if isinstance(error, dict) else error)[:200].rstrip(".")
    except (ValueError, KeyError, TypeError):
        return reply.text[:120].strip().rstrip(".") or "no words"


def _read(reply: httpx.Response) -> Reply | None:
    try:
        body = reply.json()
        text = body["choices"][0]["message"]["content"]
        usage = body.get("usage") or {}
        return Reply(str(text or ""), int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return None


def _retry_after(reply: httpx.Response) -> float:
    try:
        return max(0.0, float(reply.headers.get("retry-after", 0)))
    except ValueError:
        return 0.0
