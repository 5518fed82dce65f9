"""Holds one run's model and answers as base and as tuned until its input closes. `chat RUN_FOLDER`

Reads requests as lines of JSON: {"base": [messages], "tuned": [messages], "most_tokens", "sampling"} or
{"stop": true}. Writes events as lines of JSON: {"event": "loading" | "ready" | "text" | "done" | "error", ...};
"ready" says whether the two answer `in_turn`.
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
from studio.data.conversation import Conversation
from studio.data.tokens import load_tokenizer
from studio.errors import ModelError, TunesmithError
from studio.runs import Run, open_run, workspace_of
from studio.train.models import require_base

SIDES = ("base", "tuned")
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


def serve(run: Run, session: Session) -> None:
    session.tell("loading", message="Loading the libraries", share=0.1)
    # Torch takes seconds to import; the page has something to show by now.
    from studio.workers.generate import Generator, end_ids_of
    from studio.workers.load import load_both

    base = require_base(workspace_of(run.folder), run.recipe.base)
    learned = "what became of it" if run.learned_whole else "the adapter"
    session.tell("loading", message=f"Loading {base.name} and {learned}", share=0.5)
    tokenizer = load_tokenizer(base)
    after, before = load_both(base, run)
    generator = Generator(after, tokenizer, end_ids_of(base, tokenizer), before)
    session.tell("ready", in_turn=generator.in_turn)
    while (request := session.requests.get()) is not None:
        try:
            _answer(generator, request, session)
        except TunesmithError as error:
            session.tell("error", error=error.as_dict())
        except Exception as error:
            traceback.print_exc()
            session.tell("error", error=_explain(error).as_dict())


def _answer(generator: Any, request: dict[str, Any], session: Session) -> None:
    from studio.workers.generate import Prompt

    asked = [side for side in SIDES if request.get(side)]
    prompts = [Prompt(side, Conversation.from_dicts(request[side]).messages) for side in asked]  # type: ignore[arg-type]
    began = time.monotonic()
    told_s = 0.0

    def watch(answers: list[Any]) -> bool:
        nonlocal told_s
        if time.monotonic() - told_s >= TELL_EVERY_S:
            session.tell("text", **{side: answer.text for side, answer in zip(asked, answers, strict=True)})
            told_s = time.monotonic()
        return session.stop.is_set()

    answers = generator.answer(
        prompts,
        most_tokens=int(request["most_tokens"]),
        sampling=Sampling(**request["sampling"]),
        watch=watch,
    )
    seconds = time.monotonic() - began
    session.tell(
        "done",
        seconds=round(seconds, 3),
        **{
            side: {"text": answer.text, "figures": {name: getattr(answer, name) for name in FIGURES}}
            for side, answer in zip(asked, answers, strict=True)
        },
    )


def _explain(error: Exception) -> TunesmithError:
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return ModelError(
            "The memory was not enough for this answer.",
            "Shorten the conversation with Clear. If it cannot even be loaded, close other programs first.",
        )
    return ModelError(f"The model broke off: {str(error)[:200]}", "Send it again, or press Clear first.")


def main(folder: Path) -> int:
    session = Session()
    try:
        serve(open_run(workspace_of(folder), folder.name), session)
    except TunesmithError as error:
        session.tell("error", error=error.as_dict())
        return 1
    except Exception as error:
        traceback.print_exc()
        session.tell("error", error=_explain(error).as_dict())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
