"""All pages are reached from the index, and no link leads nowhere."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

LINK = re.compile(r"(?<!`)\[[^\]]*\]\(([^)\s]+)\)")
PAGES = [
    page
    for page in [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("*/README.md"),
        ROOT / "results/reference/README.md",
    ]
    if not page.is_relative_to(ROOT / "build")
]


def links(page: Path) -> list[str]:
    text = re.sub(
        r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )
    return [target for target in LINK.findall(text) if "://" not in target]


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in links(page):
        name, _, anchor = target.partition("#")
        goal = (page.parent / name).resolve() if name else page
        assert goal.exists(), target
        assert not anchor or anchor in anchors(goal), target


@pytest.mark.parametrize("index", ["docs", "docs/results", "docs/decisions"])
def test_the_index_lists_every_page(index: str) -> None:
    folder = ROOT / index
    linked = {
        (folder / target.partition("#")[0]).resolve() for target in links(folder / "README.md")
    }
    pages = {path for path in folder.iterdir() if path.suffix in (".md", ".tsv")}
    pages |= {path / "README.md" for path in folder.iterdir() if (path / "README.md").is_file()}
    assert not pages - linked - {folder / "README.md"}


def test_the_readme_leads_to_the_top_pages() -> None:
    linked = {(ROOT / target).resolve() for target in links(ROOT / "README.md")}
    assert not set(ROOT.glob("*.md")) - linked - {ROOT / "README.md"}
    assert ROOT / "docs" / "README.md" in linked


# A path of the tree in backticks; placeholders in capitals, patterns and what is built or measured are none.
PATH = re.compile(
    r"`((?:allocators|apps|docs|experiments|harness|install|memtest|records|stats|tests|tools)/[a-z0-9_./-]+)`"
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_that_is_named_exists(page: Path) -> None:
    if page.name == "CHANGELOG.md" or page.parent.name == "decisions":
        return  # they speak of the tree as it was
    missing = [
        name
        for name in PATH.findall(page.read_text(encoding="utf-8"))
        if not (ROOT / name).exists()
    ]
    assert not missing
