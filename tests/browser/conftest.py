"""A real browser that lets nothing out: TUNESMITH_BROWSER, Debian's chromium, or Playwright's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, expect

expect.set_options(timeout=20_000)  # ms; beside a training on the same two cores the usual 5 s are not always enough
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
