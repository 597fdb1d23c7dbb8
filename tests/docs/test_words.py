"""Words that docs/glossary.md retires do not stand where they are said to be gone."""

import re
import subprocess
from functools import cache

import pytest

from tests.docs.pages import ROOT, table_after

# The glossary names the words; stored runs were written with them; others spell an old name that is still read.
EXEMPT = re.compile(
    r"docs/glossary\.md|tests/docs/test_words\.py|results/reference/.*\.json|requirements\.lock"
)


def retired() -> list[tuple[str, str, list[str]]]:
    rows = table_after("docs/glossary.md", "## Retired words")
    return [
        (word.strip("`").replace(r"\|", "|"), use, places.split()) for word, use, places in rows
    ]


@cache
def tree() -> dict[str, list[str]]:
    """The lines of every text file."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    found = {}
    for name in listed:
        if not EXEMPT.fullmatch(name) and (ROOT / name).is_file():
            try:
                found[name] = (ROOT / name).read_text(encoding="utf-8").splitlines()
            except UnicodeDecodeError:
                continue  # pictures and packed runs
    return found


def is_in(name: str, places: list[str]) -> bool:
    return places == ["everywhere"] or any(name == p or name.startswith(f"{p}/") for p in places)


def uses(word: str, places: list[str]) -> list[str]:
    pattern = re.compile(word, re.IGNORECASE)
    return [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, lines in tree().items()
        if is_in(name, places)
        for number, line in enumerate(lines, 1)
        if pattern.search(line)
    ]


@pytest.mark.parametrize(
    ("word", "use", "places"),
    [row for row in retired() if row[2]],
    ids=lambda value: str(value)[:40],
)
def test_a_retired_word_is_gone(word: str, use: str, places: list[str]) -> None:
    assert not uses(word, places), f"use instead: {use}"


def test_every_place_exists() -> None:
    """A folder that was moved would otherwise be searched no longer."""
    for word, _, places in retired():
        for place in places:
            assert place == "everywhere" or (ROOT / place).exists(), f"{word}: {place}"


def test_a_word_is_found_whatever_its_case() -> None:
    assert any(
        line.startswith("docs/add-an-allocator.md:1:") for line in uses("^# add AN", ["docs"])
    )


def test_each_term_is_defined_once() -> None:
    terms = [
        term.strip()
        for section in ("## Measuring", "## Allocators")
        for row in table_after("docs/glossary.md", section)
        for term in row[0].split(",")
    ]
    assert len(terms) == len(set(terms))
    assert len(terms) > 50
