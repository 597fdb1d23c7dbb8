"""report.html in a real browser, opened from a file, without a network."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import ConsoleMessage, Page, sync_playwright

from stats.estimates.analysis import Analysis, analyse
from stats.report.page import write_page
from stats.tidy.run import read_run
from tests.stats.synthetic import Plan, write_run

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
WAIT_MS = 30_000


class Opened:
    """A page, its console errors and its requests."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        self.requests: list[str] = []
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(message.text)


@pytest.fixture(scope="module")
def report(planted: Analysis, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_page(planted, path)
    return path


@pytest.fixture(scope="module")
def opened(report: Path) -> Iterator[Opened]:
    assert BROWSER, "chromium is missing; ./install.sh fetches it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        page = browser.new_context(offline=True, viewport={"width": 1400, "height": 900}).new_page()
        page.set_default_timeout(WAIT_MS)
        found = Opened(page)
        page.goto(report.as_uri())
        page.wait_for_selector("html[data-tables=ready]")
        yield found
        browser.close()


def column(page: Page, table: str, number: int) -> list[str]:
    return page.locator(f"{table} tbody tr td:nth-child({number})").all_inner_texts()


def test_the_file_is_self_contained(report: Path) -> None:
    text = report.read_text(encoding="utf-8")
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=[\"']?https?:", text)
    assert "slotmalloc" in text


def test_clicking_a_header_sorts_by_value(opened: Opened) -> None:
    page, table = opened.page, "#table-overall_wall_s"
    header = page.locator(f"{table} thead th", has_text="mimalloc").first
    header.click()
    rising = [float(text.split()[0]) for text in column(page, table, 4)]
    assert rising == sorted(rising)
    header.click()
    falling = [float(text.split()[0]) for text in column(page, table, 4)]
    assert falling == sorted(falling, reverse=True)
    assert len(rising) == 4
    assert page.locator(f"{table} tfoot tr").count() == 6  # summaries stay where they are


def test_searching_narrows_every_estimate(opened: Opened) -> None:
    page = opened.page
    page.locator("#rows input[type=search]").fill("slotmalloc minor_faults")
    rows = page.locator("#table-every_row tbody tr")
    assert rows.count() == 4
    assert "slotmalloc" in rows.first.inner_text()


def test_hovering_a_plot_shows_a_label(opened: Opened) -> None:
    page = opened.page
    canvas = page.locator("#figure-overview .canvas")
    canvas.scroll_into_view_if_needed()
    page.wait_for_selector("#figure-overview .nsewdrag")
    box = page.locator("#figure-overview .nsewdrag").bounding_box()
    assert box
    for share in (0.2, 0.22):  # a first move enters the plot, a second one points
        page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] * 0.5)
    label = page.locator("#figure-overview .hoverlayer .hovertext")
    label.first.wait_for()
    assert "malloc" in label.first.inner_html()


def test_every_plot_draws_when_it_comes_into_view(opened: Opened) -> None:
    page = opened.page
    for canvas in page.locator(".canvas").all():
        canvas.scroll_into_view_if_needed()
        canvas.locator(".main-svg").first.wait_for()
    assert page.locator(".canvas").count() >= 10


def test_tabs_and_theme_change_the_page(opened: Opened) -> None:
    page = opened.page
    page.locator(".tabs button", has_text="minor_faults").click()
    assert page.locator("#tab-minor_faults").is_visible()
    assert not page.locator("#tab-wall_s").is_visible()
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.locator("#theme").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != ground


def test_the_own_allocator_is_compared_with_the_best_other(opened: Opened) -> None:
    section = opened.page.locator("#against-best")
    assert "slotmalloc against the best other" in section.inner_text()
    assert section.locator("#table-against_best tbody tr").count() == 7
    section.locator("input[type=search]").fill("wall_s")
    assert section.locator("#table-against_best_rows tbody tr").count() == 4


def test_many_workloads_start_folded_and_open_by_their_link(opened: Opened, tmp_path: Path) -> None:
    work = [(f"work{i}", "") for i in range(6)]
    plan = Plan(workloads=work, threads=[1], passes={"time": 15})
    path = tmp_path / "report.html"
    write_page(analyse(read_run(write_run(tmp_path / "run", plan))), path)
    page = opened.page.context.new_page()
    page.goto(path.as_uri())
    assert page.locator("details.workload").count() == 6
    assert page.locator("details.workload[open]").count() == 0
    page.locator("#side a", has_text="work3").click()
    page.locator("#w-work3 #figure-forest-work3 .main-svg").first.wait_for()
    assert page.locator("details.workload[open]").count() == 1
    page.locator("#unfold").click()
    assert page.locator("details.workload[open]").count() == 6
    page.close()


def test_failures_noise_machine_check_and_manifest_are_shown(opened: Opened) -> None:
    page = opened.page
    assert "planted crash" in page.locator("#failures").inner_text()
    assert "ptmalloc#2" in page.locator("#noise").inner_text()
    assert "the other passes are measured against it" in page.locator("#noise").inner_text()
    assert "frequency governor" in page.locator("#machine").inner_text()
    assert "Synthetic CPU" in page.locator("#machine").inner_text()


def test_the_page_has_no_errors_and_fetches_nothing(opened: Opened) -> None:
    assert opened.errors == []
    assert [url for url in opened.requests if not url.startswith(("file:", "blob:", "data:"))] == []
