"""Tunesmith: teach a language model your own way of working, on your own computer.

    python launch.py                   opens the studio; the first start sets everything up
    python launch.py VERB ...          does one job without a window; VERB --help explains it
    python launch.py --test ...        runs every check; what follows goes to pytest
    python launch.py --test --gpu ...  runs those that need a graphics card, and no others

Verbs
    demo       the whole way once, on the sample: train, compare, export, check
    audit      what is wrong with a file of examples
    train      trains on a file, or by a recipe
    runs       lists the runs
    queue      lists the runs that wait, and changes their order
    pause      lets a run end after its step, to be resumed
    stop       ends a run after its step and keeps what it learned
    resume     goes on with a run from its newest checkpoint
    ask        one question to the model before and after training
    score      measures both on the held-out examples
    worth      would fine-tuning be worth it? asks the base with examples in its prompt
    judge      lets another model rate the answers of both
    report     writes what was measured of a run, and what was not, as HTML and PDF
    export     makes a GGUF, a merged folder or an adapter
    script     writes a run as one plain Python file that trains the same without Tunesmith
    doctor     looks at this machine

Flags of the studio
    --workspace PATH     where data sets, models and runs are kept
    --port N             the page's port; the next free one is taken if it is in use
    --no-browser         do not open the browser
    --processor          leave the graphics card alone; for verbs, too
    --address A          another address than this computer alone; needs --password
    --share              a link for others; needs --password
    --password WORDS     12 characters or more
    --add similarity     adds an extra: a measure of how near answers are in meaning
    --version            the program's version
    --help               this text
"""

import os
import platform
import sys


def keep_window_open() -> None:
    """A console that a double click opened closes with the program, and takes the message with it."""
    if (
        sys.platform == "win32"
        and len(sys.argv) == 1
        and "PROMPT" not in os.environ
        and sys.stdin
        and sys.stdin.isatty()
    ):
        import ctypes

        # Only Python and its launcher stand in such a console; cmd can look the same, but sets PROMPT.
        if ctypes.windll.kernel32.GetConsoleProcessList((ctypes.c_uint * 4)(), 4) <= 2:
            input("Press Enter to close this window.")


if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.stderr.write(
        "Tunesmith needs Python 3.11, 3.12 or 3.13, and this is Python " + platform.python_version() + ".\n"
        "Install Python 3.12 from python.org and start Tunesmith again with it.\n"
    )
    keep_window_open()
    sys.exit(1)

import json
from pathlib import Path

from studio import __version__, addition, environment
from studio.errors import TunesmithError

ROOT = Path(__file__).resolve().parent


def main(arguments: list[str]) -> int:
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.reconfigure(errors="replace")  # a console of Windows may lack a letter of somebody's file
    if "--processor" in arguments:
        arguments = [argument for argument in arguments if argument != "--processor"]
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # workers and whoever is started inside the environment inherit it
    is_verb = bool(arguments) and not arguments[0].startswith("-")
    is_test = arguments[:1] == ["--test"]
    if not is_verb and not is_test:
        if "--version" in arguments:
            print(f"Tunesmith {__version__}")
            return 0
        if "--help" in arguments or "-h" in arguments:
            print(__doc__.strip())
            return 0
    on_card = arguments[:2] == ["--test", "--gpu"]
    environment.set_up(ROOT, with_tests=is_test and not on_card)
    if not environment.is_inside(ROOT):
        return environment.start_inside(ROOT, [str(ROOT / "launch.py"), *arguments])
    if arguments[:1] == ["--add"]:
        addition.add_extra(ROOT, arguments[1:])
        return 0
    if on_card:
        return environment.run_checks_on_card(ROOT, arguments[2:])
    if is_test:
        return environment.run_checks(ROOT, arguments[1:])
    with environment.explained_imports(ROOT):
        if is_verb:
            from studio.verbs import main as run
        else:
            from components.app import main as run
    return run(arguments)


def report(error: TunesmithError, arguments: list[str]) -> None:
    print(f"\n{error.what}\n{error.do}", file=sys.stderr)
    if "--json" in arguments:
        print(json.dumps({"error": error.as_dict()}))


if __name__ == "__main__":
    try:
        status = main(sys.argv[1:])
    except TunesmithError as error:
        report(error, sys.argv[1:])
        status = 1
    except KeyboardInterrupt:
        status = 130
    if status:
        keep_window_open()
    sys.exit(status)
