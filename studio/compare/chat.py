"""Talking to up to four at once, before and after among them. The models live in a worker and end with it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from queue import Empty, Queue
from typing import Any

from studio.compare.sampling import GREEDY, Sampling
from studio.compare.voices import Voice, require_there
from studio.data.conversation import Conversation, Message
from studio.errors import ModelError, TunesmithError
from studio.process import start_attached
from studio.tasks import Progress
from studio.workspace import Workspace

SILENCE_S = 600.0
LOG = "chat.log"


@dataclass(frozen=True)
class Figures:
    """Of one answer. `finished` False where a limit or Stop cut it; `sure`: the mean probability of its tokens, 0 to 1.

    `first_s` and `seconds`: from the question to the first token and to the last. `read_tokens`: of all that was read
    before it; `thoughts`: what it wrote before it answered.
    """

    tokens: int
    finished: bool
    first_s: float
    seconds: float
    sure: float | None
    read_tokens: int = 0
    thoughts: str = ""

    @property
    def tokens_per_s(self) -> float:
        """Once it has begun: how long the question was does not count."""
        return (self.tokens - 1) / (self.seconds - self.first_s) if self.seconds > self.first_s else 0.0


@dataclass(frozen=True)
class Reply:
    """What each has said so far, and who has ended. `done` once nobody says more; then their figures are known."""

    texts: dict[Voice, str]
    done: bool = False
    seconds: float = 0.0
    figures: dict[Voice, Figures] = field(default_factory=dict)
    ended: frozenset[Voice] = frozenset()


class Chat:
    """The worker that holds the models. One conversation at a time; it may be closed at any moment.

    `in_turn`: not all answer in one pass, since they are several models or cannot share one.
    """

    def __init__(self) -> None:
        self.in_turn = False
        self._process: subprocess.Popen[bytes] | None = None
        self._events: Queue[dict[str, Any] | None] = Queue()
        self._voices: tuple[Voice, ...] = ()
        self._lock = threading.Lock()

    @property
    def busy_with(self) -> frozenset[str]:
        """Ids of the runs whose models are in memory; empty where none is."""
        return frozenset(voice.of for voice in self._voices) if self._is_running() else frozenset()

    def open(self, workspace: Workspace, voices: Sequence[Voice]) -> Iterator[Progress]:
        """Load those who are to answer, and let go of others. Quick where they are there already.

        Raises: TunesmithError if one cannot be loaded; ModelError while a conversation is being answered.
        """
        for voice in voices:
            require_there(workspace, voice)
        settled = False
        with self._alone():
            try:
                if not self._is_running():
                    self._start(workspace)
                self._voices = tuple(voices)
                self._send({"open": [voice.key for voice in voices]})
                while (event := self._next())["event"] != "ready":
                    yield Progress(event["message"], event.get("share"))
                self.in_turn, settled = event["in_turn"], True
            except TunesmithError:
                settled = True
                raise
            finally:
                if not settled:  # what it would still say is no answer to the next question
                    self.close()

    def _start(self, workspace: Workspace) -> None:
        with (workspace.root / LOG).open("ab") as log:
            process = start_attached(workspace, log, "chat", workspace.root)
        self._process, self._events = process, Queue()
        threading.Thread(target=_listen, args=(process, self._events), daemon=True).start()

    def ask(
        self,
        prompts: Mapping[Voice, Sequence[Message]],
        most_tokens: int,
        sampling: Sampling = GREEDY,
        strength: float = 1.0,
    ) -> Iterator[Reply]:
        """Ask those who are open, who share a base in one pass; the replies grow until one is done.

        A caller that turns away early makes the models stop. `strength`: what their adapters are multiplied by.
        Raises: ModelError while another conversation is being answered, or if a model breaks off.
        """
        done = False
        with self._alone():
            try:
                asked = {voice.key: Conversation(tuple(said)).as_dicts() for voice, said in prompts.items()}
                more = {"most_tokens": most_tokens, "sampling": asdict(sampling), "strength": strength}
                self._send({"ask": asked, **more})
                for reply in self._replies():
                    done = reply.done
                    yield reply
            except TunesmithError:
                done = True
                raise
            finally:
                if not done:
                    self.stop()
                    self._drain()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._lock.acquire(blocking=False):
            raise ModelError("The model is answering already.", "Wait for the answer, or press Stop.")
        try:
            yield
        finally:
            self._lock.release()

    def _replies(self) -> Iterator[Reply]:
        while True:
            event = self._next()
            texts = {Voice.parse(key): text for key, text in event["answers"].items()}
            if event["event"] == "done":
                figures = {Voice.parse(key): Figures(**each) for key, each in event["figures"].items()}
                yield Reply(texts, True, event["seconds"], figures)
                return
            yield Reply(texts, ended=frozenset(map(Voice.parse, event["ended"])))

    def _drain(self) -> None:
        with contextlib.suppress(TunesmithError):
            while self._next()["event"] != "done":
                continue

    def stop(self) -> None:
        """The answers end where they are."""
        if self._is_running():
            self._send({"stop": True})

    def close(self) -> None:
        """Give the memory back."""
        process, self._process, self._voices = self._process, None, ()
        if process and process.poll() is None:
            process.kill()
            process.wait()

    def _is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _send(self, request: dict[str, Any]) -> None:
        process = self._process
        if process is None or process.stdin is None or process.poll() is not None:
            raise ModelError("The model is no longer loaded.", "Send it again; the model is loaded anew.")
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write((json.dumps(request, ensure_ascii=False) + "\n").encode())
            process.stdin.flush()

    def _next(self) -> dict[str, Any]:
        try:
            event = self._events.get(timeout=SILENCE_S)
        except Empty:
            raise ModelError(
                "The model has said nothing for ten minutes.", "Close other programs, send again."
            ) from None
        if event is None:
            raise ModelError(
                "The model was put away or its process ended.",
                f"If a run is training, wait for its end; else send again. The log is {LOG} in the workspace.",
            )
        if event["event"] == "error":
            raise TunesmithError(**event["error"])
        return event


def _listen(process: subprocess.Popen[bytes], events: Queue[dict[str, Any] | None]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        events.put(json.loads(line))
    events.put(None)
