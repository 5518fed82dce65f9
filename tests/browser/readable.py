"""What axe-core has against a page: words that are hard to read, and parts that nobody could name."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.pages import wait_until_still

WIDTHS, SCHEMES = (1280, 390), ("light", "dark")  # of a desk, of a telephone
OPTIONS = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21aa"],
    "resultTypes": ["violations"],  # every rule is run all the same; of what passed, not each element is described
}


def violations(page: Page, part: str | None = None) -> list[str]:
    """Of the whole page, or of the part that this selector finds: each broken rule, its first element, how many."""
    wait_until_still(page)  # colours that are still fading would be measured
    found = Axe().run(page, part, OPTIONS).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html'][:160]} ({len(each['nodes'])})" for each in found]


def show_in(page: Page, scheme: str) -> None:
    """As when the system turns light or dark while the page is open."""
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.wait_for_function("dark => document.body.classList.contains('dark') === dark", arg=scheme == "dark")
    wait_until_still(page)


def show_at(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    wait_until_still(page)


def require_fit(page: Page, width: int) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def require_readable(page: Page, *parts: str) -> None:
    """At both widths, light and dark, these parts break no rule, and nothing is wider than the page."""
    for width in WIDTHS:
        show_at(page, width)
        for scheme in SCHEMES:
            show_in(page, scheme)
            for part in parts:
                assert violations(page, part) == [], f"{part} {width} {scheme}"
            require_fit(page, width)
