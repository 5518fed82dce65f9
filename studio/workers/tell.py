"""Sends a notice: asked by one JSON object on standard input, answers with a row for each address as it is told.

In:  {"addresses": [str], "title": str, "body": str}
Out: {"place": int, "reason": str}, the reason empty where the notice was sent.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx

from studio.notify import DESKTOP, WAIT_S

APP = "Tunesmith"
ANSWER = threading.Lock()  # a row is written in one piece
CHECK = "Check the address."


def main() -> None:
    asked = json.loads(sys.stdin.buffer.read())
    with ThreadPoolExecutor(len(asked["addresses"])) as threads:
        for place, address in enumerate(asked["addresses"]):
            threads.submit(try_one, place, address, asked["title"], asked["body"])


def try_one(place: int, address: str, title: str, body: str) -> None:
    try:
        reason = way_of(address)(address, title, body)
    except Exception as error:  # whatever a library meets is a reason, and the other addresses are still told
        reason = f"{type(error).__name__}: {str(error)[:200]}. {CHECK}"
    with ANSWER:
        print(json.dumps({"place": place, "reason": reason}), flush=True)


def way_of(address: str) -> Callable[[str, str, str], str]:
    return tell_desktop if address == DESKTOP else tell_address


class Said(logging.Handler):
    """What the desktop's library only logs: why the last notice was not shown."""

    words = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.words = str(record.exc_info[1]) if record.exc_info else record.getMessage()


def tell_desktop(address: str, title: str, body: str) -> str:
    """The library logs what goes wrong, and calls back when the desktop has taken the notice."""
    from desktop_notifier.sync import DesktopNotifierSync

    said, taken = Said(logging.WARNING), threading.Event()
    logging.getLogger("desktop_notifier").addHandler(said)
    DesktopNotifierSync(app_name=APP).send(title, body, on_dispatched=taken.set)
    if taken.is_set():
        return ""
    why = f" ({said.words[:200]})" if said.words else ""
    return f"this session has no desktop that shows notices{why}. Use a web-hook or a service here."


def tell_address(address: str, title: str, body: str) -> str:
    """Apprise knows some services by their plain https address too, such as Discord's and Slack's."""
    import apprise

    service = apprise.Apprise.instantiate(address)
    if service is None and address.lower().startswith(("http://", "https://")):
        return tell_hook(address, title, body)
    if service is None:
        return "it is not understood. See appriseit.com for how each service is written."
    sender = apprise.Apprise(asset=apprise.AppriseAsset(app_id=APP, app_desc=APP))
    sender.add(service)
    told = sender.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT)
    if told:
        return ""
    logs = [entry.message for result in told.results for attempt in result.attempts for entry in attempt.logs]
    return f"{logs[-1].strip(' .')[:200] if logs else 'it refused the notice'}. {CHECK}"


def tell_hook(address: str, title: str, body: str) -> str:
    """The same names as in Apprise's own JSON, so that one receiver reads both."""
    notice = {"version": "1.0", "title": title, "message": body, "type": "info", "attachments": []}
    try:
        answer = httpx.post(address, json=notice, timeout=WAIT_S - 3, headers={"user-agent": APP})
    except httpx.TimeoutException:
        return "it took too long to answer. See whether it can be reached from this machine."
    except httpx.HTTPError as error:
        return f"it cannot be reached ({re.sub(r'^.Errno -?[0-9]+. ', '', str(error))}). {CHECK}"
    return "" if answer.is_success else f"it answered {answer.status_code} {answer.reason_phrase}. {CHECK}"


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # a library may have left a thread behind that would hold the process
