"""A notice at the end of a run, where the person wants one: on the desktop, to a web-hook, to a service.

Addresses are as Apprise knows them, such as ntfy://topic or mailto://name:password@example.com; `desktop` is this
machine's own desktop, and a plain http(s) address is a web-hook that gets JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from studio.errors import SettingError
from studio.process import no_window, worker_command
from studio.runs import Run
from studio.store import read_json, write_json
from studio.workspace import REPOSITORY, Workspace

DESKTOP = "desktop"
WAIT_S = 15.0
ADDRESSES = 10
ENDED = {
    "done": "is done",
    "stopped": "was stopped",
    "paused": "has paused",
    "failed": "failed",
    "interrupted": "was interrupted",
}


def read_addresses(workspace: Workspace) -> list[str]:
    """None where nothing was saved, or where the file is damaged."""
    try:
        known = read_json(_file(workspace))
    except ValueError:
        return []
    addresses = known.get("addresses") if isinstance(known, dict) else None
    return [address for address in addresses if isinstance(address, str)] if isinstance(addresses, list) else []


def write_addresses(workspace: Workspace, addresses: Iterable[str]) -> list[str]:
    """Save them where only this person's account can read them, since they may hold passwords.

    Raises: SettingError for what is no address.
    """
    tidy = list(dict.fromkeys(address.strip() for address in addresses if address.strip()))
    if len(tidy) > ADDRESSES:
        raise SettingError(f"{len(tidy)} addresses are too many.", f"Use at most {ADDRESSES}.")
    for address in tidy:
        require_address(address)
    # Written whole, and so with the rights of a temporary file: its owner reads and writes it, nobody else.
    write_json(_file(workspace), {"addresses": tidy})
    return tidy


def require_address(address: str) -> None:
    """Raises: SettingError for what is no address."""
    if address != DESKTOP and not re.match(r"[a-z][a-z0-9+.-]*://\S+$", address, re.IGNORECASE):
        raise SettingError(
            f"“{address[:40]}” is no address for a notice.",
            f"Write {DESKTOP}, or an address such as https://example.com/hook or ntfy://topic.",
        )


def _file(workspace: Workspace) -> Path:
    return workspace.root / "notices.json"


def tell_end(workspace: Workspace, run: Run) -> list[str]:
    """Tell the saved addresses how a run ended. Returns what `tell` does; empty if nobody is to be told."""
    title, body = words_for_end(run)
    return tell(read_addresses(workspace), title, body)


def words_for_end(run: Run) -> tuple[str, str]:
    """Title and body of the notice."""
    status = run.status
    error = status.get("error") or {}
    loss = status.get("best_heldout_loss", status.get("heldout_loss"))
    minutes = status.get("seconds", 0.0) / 60
    sentences = [
        f"{error['what']} {error['do']}" if run.state == "failed" and error else "",
        f"Best held-out loss {loss:.3f}." if loss is not None else "",
        f"{status['step']:,} of {status['steps']:,} steps" if status.get("steps") and status.get("step") else "",
    ]
    took = "less than a minute" if minutes < 1 else f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
    sentences[2] += f" in {took}." if sentences[2] else ""
    return f"“{run.title}” {ENDED.get(run.state, run.state)}", " ".join(filter(None, sentences))


def tell(addresses: Sequence[str], title: str, body: str) -> list[str]:
    """Send a notice to each address, all at once. Returns a sentence for each that was not told; never raises.

    A process of its own does it: the libraries take a second to import, and what hangs can be ended after `WAIT_S`.
    """
    if not addresses:
        return []
    wanted = list(dict.fromkeys(addresses))
    question = json.dumps({"addresses": wanted, "title": title, "body": body})
    try:
        answered = _ask(question.encode())
    except OSError as error:
        return [f"No notice was sent: {error.strerror}. Restart Tunesmith and try again."]
    missing = f"it did not answer within {WAIT_S:.0f} s. See whether it can be reached from this machine."
    reasons = [answered.get(place, missing) for place in range(len(wanted))]
    return [
        f"{name_of(address)} was not told: {reason}" for address, reason in zip(wanted, reasons, strict=True) if reason
    ]


def _ask(question: bytes) -> dict[int, str]:
    """What became of each address that was tried in time: its place and why it was not told, empty if it was."""
    process = subprocess.Popen(
        worker_command("tell"),
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONUTF8": "1"},
        stdin=subprocess.PIPE,  # addresses hold passwords, and a command line can be read by others
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        **no_window(sys.platform),
    )
    try:
        said, _ = process.communicate(question, timeout=WAIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        said, _ = process.communicate()
    known = {}
    for line in said.splitlines():
        with contextlib.suppress(ValueError, TypeError, KeyError):  # a line cut short, or one that a library printed
            row = orjson.loads(line)
            known[int(row["place"])] = str(row["reason"])
    return known


def name_of(address: str) -> str:
    """What a sentence may call an address: not more, since the rest of it may be a password."""
    if address == DESKTOP:
        return "The desktop"
    scheme = address.partition("://")[0].lower()
    if scheme not in ("http", "https", "json", "jsons"):
        return f"The address {scheme}://…"
    try:
        return urlsplit(address).hostname or "The web-hook"
    except ValueError:
        return "The web-hook"
