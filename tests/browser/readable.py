"""What axe-core has against a page: words that are hard to read, and parts that nobody could name."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

OPTIONS = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21aa"],
    "resultTypes": ["violations"],  # every rule is run all the same; of what passed, not each element is described
}


def violations(page: Page, part: str | None = None) -> list[str]:
    """Of the whole page, or of the part that this selector finds: each broken rule, its first element, how many."""
    found = Axe().run(page, part, OPTIONS).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html'][:160]} ({len(each['nodes'])})" for each in found]
