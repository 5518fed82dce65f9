"""What a test waits for before it presses, types or looks: the page's own word that it is at rest."""

from __future__ import annotations

import time
from weakref import WeakKeyDictionary

from playwright.sync_api import BrowserContext, Frame, Page, Request

LONGEST_MS = 2_000  # of what fades or slides; a notice counts down for twenty seconds until it goes
PATIENCE_S = 240.0  # reading a data set for the first time counts its tokens
LOOK = "/run/predict"  # where Gradio asks what a timer asks
STILL = """async (longest) => {
    const frame = () => new Promise(requestAnimationFrame);
    const moves = ({ effect, playState }) => playState === "running" && effect?.getComputedTiming().endTime < longest;
    do {
        await frame();
        await frame();
        await Promise.allSettled(document.getAnimations().filter(moves).map(({ finished }) => finished));
    } while (document.getAnimations().some(moves));
}"""
_under_way: WeakKeyDictionary[BrowserContext, set[Request]] = WeakKeyDictionary()


def watch_requests(context: BrowserContext) -> None:
    """From here on `wait_until_answered` knows what the pages of this context have asked for."""
    known = _under_way.setdefault(context, set())
    context.on("request", lambda request: known.add(request))
    context.on("requestfinished", lambda request: known.discard(request))
    context.on("requestfailed", lambda request: known.discard(request))

    def forget(frame: Frame) -> None:
        if frame.parent_frame is None:  # who leaves a page waits for none of its answers
            known.clear()

    context.on("page", lambda page: page.on("framenavigated", forget))


def wait_until_still(page: Page) -> None:
    """Until what was set off is drawn, and has moved and faded to its end."""
    page.evaluate(STILL, LONGEST_MS)


def wait_until_answered(page: Page) -> None:
    """Until the program has answered all that the page asked, and what it answered stands there.

    Gradio keeps a stream open as long as any handler of the page is at work, so that none is left when nothing is
    under way any more. Before it, wait for something that the page shows only once it has asked.
    """
    end_s = time.monotonic() + PATIENCE_S
    quiet = 0
    while quiet < 2:  # between the word that a press was taken and the stream of its answer nothing is under way
        wait_until_still(page)
        asked = _under_way[page.context]
        assert time.monotonic() < end_s, [f"{request.method} {request.url}" for request in asked]
        quiet = 0 if asked else quiet + 1


def wait_for_a_look(page: Page) -> None:
    """Until the page has looked at the disk by its timer, from now on, and shows what it found."""
    with page.expect_request(lambda request: request.url.endswith(LOOK)):
        pass
    wait_until_answered(page)
