"""A real browser that opens pages from disk, and tells what went wrong in them."""

import shutil
from dataclasses import dataclass, field

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def browser():
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"none of {', '.join(NAMES)} is on the PATH, so no page can be opened")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=found, args=list(FLAGS))
        yield opened
        opened.close()


@dataclass
class Opened:
    page: object
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture
def open_page(browser):
    """Opens a page from disk; fails the test where it complains or asks for another resource."""
    shown = []

    def opened(path, **options):
        page = browser.new_page(**options)
        it = Opened(page)
        shown.append((it, path))
        page.on("console", lambda message: it.complaints.append(message.text))
        page.on("pageerror", lambda error: it.complaints.append(str(error)))
        page.on("dialog", lambda dialog: it.complaints.append(dialog.message))
        page.on("request", lambda request: it.requests.append(request.url))
        page.goto(path.as_uri())
        return page

    yield opened
    for it, path in shown:
        it.page.close()
        assert it.complaints == []
        others = [url for url in it.requests if not url.startswith("data:")]
        assert set(others) == {path.as_uri()}
