"""Asking a judge for all that it has not judged yet, row by row."""

from __future__ import annotations

import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import Any

from studio.errors import DataError
from studio.judge.asking import Ask, Asked, list_asked, read_replies
from studio.judge.cost import used_of
from studio.judge.form import MOST_TOKENS, UnreadableError, read_judgement
from studio.judge.prompt import ask_again
from studio.judge.result import build_result
from studio.runs import Run
from studio.served import RefusedError, ServedModel
from studio.store import append_row, read_rows, write_json
from studio.tasks import Progress, Report

AT_ONCE = 4  # of a server elsewhere
MOST_REFUSED = 4  # in a row, before anything was accepted

Row = dict[str, Any]


def judge(run: Run, ask: Ask, model: ServedModel, report: Report, at_once: int = AT_ONCE) -> dict[str, Any]:
    """Ask what is left, keep each reply as it comes, and write judge.json. Returns its counts.

    A row of replies.jsonl: key, row, first, judgement (None if it could not be read), why, in and out (tokens).
    Raises: DataError if the judge cannot be asked.
    """
    asked = list_asked(run, ask)
    known = read_replies(run)
    left = [each for each in asked if not known.get(each.key, {}).get("judgement")]
    began_s, refused, accepted = time.monotonic(), 0, 0

    def tell(done: int) -> None:
        left_s = (time.monotonic() - began_s) / done * (len(left) - done) if done else None
        whole = len(asked) - len(left) + done
        words = f"{ask.name} has judged {whole // 2} of {len(asked) // 2} questions in both orders"
        report(Progress(words, whole / len(asked), left_s))

    tell(0)
    kept = run.folder / "judge" / "replies.jsonl"
    kept.parent.mkdir(exist_ok=True)
    pool = ThreadPoolExecutor(at_once)
    try:
        waiting = {pool.submit(ask_one, model, each) for each in left}
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            whole_first = sorted(done, key=lambda future: future.exception() is not None)  # what was paid for is kept
            for row in (future.result() for future in whole_first):
                append_row(kept, row)
                refused, accepted = refused + bool(row.get("refused")), accepted + (not row.get("refused"))
                if refused >= MOST_REFUSED and not accepted:
                    raise DataError(row["why"], "Change what it complains of, or ask another judge.")
            tell(len(left) - len(waiting))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    result = build_result(run, ask, asked, read_replies(run), used_of(read_rows(kept), asked))
    write_json(run.folder / "judge.json", result)
    return {name: result[name] for name in ("examples", "counted", "swayed", "unreadable", "won", "lost", "tied")}


def ask_one(model: ServedModel, asked: Asked) -> Row:
    """One question in one order. What cannot be read is asked once more, with what was wrong."""
    row: Row = {"key": asked.key, "row": asked.pair.row, "first": asked.first, "judgement": None, "why": ""}
    row |= {"in": 0, "out": 0}
    messages = asked.messages
    for _ in range(2):
        try:
            reply = model.ask(messages, MOST_TOKENS)
        except RefusedError as error:
            return {**row, "why": error.what, "refused": True}
        row |= {"in": row["in"] + reply.tokens_in, "out": row["out"] + reply.tokens_out}
        try:
            return {**row, "judgement": read_judgement(reply.text).model_dump(), "why": ""}
        except UnreadableError as error:
            row |= {"why": str(error), "said": reply.text[:500]}
            messages = ask_again(asked.messages, reply.text, str(error))
    return row
