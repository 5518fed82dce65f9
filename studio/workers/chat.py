"""Holds the models of those who answer, until its input closes. `chat WORKSPACE`

Reads requests as lines of JSON: {"open": [keys of voices]}, {"ask": {key: messages}, "most_tokens", "sampling",
"strength"} or {"stop": true}. Writes events as lines of JSON: {"event": "loading" | "ready" | "text" | "done" |
"error", ...}; "ready" says whether they answer `in_turn`, "text" who has `ended`.
"""

from __future__ import annotations

import json
import sys
import threading
import time
import traceback
from dataclasses import fields
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from studio.compare.chat import Figures
from studio.compare.sampling import Sampling
from studio.compare.voices import Voice
from studio.data.conversation import Conversation
from studio.errors import ModelError, TunesmithError
from studio.workers.memory import is_out_of_memory
from studio.workspace import Workspace

FIGURES = [field.name for field in fields(Figures)]
TELL_EVERY_S = 0.12  # as fast as people read; each telling costs the page, which shares the processor, a redraw


class Session:
    def __init__(self) -> None:
        self.requests: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        self.stop = threading.Event()
        self.output = sys.stdout
        sys.stdout = sys.stderr  # what libraries print must not mix with the events
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in sys.stdin:
            request = json.loads(line)
            if request.get("stop"):
                self.stop.set()
            else:
                self.stop.clear()
                self.requests.put(request)
        self.stop.set()
        self.requests.put(None)

    def tell(self, event: str, **more: Any) -> None:
        self.output.write(json.dumps({"event": event, **more}, ensure_ascii=False) + "\n")
        self.output.flush()


def serve(workspace: Workspace, session: Session) -> None:
    session.tell("loading", message="Loading the libraries", share=0.1)
    # Torch takes seconds to import; the page has something to show by now.
    from studio.workers.voices import Voices

    voices = Voices(workspace)
    while (request := session.requests.get()) is not None:
        try:
            if "open" in request:
                for progress in voices.open([Voice.parse(key) for key in request["open"]]):
                    session.tell("loading", message=progress.message, share=progress.share)
                session.tell("ready", in_turn=voices.in_turn)
            else:
                answer(voices, request, session)
        except TunesmithError as error:
            session.tell("error", error=error.as_dict())
        except Exception as error:
            traceback.print_exc()
            session.tell("error", error=_explain(error).as_dict())


def answer(voices: Any, request: dict[str, Any], session: Session) -> None:
    asked = {Voice.parse(key): Conversation.from_dicts(said).messages for key, said in request["ask"].items()}
    began_s = time.monotonic()
    most_tokens, told_s, told = int(request["most_tokens"]), 0.0, list[str]()

    def watch(answers: Any) -> bool:
        nonlocal told_s, told
        ended = [voice.key for voice, each in answers.items() if each.finished or each.tokens >= most_tokens]
        if ended != told or time.monotonic() - told_s >= TELL_EVERY_S:
            said = {voice.key: _so_far(each) for voice, each in answers.items()}
            session.tell("text", answers=said, ended=ended)
            told_s, told = time.monotonic(), ended
        return session.stop.is_set()

    answers = voices.answer(asked, most_tokens, Sampling(**request["sampling"]), float(request["strength"]), watch)
    session.tell(
        "done",
        seconds=round(time.monotonic() - began_s, 3),
        answers={voice.key: each.text for voice, each in answers.items()},
        figures={voice.key: {name: getattr(each, name) for name in FIGURES} for voice, each in answers.items()},
    )


def _so_far(answer: Any) -> str:
    return answer.text or ("Thinking …" if answer.thoughts else "")


def _explain(error: Exception) -> TunesmithError:
    if is_out_of_memory(error):
        return ModelError(
            "The memory was not enough for this answer.",
            "Ask fewer at once, or shorten the conversation with Clear. If even one cannot be loaded, close other "
            "programs first.",
        )
    return ModelError(f"The model broke off: {str(error)[:200]}", "Send it again, or press Clear first.")


def main(root: Path) -> int:
    session = Session()
    try:
        serve(Workspace(root), session)
    except Exception as error:
        traceback.print_exc()
        session.tell("error", error=_explain(error).as_dict())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
