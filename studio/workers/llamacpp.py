"""A GGUF under llama.cpp, in this process, by xllamacpp."""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import xllamacpp

from studio.compare.sampling import GREEDY, Sampling
from studio.data.conversation import Conversation, Message
from studio.data.tokens import FolderTokenizer
from studio.errors import ExportError, ModelError
from studio.workers.heldout import is_begun

PATIENCE_S = 600  # until the next token: a long question to a large model on a slow processor
TOKEN_PATIENCE_S = 5
SLOTS = 4  # questions that are answered at once
FORCED = 1000.0  # beyond what any model gives a token
MOST_WORDS = 1_000_000  # beyond any vocabulary


@dataclass(frozen=True)
class Reply:
    text: str
    finished: bool


class LlamaCpp:
    """One loaded GGUF; it is an OpenAI-compatible server too, at `address`, for who has the `key`.

    Raises: ExportError if llama.cpp cannot load it.
    """

    def __init__(self, path: Path, context_tokens: int = 4096, slots: int = SLOTS) -> None:
        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(path)
        parameters.n_ctx = context_tokens * slots  # it is divided among the slots
        parameters.n_parallel = slots
        parameters.port = 0
        parameters.warmup = False
        self.context_tokens = context_tokens
        self.key = secrets.token_hex(16)
        parameters.api_keys = [self.key]
        try:
            self._server = xllamacpp.Server(parameters)
        except Exception as error:
            raise ExportError(
                f"llama.cpp could not load {path.name}: {error}.",
                "Export it again; if it stays so, export F16.",
            ) from error
        self.address = f"{self._server.listening_address}/v1"
        self._http = httpx.Client(
            base_url=self._server.listening_address,
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=PATIENCE_S,
            limits=httpx.Limits(max_keepalive_connections=0),  # its server hangs up on kept ones now and then
            trust_env=False,
        )

    def tokenize(self, text: str, begins: bool = False) -> list[int]:
        """Ids of text in which special tokens are read as such.

        `begins`: with the mark that a text begins with, where the file says that it has one. llama.cpp takes that mark
        off a rendered prompt, since whoever asks puts it there again.
        """
        body = {"content": text, "add_special": begins, "parse_special": True}
        return list(self._post("/tokenize", body)["tokens"])

    def prompt_ids(self, messages: Sequence[Message]) -> list[int]:
        """The tokens that the file is asked with."""
        return self.tokenize(self.render(messages), begins=not is_begun(messages))

    def render(self, messages: Sequence[Message]) -> str:
        """The prompt as the chat template inside the GGUF makes it; the beginning of a passage as it stands."""
        if is_begun(messages):
            return messages[0].content
        body = {"messages": Conversation(tuple(messages)).as_dicts()}
        return str(self._post("/apply-template", body)["prompt"])

    def opens_thought(self, messages: Sequence[Message]) -> str:
        """What its template has begun of the answer: <think>, or nothing."""
        return "<think>" if self.render(messages).rstrip().endswith("<think>") else ""

    def _post(self, path: str, body: dict[str, Any], patience_s: float = PATIENCE_S) -> Any:
        reply = self._http.post(path, json=body, timeout=patience_s)
        reply.raise_for_status()
        return reply.json()

    def next_token(self, ids: Sequence[int]) -> int | None:
        """The likeliest token after these; None where llama.cpp ends the text there."""
        body = {"prompt": list(ids), "n_predict": 1, "temperature": 0.0, "return_tokens": True}
        reply = self._post("/completion", {**body, "cache_prompt": True})
        tokens = reply.get("tokens") or []
        return tokens[0] if tokens and reply.get("stop_type") != "eos" else None

    def log_chance(self, before: Sequence[int], token: int) -> float:
        """The log probability of a token after these, in nats, as the weights have it before any sampling.

        llama.cpp tells it of tokens that were drawn, so this one is made to be drawn.
        """
        told = self._draw(before, token, 1)
        if told:
            return float(told[0]["logprob"])
        # It is silent on a token that ends within a letter: another one is drawn, and the chances of all are told.
        every = self._draw(before, self._letter, MOST_WORDS)[0]["top_logprobs"]
        return next(float(each["logprob"]) for each in every if each["id"] == token)

    def _draw(self, before: Sequence[int], token: int, told: int) -> list[dict[str, Any]]:
        """What is said of the one token that is drawn; `told`: how many of the likeliest are told beside it."""
        body = {
            "prompt": list(before),
            "n_predict": 1,
            "temperature": 0.0,
            "logit_bias": [[token, FORCED]],
            "n_probs": told,
            "cache_prompt": True,
        }
        reply = self._http.post("/completion", json=body, timeout=PATIENCE_S)
        reply.raise_for_status()
        return list(reply.json().get("completion_probabilities") or [])

    @cached_property
    def _letter(self) -> int:
        """A token that is a whole letter in every vocabulary."""
        return self.tokenize("a")[-1]

    def ask(self, messages: Sequence[Message], tokenizer: FolderTokenizer, most_tokens: int) -> Reply:
        """The greedy answer, parted by the tokenizer of its base.

        llama.cpp would part it itself, but what a model writes that is not of its family's form is an error there.
        """
        body = {"prompt": self.prompt_ids(tokenizer.folded(messages)), "n_predict": most_tokens, "temperature": 0.0}
        body |= {"return_tokens": True, "cache_prompt": False}
        reply = self._post("/completion", body, most_tokens * TOKEN_PATIENCE_S + PATIENCE_S)
        ended = reply.get("stop_type") == "eos"
        if is_begun(messages):
            return Reply(str(reply["content"]), ended)
        _, text = tokenizer.read_answer(reply["tokens"], thinks=True)
        return Reply(text, ended)

    def stream(
        self, messages: Sequence[Message], most_tokens: int, sampling: Sampling = GREEDY
    ) -> Iterator[tuple[str, list[int], list[float], bool]]:
        """(text, its tokens, how likely each was before temperature, whether it ended by itself), as they come.

        Raises: ModelError where llama.cpp refuses, as it does when the conversation is longer than its view.
        """
        body = {
            "prompt": self.prompt_ids(messages),
            "n_predict": most_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "top_k": 0,
            "min_p": 0.0,
            "seed": sampling.seed,
            "stream": True,
            "return_tokens": True,
            "n_probs": 1,
        }
        with self._http.stream("POST", "/completion", json=body, timeout=PATIENCE_S) as reply:
            if reply.is_error:
                raise ModelError(
                    f"llama.cpp does not answer: {_reason(reply.read())}", "Clear the conversation, or ask shorter."
                )
            for line in reply.iter_lines():
                if line.startswith("data: "):
                    yield _read_piece(json.loads(line.removeprefix("data: ")))

    def close(self) -> None:
        self._http.close()
        del self._server


def _read_piece(said: dict[str, Any]) -> tuple[str, list[int], list[float], bool]:
    chances = [math.exp(each["logprob"]) for each in said.get("completion_probabilities", [])]
    return said["content"], said["tokens"], chances, said.get("stop_type") == "eos"


def _reason(body: bytes) -> str:
    """Its own words, where it has any."""
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")[:200]
