"""A real browser that lets nothing out: TUNESMITH_BROWSER, Debian's chromium, or Playwright's own.

What most tests look at with it is here too: Compare, served once for a file of tests, with a new run for each of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, expect

from studio.runs import Run
from studio.workspace import Workspace
from tests.browser.pages import watch_requests

if TYPE_CHECKING:
    from tests.browser.compared import Answerer

PATIENCE_MS = 120_000  # beside two trainings on the same two cores the usual 5 s, and 30, are not always enough
expect.set_options(timeout=PATIENCE_MS)
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read by gradio when it is imported

DEBIAN_CHROMIUM = Path("/usr/bin/chromium")
REACHES_OUT = {"http", "https", "ws", "wss"}
HERE = {"127.0.0.1", "localhost", "::1"}
QUIET = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    installed = str(DEBIAN_CHROMIUM) if DEBIAN_CHROMIUM.exists() else None
    path = os.environ.get("TUNESMITH_BROWSER", installed)
    return browser_type_launch_args | {"args": QUIET} | ({"executable_path": path} if path else {})


@pytest.fixture
def context(context: BrowserContext) -> Iterator[BrowserContext]:
    """Fail a test whose pages ask an outside host for anything, or throw."""
    context.set_default_timeout(PATIENCE_MS)
    watch_requests(context)
    outside: list[str] = []
    errors: list[str] = []

    def watch(url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in REACHES_OUT and parts.hostname not in HERE:
            outside.append(url)

    context.on("request", lambda request: watch(request.url))
    context.on("page", lambda page: page.on("websocket", lambda socket: watch(socket.url)))
    context.on("weberror", lambda error: errors.append(f"{error.page and error.page.url}: {error.error}"))
    yield context
    assert not outside, "a page asked an outside host"
    assert not errors, "a page threw"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """One for all tests of a file, as is the program that they look at; `emptied` is what a test begins with."""
    return Workspace.open(tmp_path_factory.mktemp("home") / "workspace")


@pytest.fixture(scope="module")
def answerer() -> Answerer:
    from tests.browser.compared import Answerer

    return Answerer()


@pytest.fixture(scope="module")
def url(home: Workspace, answerer: Answerer) -> Iterator[str]:
    from tests.browser.compared import serve_compare

    with serve_compare(home, answerer) as address:
        yield address


@pytest.fixture
def emptied(home: Workspace) -> Workspace:
    """`home` with nothing in it."""
    from tests.browser.compared import empty

    return empty(home)


@pytest.fixture
def run(emptied: Workspace) -> Run:
    from tests.browser.compared import fill

    return fill(emptied)
