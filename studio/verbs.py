"""The headless twin of the tabs: each verb is a thin call of what the tabs call."""

from __future__ import annotations

import argparse
import json
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from studio import checkup
from studio.compare.chat import Chat
from studio.compare.voices import base_and_tuned
from studio.data import datasets
from studio.data.audit.run import audit
from studio.data.conversation import Message
from studio.data.formats import Conversion
from studio.data.read import read_file
from studio.data.tokens import passage_length
from studio.demo import run_demo
from studio.errors import RunError, TunesmithError
from studio.export import gguf
from studio.judge_verb import add_judge_flags, verb_judge
from studio.proof_verbs import verb_report
from studio.run_verbs import verb_pause, verb_queue, verb_resume, verb_runs, verb_script, verb_stop, verb_train
from studio.runs import open_run
from studio.said import say, watch
from studio.score_verb import add_flags, verb_score
from studio.train.models import STARTER, ensure_base, require_base
from studio.train.presets import PRESETS
from studio.workspace import Workspace
from studio.worth_verb import add_worth_flags, verb_worth

Arguments = argparse.Namespace
Result = dict[str, Any]


def verb_demo(workspace: Workspace, given: Arguments) -> Result:
    return run_demo(workspace, say, watch)


def verb_audit(workspace: Workspace, given: Arguments) -> Result:
    began = time.monotonic()
    file = Path(given.file).expanduser()
    read_file(file)  # what cannot be read is said before a model is fetched
    watch(ensure_base(workspace, given.base))
    base = require_base(workspace, given.base)
    examples = Conversion(read_file(file, passage=passage_length(base)))
    found = audit(
        ((conversation, conversation.split) for conversation in examples),  # most files have no split yet
        None,
        examples.unreadable_rows,
        base,
        datasets.DEFAULT_MAX_LENGTH,
        lambda progress: watch([progress]),
    )
    for finding in found.findings:
        say(f"  {finding.check.severity:8} {finding.sentence}. {finding.why}")
    for row in examples.unreadable[:20]:
        say(f"           {row.sentence}")
    return {
        "rows": examples.rows,
        "seconds": round(time.monotonic() - began, 2),
        "findings": [finding.as_dict() for finding in found.findings],
    }


def verb_ask(workspace: Workspace, given: Arguments) -> Result:
    run = open_run(workspace, given.run)
    system = datasets.open_dataset(workspace, run.recipe.data).system
    prompt = [Message("system", system)] if system else []
    prompt.append(Message("user", given.prompt))
    (base, tuned), chat = base_and_tuned(run), Chat()
    try:
        watch(chat.open(workspace, (base, tuned)))
        *_, last = chat.ask({base: prompt, tuned: prompt}, most_tokens=512)
    finally:
        chat.close()
    say(f"  Before: {last.texts[base]}\n  After:  {last.texts[tuned]}")
    return {"base": last.texts[base], "tuned": last.texts[tuned], "seconds": last.seconds}


def verb_export(workspace: Workspace, given: Arguments) -> Result:
    run = open_run(workspace, given.run)
    watch(gguf.export_run(run, given.to, given.quant))
    made = gguf.read_export(run, given.to, given.quant)
    if made is None:
        raise RunError("The export has vanished.", "Make it again.")
    say(f"  {made.path}")
    if made.words:
        say(f"  {made.words}")
    return made.as_dict()


def verb_doctor(workspace: Workspace, given: Arguments) -> Result:
    found = checkup.examine(workspace)
    for name, value in found.items():
        for line in value if isinstance(value, list) else [value]:
            say(f"  {name:16} {line}")
    return found


def build_parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--workspace", metavar="PATH", help="where data sets, models and runs are kept")
    common.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser = argparse.ArgumentParser(prog="launch.py", description="Tunesmith without a window.")
    verbs = parser.add_subparsers(dest="verb", required=True)

    def add(name: str, call: Callable[[Workspace, Arguments], Result], help: str) -> argparse.ArgumentParser:
        verb = verbs.add_parser(name, parents=[common], help=help, description=help)
        verb.set_defaults(call=call)
        return verb

    add("demo", verb_demo, "the whole way once, on the sample: train, compare, export, check")
    verb = add("audit", verb_audit, "what is wrong with a file of examples")
    verb.add_argument("file", metavar="FILE")
    verb.add_argument("--base", default=STARTER, help="starter, a folder, or a Hugging Face name")
    verb = add("train", verb_train, "train on a file, or by a recipe")
    verb.add_argument("recipe", nargs="?", metavar="RECIPE.yaml")
    verb.add_argument("--data", metavar="FILE", help="a file of examples, or the name of a data set")
    verb.add_argument("--base", default=STARTER, help="starter, a folder, or a Hugging Face name")
    verb.add_argument("--preset", choices=list(PRESETS), default="balanced")
    verb.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="change one setting")
    verb.add_argument(
        "--grid", action="append", default=[], metavar="FIELD=A,B", help="a run for each value, of one or two settings"
    )
    add("runs", verb_runs, "list the runs")
    verb = add("queue", verb_queue, "list the runs that wait, in their order")
    verb.add_argument("--first", metavar="RUN", help="let this one start next")
    verb.add_argument("--remove", metavar="RUN", help="take this one out")
    for name, call, help in (
        ("stop", verb_stop, "end a run after its step and keep what it learned"),
        ("pause", verb_pause, "let a run end after its step, to be resumed"),
        ("resume", verb_resume, "go on with a run from its newest checkpoint"),
    ):
        add(name, call, help).add_argument("run", metavar="RUN")
    add_flags(add("score", verb_score, "measure base and tuned on the held-out examples"))
    add_worth_flags(add("worth", verb_worth, "would fine-tuning be worth it? the base with examples in its prompt"))
    add_judge_flags(add("judge", verb_judge, "let another model rate the answers before and after"))
    verb = add("report", verb_report, "write what was measured of a run, and what was not, as HTML and PDF")
    verb.add_argument("run", metavar="RUN")
    verb.add_argument("--to", metavar="FOLDER", help="where it goes; the run's own folder otherwise")
    verb = add("ask", verb_ask, "one question to the model before and after training")
    verb.add_argument("run", metavar="RUN")
    verb.add_argument("prompt", metavar="PROMPT")
    verb = add("export", verb_export, "make a GGUF, a merged folder or an adapter")
    verb.add_argument("run", metavar="RUN")
    verb.add_argument("--to", choices=list(gguf.KINDS), required=True)
    verb.add_argument("--quant", choices=list(gguf.QUANTS), default="q4_k_m")
    verb = add("script", verb_script, "write a run as one plain Python file that trains the same without Tunesmith")
    verb.add_argument("recipe", metavar="RUN_OR_RECIPE", help="a run's id, or a RECIPE.yaml")
    verb.add_argument("--to", metavar="FOLDER", required=True, help="where the script and its examples go")
    add("doctor", verb_doctor, "look at this machine")
    return parser


def main(arguments: list[str]) -> int:
    """Exit code: 0 done, 1 failed (with a sentence), 2 a bad flag."""
    given = build_parser().parse_args(arguments)
    try:
        result = given.call(Workspace.open(given.workspace), given)
    except TunesmithError as error:
        return _fail(error, given.json)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        traceback.print_exc()
        return _fail(
            TunesmithError(f"Something unforeseen happened: {error}.", "The lines above say where."),
            given.json,
        )
    failed = result.pop("failed", None)
    if given.json or given.verb == "demo":
        print(json.dumps(result))  # ASCII: what a pipe is written in differs
    if failed:
        say(failed)
    return 1 if failed else 0


def _fail(error: TunesmithError, as_json: bool) -> int:
    say(f"\n{error.what}\n{error.do}")
    if as_json:
        print(json.dumps({"error": error.as_dict()}))
    return 1
