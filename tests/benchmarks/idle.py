"""What an open page takes of the processor while nobody touches it, tab by tab, in a real Chromium.

Beside it a Gradio page with nothing but one timer.
"""

from __future__ import annotations

import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import psutil
from measure import running, running_studio, say, show_table
from playwright.sync_api import Page, sync_playwright

from studio.environment import find_browser

REST_S = 20
SETTLING_S = 6
BARE = """
import gradio as gr
with gr.Blocks() as app:
    said = gr.HTML("Nothing")
    gr.Timer(2).tick(lambda: gr.skip(), None, said, queue=False, show_progress="hidden")
app.launch(quiet=True, prevent_thread_lock=True)
print(app.local_url, flush=True)
app.block_thread()
"""


def drawing_s(browser: psutil.Process) -> float:
    """Seconds of processor that the processes which draw pages have taken."""
    drawers = [each for each in browser.children(recursive=True) if "--type=renderer" in each.cmdline()]
    return sum(sum(each.cpu_times()[:2]) for each in drawers)


def rest(page: Page, title: str) -> list[str]:
    """Of a page that was just shown."""
    page.wait_for_timeout(1000 * SETTLING_S)
    before, began = drawing_s(psutil.Process()), time.monotonic()
    page.wait_for_timeout(1000 * REST_S)
    share = (drawing_s(psutil.Process()) - before) / (time.monotonic() - began)
    say(f"{title}: {share:.1%}")
    return [title, f"{share:.1%}"]


@contextmanager
def opened(address: str) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(platform.system()), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(address)
        yield page
        browser.close()


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as folder, running_studio(Path(folder)) as (_, address), opened(address) as page:
        for tab in ("Data", "Train", "Compare", "Export", "Runs"):
            page.get_by_role("tab", name=tab).first.click()
            rows.append(rest(page, tab))
    with running([sys.executable, "-c", BARE]) as process:
        assert process.stdout is not None
        with opened(process.stdout.readline().strip()) as page:
            rows.append(rest(page, "bare Gradio page with one timer"))
    show_table("A page at rest", ("page", "of one core"), rows)


if __name__ == "__main__":
    main()
