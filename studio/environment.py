"""Sets the program up in `.venv`, once, and runs its checks. Standard library only: nothing else stands."""

from __future__ import annotations

import hashlib
import importlib.util
import math
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any

from studio.disk import move
from studio.errors import TunesmithError
from studio.extras import extra_lock, read_added
from studio.wheels import (
    BUILDS,
    PROCESSOR,
    InstalledCard,
    choose_backend,
    read_installed_cards,
    say_trouble,
)

DISK_NEEDED_GB = 12
GB = 1_000_000_000
LONGEST_INSIDE = 165  # characters of the longest file in .venv, with what Python adds for its compiled form
# A file of tests stays in one process; tests/conftest.py says in which order they are given out.
IN_TWO_PROCESSES = ["--numprocesses=2", "--dist=loadfile", "--no-loadscope-reorder"]
STDERR = 2  # setting up speaks there, so that a verb's JSON stays the last line of standard output

NO_NETWORK = re.compile(
    r"NewConnectionError|connection broken|ConnectTimeout|ProxyError|Network is unreachable"
    r"|Failed to establish a new connection|timed out|dns error|error sending request"
    r"|from versions: none",
    re.IGNORECASE,
)
NO_TRUST = re.compile(r"CERTIFICATE_VERIFY_FAILED|invalid peer certificate", re.IGNORECASE)
DISK_FULL = re.compile(r"No space left on device|not enough space on the disk", re.IGNORECASE)


class SetupError(TunesmithError):
    """The environment cannot be made or is damaged."""


def venv_python(system: str, root: PurePath) -> PurePath:
    return root / ".venv" / ("Scripts/python.exe" if system == "Windows" else "bin/python")


def install_commands(
    system: str, root: PurePath, locks: Sequence[PurePath], *, uv: str = "uv", backend: str = ""
) -> list[list[str]]:
    """The commands that fill `.venv`: pip brings uv, uv brings what the locks name and removes the rest.

    `backend`: the build of torch, as uv calls it, where it is another one than PyPI's; see `other_backend`.
    """
    python = str(venv_python(system, root))
    uv_pip = [python, "-m", "uv", "pip"]
    chosen = [f"--torch-backend={backend}"] if backend else []
    # Compiled once here: left to the imports, the first start waits for it, and one that may not write every time.
    sync = [*uv_pip, "sync", "--compile-bytecode", "--python", python, *chosen, *map(str, locks)]
    commands = [[python, "-m", "pip", "install", "--disable-pip-version-check", uv], sync]
    if has_libraries_apart(system, backend):  # sync brings nothing that the locks do not name
        commands.append([*uv_pip, "install", "--python", python, *chosen, "torch", "torchvision"])
    return commands


def has_libraries_apart(system: str, backend: str) -> bool:
    """NVIDIA's libraries come in packages of their own on Linux, and the locks name those of the newest CUDA."""
    return system == "Linux" and backend == "cu126"


def without_nvidia(lock: str) -> str:
    """A lock without the libraries of one CUDA; nvidia-ml-py asks drivers of any."""
    names = re.compile(r"(?!nvidia-ml-py)(nvidia-|cuda-)")
    return "".join(line for line in lock.splitlines(keepends=True) if not names.match(line))


def other_backend(system: str, cards: Sequence[InstalledCard]) -> str:
    """Which build of torch to take in place of PyPI's; empty where that one is right.

    PyPI's is for the newest CUDA on Linux, and for the processor alone on Windows and macOS.
    """
    backend = choose_backend(system, cards)
    usual = PROCESSOR if system != "Linux" else BUILDS[0].backend
    return "" if backend in (usual, PROCESSOR) else backend


def pinned_uv(lock: Path) -> str:
    pin = re.search(r"^uv==[^\s;]+", lock.read_text(encoding="utf-8"), re.MULTILINE)
    return pin.group() if pin else "uv"


def describe_download(system: str, has_nvidia: bool) -> str:
    """About how much a first installation downloads: mostly torch, and CUDA where it comes along."""
    size_gb = 3.5 if system == "Linux" else 3 if system == "Windows" and has_nvidia else 1
    minutes = math.ceil(size_gb * 8000 / 100 / 60)
    return f"about {size_gb:g} GB, which takes about {minutes} minutes at 100 Mbit a second"


def lock_path(root: Path, *, with_tests: bool) -> Path:
    return root / "tests" / "requirements.lock" if with_tests else root / "requirements.lock"


def lock_paths(root: Path, *, with_tests: bool) -> list[Path]:
    """The lock, and those of the extras that a person added."""
    return [lock_path(root, with_tests=with_tests), *(extra_lock(root, name) for name in read_added(root))]


def fingerprint(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes()).hexdigest()


def stamp_path(root: Path) -> Path:
    return root / ".venv" / "tunesmith-stamp"


def write_stamp(root: Path, *, with_tests: bool) -> None:
    """Name the locks that the environment satisfies; the tests' lock holds all that the program's names."""
    locks = {lock for kind in ((False, True) if with_tests else (False,)) for lock in lock_paths(root, with_tests=kind)}
    stamp = stamp_path(root)
    beside = stamp.with_suffix(".new")
    beside.write_text("".join(fingerprint(lock) + "\n" for lock in sorted(locks)))
    move(beside, stamp)


def is_installed(root: Path, *, with_tests: bool) -> bool:
    """Whether the installation of these locks was finished. Reads a few small files and starts no process."""
    try:
        finished = stamp_path(root).read_text().split()
    except OSError:
        return False
    wanted = {fingerprint(lock) for lock in lock_paths(root, with_tests=with_tests)}
    return wanted <= set(finished) and has_python(root)


def has_python(root: Path) -> bool:
    """Whether the venv's Python is there, and the Python that it was made from."""
    try:
        description = (root / ".venv" / "pyvenv.cfg").read_text(encoding="utf-8")
    except OSError:
        return False
    home = re.search(r"^home = (.+)$", description, re.MULTILINE)
    return home is not None and Path(home[1]).is_dir() and Path(venv_python(platform.system(), root)).is_file()


def set_up(root: Path, *, with_tests: bool = False) -> None:
    """Make the environment, or mend it; returns at once where it stands.

    Raises: SetupError if it cannot be made on this machine, or not now.
    """
    if is_installed(root, with_tests=with_tests):
        return
    system = platform.system()
    cards = read_installed_cards(system)
    backend = other_backend(system, cards)
    size = describe_download(system, has_nvidia=bool(backend))
    is_first = not (root / ".venv").exists()
    was_finished = stamp_path(root).exists() and has_python(root)
    stamp_path(root).unlink(missing_ok=True)
    if was_finished:
        say(f"Tunesmith's parts have changed. It downloads only what is new: at most {size}.")
    else:
        check_can_make_venv(root, is_first=is_first)
        if is_first:
            say("Tunesmith sets itself up. This happens once.")
            say(f"It downloads {size}, into {root / '.venv'}.")
            say("Nothing else on this machine changes but uv's cache. If you stop it, start again.")
        else:
            # uv takes a package for whole as soon as its folder is there, so nothing half done may stay.
            say("The last installation was not finished, or its Python is gone: .venv is made anew.")
            say(f"What was downloaded is taken from uv's cache; the rest is at most {size}.")
        make_venv(root)
    for what, do in [say_trouble(system, card, None) for card in cards if choose_backend(system, [card]) == PROCESSOR]:
        say(f"{what} {do}")
    install(root, lock_paths(root, with_tests=with_tests), system, backend)
    write_stamp(root, with_tests=with_tests)
    say("Everything is installed. The next start needs no network.\n")


def check_can_make_venv(root: Path, *, is_first: bool) -> None:
    if not all(importlib.util.find_spec(module) for module in ("venv", "ensurepip")):
        raise SetupError(
            "This Python has no venv module, which keeps Tunesmith's parts apart from yours.",
            "On Debian or Ubuntu: apt install python3-venv. Elsewhere: install Python 3.12 from python.org.",
        )
    if is_too_deep(platform.system(), root, long_paths=knows_long_paths()):
        raise SetupError(
            f"Tunesmith's folder lies so deep that Windows refuses the longest names in it: {root}.",
            "Move it to a shorter place, such as C:\\Tunesmith, and start it there.",
        )
    free_gb = shutil.disk_usage(root).free / GB
    if is_first and free_gb < DISK_NEEDED_GB:
        raise SetupError(
            f"Setting up needs {DISK_NEEDED_GB} GB of free disk, and there are {free_gb:.1f} GB at {root}.",
            "Make room, or move Tunesmith's folder to a larger disk, and start again.",
        )


def is_too_deep(system: str, root: PurePath, *, long_paths: bool) -> bool:
    """Return whether the longest path inside would exceed Windows' limit of 259 characters."""
    return system == "Windows" and not long_paths and len(str(root)) + LONGEST_INSIDE > 259


def knows_long_paths() -> bool:
    """Return whether Windows is set to take paths of any length."""
    if sys.platform != "win32":
        return True
    winreg: Any = importlib.import_module("winreg")  # which only Windows has
    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SYSTEM\CurrentControlSet\Control\FileSystem") as key:
            return bool(winreg.QueryValueEx(key, "LongPathsEnabled")[0])
    except OSError:
        return False


def make_venv(root: Path) -> None:
    made = run_silently([sys.executable, "-m", "venv", "--clear", str(root / ".venv")], root)
    if made.returncode != 0:
        raise SetupError(
            f"Python could not make {root / '.venv'}: {last_line(made.stdout)}",
            "Delete that folder if it is there, see that you may write beside it, and start again.",
        )


def install(root: Path, locks: Sequence[Path], system: str, backend: str) -> None:
    """`locks`: the one that pins uv first."""
    taken = locks
    if has_libraries_apart(system, backend):
        taken = [root / ".venv" / f"{backend}-{lock.name}" for lock in locks]
        for lock, beside in zip(locks, taken, strict=True):
            beside.write_text(without_nvidia(lock.read_text(encoding="utf-8")), encoding="utf-8")
    bring_uv, *rest = install_commands(system, root, taken, uv=pinned_uv(locks[0]), backend=backend)
    say("Fetching uv, which installs the rest ...")
    brought = run_silently(bring_uv, root)
    if brought.returncode != 0:
        raise explain_failure(brought.stdout, root)
    names = " and ".join(str(lock.relative_to(root)) for lock in locks)
    say(f"Installing what {names} name{'' if len(locks) > 1 else 's'} ...")
    for command in rest:
        if subprocess.run(command, stdout=STDERR, cwd=root).returncode != 0:
            # uv draws its progress only on a terminal that is its own; its reason is had by asking once more.
            raise explain_failure(run_silently([*command, "--dry-run"], root).stdout, root)


def explain_failure(output: str, root: Path) -> SetupError:
    """What a failed pip or uv wrote, in plain words."""
    if DISK_FULL.search(output) or shutil.disk_usage(root).free < GB:
        return SetupError("The disk is full.", "Make room and start again: what was downloaded is kept.")
    if NO_TRUST.search(output):
        return SetupError(
            "This machine does not trust the certificate of the place that the parts come from.",
            "In a company's network, ask for its certificate file, set SSL_CERT_FILE to it, and start again.",
        )
    if NO_NETWORK.search(output):
        return SetupError(
            "There is no network, or it does not reach the place that the parts come from.",
            "Connect this machine and start again: only setting up needs it. What was downloaded is kept.",
        )
    return SetupError(
        f"The installation broke off: {last_line(output)}",
        "Start again: what was downloaded is kept. If it breaks off again, that reason says what to mend.",
    )


def run_silently(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command; its `stdout` holds all that it wrote."""
    return subprocess.run(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )


def last_line(output: str) -> str:
    return (output.strip().splitlines() or ["it gave no reason."])[-1].strip()


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def is_inside(root: Path) -> bool:
    return os.path.samefile(sys.prefix, root / ".venv")


def start_inside(root: Path, arguments: list[str]) -> int:
    """Go on under the venv's Python, in the same folder. Where there is exec, this never returns."""
    command = [str(venv_python(platform.system(), root)), *arguments]
    os.environ.pop("PYTHONHOME", None)  # it would lead the venv's Python to another one's packages
    try:
        if sys.platform != "win32":
            sys.stdout.flush()
            os.execv(command[0], command)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches the child by itself; this waits for it
        return subprocess.run(command).returncode
    except OSError as error:
        stamp_path(root).unlink(missing_ok=True)  # without it the next start looks closely
        raise SetupError(f"The Python in .venv does not start: {error}.", "Start again: it is made anew.") from error


@contextmanager
def explained_imports(root: Path) -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise SetupError(
            f"A part of Tunesmith is missing or damaged: {error}.",
            f"Delete {root / '.venv'} and start again; your data and runs are kept elsewhere.",
        ) from error


def check_commands(python: str, pytest_arguments: list[str]) -> dict[str, list[str]]:
    """Every check by its name; pytest is last, so that its closing line is the last that is printed."""
    return {
        "ruff check": [python, "-m", "ruff", "check", "."],
        "ruff format": [python, "-m", "ruff", "format", "--check", "."],
        "mypy": [python, "-m", "mypy"],
        "pytest": [python, "-m", "pytest", *IN_TWO_PROCESSES, *pytest_arguments],
    }


def run_checks(root: Path, pytest_arguments: list[str]) -> int:
    """Run every check, the later ones too if an earlier one fails.

    Raises: SetupError if there is no browser for the tests and none can be had.
    """
    os.environ["TUNESMITH_BROWSER"] = provide_browser(platform.system())
    failed: list[str] = []
    for name, command in check_commands(sys.executable, pytest_arguments).items():
        if failed and name == "pytest":
            print(f"\nFailed so far: {', '.join(failed)}", flush=True)
        print(f"\n== {name}", flush=True)
        if subprocess.run(command, cwd=root).returncode != 0:
            failed.append(name)
    return 1 if failed else 0


def run_checks_on_card(root: Path, arguments: list[str]) -> int:
    """They need what the program needs and nothing more, since machines with a large card are often bare."""
    return subprocess.run([sys.executable, "-m", "tests.gpu", *arguments], cwd=root).returncode


def browser_places(system: str, environ: dict[str, str]) -> list[str]:
    """Where Chromium and its kin usually are: whole paths, or names on the PATH."""
    if system == "Windows":
        folders = [environ.get(name) for name in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")]
        programs = (
            r"Google\Chrome\Application\chrome",
            r"Chromium\Application\chrome",
            r"Microsoft\Edge\Application\msedge",
        )
        return [rf"{folder}\{program}.exe" for program in programs for folder in folders if folder]
    if system == "Darwin":
        folders = ["/Applications", f"{environ.get('HOME', '')}/Applications"]
        names = ("Google Chrome", "Chromium", "Microsoft Edge")
        return [f"{folder}/{name}.app/Contents/MacOS/{name}" for name in names for folder in folders]
    return ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge"]


def find_browser(system: str) -> str | None:
    chosen = os.environ.get("TUNESMITH_BROWSER")
    places = [chosen] if chosen else browser_places(system, dict(os.environ))
    return next(filter(None, map(shutil.which, places)), None)


def provide_browser(system: str) -> str:
    """The path of a browser for the tests; empty for Playwright's own.

    Raises: SetupError if there is none and none can be had.
    """
    if found := find_browser(system):
        return found
    if fetch_playwright_browser():
        return ""
    if sys.platform != "win32" and os.geteuid() == 0 and shutil.which("apt-get"):
        say("That did not work. Installing the distribution's chromium ...")
        for arguments in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
            subprocess.run(["apt-get", "--quiet", *arguments], stdout=STDERR)
        if found := find_browser(system):
            return found
    raise SetupError(
        "The tests need a browser; none was found, and none could be fetched.",
        "Install Google Chrome, Chromium or Microsoft Edge, or set TUNESMITH_BROWSER to the path of one.",
    )


def fetch_playwright_browser() -> bool:
    """Whether Playwright's own Chromium runs. It may be there and not run, for want of system libraries."""
    launch = "from playwright.sync_api import sync_playwright as s\nwith s() as p: p.chromium.launch().close()"
    attempt = [sys.executable, "-c", launch]
    if run_silently(attempt, Path.cwd()).returncode == 0:
        return True
    say("No Chromium, Chrome or Edge was found. Fetching Playwright's own, about 200 MB ...")
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], stdout=STDERR)
    return run_silently(attempt, Path.cwd()).returncode == 0
