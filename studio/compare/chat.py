"""Talking to one run's model, before and after at once. The model lives in a worker and ends with it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from queue import Empty, Queue
from typing import Any

from studio.compare.sampling import GREEDY, Sampling
from studio.data.conversation import Conversation, Message
from studio.errors import ModelError, TunesmithError
from studio.process import start_attached
from studio.runs import Run, workspace_of
from studio.tasks import Progress
from studio.train.models import title_of

SILENCE_S = 600.0


@dataclass(frozen=True)
class Figures:
    """Of one answer. `finished` False where a limit or Stop cut it; `sure`: the mean probability of its tokens, 0 to 1.

    `first_s` and `seconds`: from the question to the first token and to the last.
    """

    tokens: int
    finished: bool
    first_s: float
    seconds: float
    sure: float | None

    @property
    def tokens_per_s(self) -> float:
        """Once it has begun: how long the question was does not count."""
        return (self.tokens - 1) / (self.seconds - self.first_s) if self.seconds > self.first_s else 0.0


@dataclass(frozen=True)
class Reply:
    """What both have said so far. `done` once neither says more; then each one's figures are known."""

    texts: dict[str, str]
    done: bool = False
    seconds: float = 0.0
    figures: dict[str, Figures] = field(default_factory=dict)


def titles(run: Run) -> tuple[str, str]:
    """(before, after): which weights answer."""
    base = title_of(run.recipe.base)
    step = run.status.get("kept_step") or run.status.get("step")
    at = f", step {step}" if step else ""
    after = f"all weights of “{run.title}”" if run.learned_whole else f"{base} + adapter “{run.title}”"
    return f"Before: {base}, untouched", f"After: {after}{at}"


class Chat:
    """The worker that holds one run's model. One conversation at a time; it may be closed at any moment.

    `in_turn`: base and tuned answer one after the other, since they are two models or cannot share a pass.
    """

    def __init__(self) -> None:
        self.in_turn = False
        self._process: subprocess.Popen[bytes] | None = None
        self._events: Queue[dict[str, Any] | None] = Queue()
        self._run_id = ""
        self._lock = threading.Lock()

    def is_open(self, run: Run) -> bool:
        return self._is_running() and self._run_id == self._key(run)

    @property
    def busy_with(self) -> str:
        """The id of the run whose model is in memory; empty where none is."""
        return self._run_id.partition("@")[0] if self._is_running() else ""

    def open(self, run: Run) -> Iterator[Progress]:
        """Load a run's model, unless it is there already. Raises: TunesmithError if it cannot be loaded."""
        if self.is_open(run):
            return
        self.close()
        if not run.has_adapter:
            raise ModelError(f"{run.title} has learned nothing yet.", "Train it first; then both can be asked.")
        with (run.folder / "chat.log").open("ab") as log:
            process = start_attached(workspace_of(run.folder), log, "chat", run.folder)
        self._process, self._run_id, self._events = process, self._key(run), Queue()
        threading.Thread(target=_listen, args=(process, self._events), daemon=True).start()
        while True:
            event = self._next()
            if event["event"] == "ready":
                self.in_turn = event["in_turn"]
                return
            yield Progress(event["message"], event.get("share"))

    def ask(
        self, prompts: Mapping[str, Sequence[Message]], most_tokens: int, sampling: Sampling = GREEDY
    ) -> Iterator[Reply]:
        """Ask base and tuned (keys of `prompts`) in one pass; the replies grow until one is done.

        A caller that turns away early makes the model stop.
        Raises: ModelError while another conversation is being answered, or if the model breaks off.
        """
        if not self._lock.acquire(blocking=False):
            raise ModelError("The model is answering already.", "Wait for the answer, or press Stop.")
        done = False
        try:
            request = {side: Conversation(tuple(messages)).as_dicts() for side, messages in prompts.items()}
            self._send({**request, "most_tokens": most_tokens, "sampling": asdict(sampling)})
            for reply in self._replies(list(prompts)):
                done = reply.done
                yield reply
        except TunesmithError:
            done = True
            raise
        finally:
            if not done:
                self.stop()
                self._drain()
            self._lock.release()

    def _replies(self, sides: list[str]) -> Iterator[Reply]:
        while True:
            event = self._next()
            if event["event"] == "text":
                yield Reply({side: event[side] for side in sides})
            if event["event"] == "done":
                yield Reply(
                    {side: event[side]["text"] for side in sides},
                    True,
                    event["seconds"],
                    {side: Figures(**event[side]["figures"]) for side in sides},
                )
                return

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
        process, self._process, self._run_id = self._process, None, ""
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
                "If a run is training, wait for its end; else send again. The log is chat.log in the run's folder.",
            )
        if event["event"] == "error":
            raise TunesmithError(**event["error"])
        return event

    @staticmethod
    def _key(run: Run) -> str:
        """A run that went on training has other weights under the same id."""
        return f"{run.id}@{run.status.get('step')}"


def _listen(process: subprocess.Popen[bytes], events: Queue[dict[str, Any] | None]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        events.put(json.loads(line))
    events.put(None)
