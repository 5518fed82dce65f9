"""Notices at the end of a run, sent to a real server on loopback and to a real D-Bus."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from studio import notify
from studio.errors import SettingError
from studio.notify import read_addresses, tell, tell_end, words_for_end, write_addresses


class Hook(ThreadingHTTPServer):
    """Keeps what it was sent; `/slow` answers late, `/no` refuses."""

    daemon_threads = True

    def __init__(self) -> None:
        self.notices: list[tuple[str, Any]] = []
        self.closing = threading.Event()
        super().__init__(("127.0.0.1", 0), Answer)

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path.startswith("/slow"):
            self.server.closing.wait(20)
        self.server.notices.append((self.path, json.loads(body)))
        self.send_response(403 if self.path.startswith("/no") else 200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.closing.set()
        server.shutdown()


def test_every_address_is_told_and_what_could_not_be_is_said(hook):
    plain = f"http://{hook.place}/hooks/a%20b?token=s3cret&to=me"
    through_apprise = f"json://{hook.place}/service"
    addresses = [plain, through_apprise, f"http://{hook.place}/no?token=s3cret", "nowhere://s3cret", plain]
    said = tell(addresses, "“orders” is done", "Loss 0.4 < 0.5 & fine.")
    sent = dict(hook.notices)
    assert set(sent) == {"/hooks/a%20b?token=s3cret&to=me", "/service", "/no?token=s3cret"}
    for path in ("/hooks/a%20b?token=s3cret&to=me", "/service"):
        assert (sent[path]["title"], sent[path]["message"]) == ("“orders” is done", "Loss 0.4 < 0.5 & fine.")
    assert len(hook.notices) == 3, "an address that stands twice is told once"
    assert said == [
        "127.0.0.1 was not told: it answered 403 Forbidden. Check the address.",
        "The address nowhere://… was not told: it is not understood. See appriseit.com for how each service is "
        "written.",
    ]


def test_who_does_not_answer_holds_up_nobody(hook, monkeypatch):
    monkeypatch.setattr(notify, "WAIT_S", 6.0)
    said = tell([f"http://{hook.place}/slow", f"http://{hook.place}/quick"], "t", "b")
    assert [path for path, _ in hook.notices] == ["/quick"]
    assert said == [
        "127.0.0.1 was not told: it did not answer within 6 s. See whether it can be reached from this machine."
    ]


def test_nobody_is_told_where_nobody_is_named(workspace, make_run, monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", lambda *args, **kwargs: pytest.fail("a process was started"))
    assert tell_end(workspace, make_run("done")) == []


def test_a_machine_that_can_start_no_process_gets_a_sentence(monkeypatch):
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    assert tell(["desktop"], "t", "b") == [
        "No notice was sent: Cannot allocate memory. Restart Tunesmith and try again."
    ]


def test_addresses_are_kept_for_this_account_alone(workspace):
    assert read_addresses(workspace) == []
    write_addresses(workspace, [" desktop ", "", "ntfy://topic", "desktop"])
    assert read_addresses(workspace) == ["desktop", "ntfy://topic"]
    if sys.platform != "win32":
        assert stat.S_IMODE((workspace.root / "notices.json").stat().st_mode) == 0o600
    for damaged in ("{", "[]", '{"addresses": 7}'):
        (workspace.root / "notices.json").write_text(damaged)
        assert read_addresses(workspace) == []


@pytest.mark.parametrize("wrong", ["me@example.com", "https://", "my desktop", "https://a b"])
def test_what_is_no_address_is_refused_and_the_saved_ones_stay(workspace, wrong):
    write_addresses(workspace, ["desktop"])
    with pytest.raises(SettingError, match="no address"):
        write_addresses(workspace, ["ntfy://topic", wrong])
    assert read_addresses(workspace) == ["desktop"]


def test_the_notice_says_how_the_run_ended(make_run):
    done = make_run("done", name="orders", step=600, steps=600, seconds=840, heldout_loss=0.5, best_heldout_loss=0.4123)
    assert words_for_end(done) == ("“orders” is done", "Best held-out loss 0.412. 600 of 600 steps in 14 min.")
    error = {"what": "The memory ran out.", "do": "Take a smaller batch."}
    failed = make_run("failed", name="letters", error=error)
    assert words_for_end(failed) == ("“letters” failed", "The memory ran out. Take a smaller batch.")


NOTICES = "org.freedesktop.Notifications"
INTROSPECTION = f"""<node><interface name="{NOTICES}">
  <method name="Notify">
    <arg type="s" direction="in"/><arg type="u" direction="in"/><arg type="s" direction="in"/>
    <arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="as" direction="in"/>
    <arg type="a{{sv}}" direction="in"/><arg type="i" direction="in"/><arg type="u" direction="out"/>
  </method>
  <method name="GetCapabilities"><arg type="as" direction="out"/></method>
  <method name="GetServerInformation">
    <arg type="s" direction="out"/><arg type="s" direction="out"/>
    <arg type="s" direction="out"/><arg type="s" direction="out"/>
  </method>
</interface></node>"""


@contextmanager
def desktop(folder: Path) -> Iterator[tuple[str, list[list[str]]]]:
    """A session bus with a desktop on it; gives its address and what it was asked to show: (program, title, body)."""
    from dbus_fast import Message
    from dbus_fast.aio import MessageBus

    shown: list[list[str]] = []

    def answer(message: Message) -> Message | None:
        if message.member == "Introspect":
            return Message.new_method_return(message, "s", [INTROSPECTION])
        if message.member == "GetCapabilities":
            return Message.new_method_return(message, "as", [["body"]])
        if message.member == "GetServerInformation":
            return Message.new_method_return(message, "ssss", ["desktop", "tests", "1", "1.2"])
        if message.member == "Notify":
            shown.append([message.body[0], *message.body[3:5]])
            return Message.new_method_return(message, "u", [1])
        return None

    address = f"unix:path={folder / 'bus'}"
    daemon = subprocess.Popen(["dbus-daemon", "--session", "--nofork", f"--address={address}"])
    loop = asyncio.new_event_loop()

    async def serve() -> MessageBus:
        while not (folder / "bus").exists():
            await asyncio.sleep(0.02)
        bus = await MessageBus(bus_address=address).connect()
        bus.add_message_handler(answer)
        await bus.request_name(NOTICES)
        return bus

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    bus = asyncio.run_coroutine_threadsafe(serve(), loop).result(10)
    yield address, shown
    loop.call_soon_threadsafe(bus.disconnect)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()
    daemon.terminate()
    daemon.wait()


@pytest.mark.skipif(not shutil.which("dbus-daemon"), reason="needs a D-Bus of its own")
def test_the_desktop_shows_the_notice(tmp_path, monkeypatch):
    with desktop(tmp_path) as (address, shown):
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        assert tell(["desktop"], "“orders” is done", "Best held-out loss 0.412.") == []
        assert shown == [["Tunesmith", "“orders” is done", "Best held-out loss 0.412."]]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a desktop")
def test_a_machine_without_a_desktop_says_so(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={os.devnull}")
    (said,) = tell(["desktop"], "t", "b")
    assert said.startswith("The desktop was not told: this session has no desktop that shows notices")
    assert said.endswith("Use a web-hook or a service here.")
