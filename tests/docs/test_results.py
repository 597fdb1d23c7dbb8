"""Numbers of measurements stand in the documents where a command has put them, and nowhere else."""

import re
import subprocess

import pytest

from tests.docs.pages import ROOT

# Pages that people write. docs/results is generated; docs/decisions holds measurements that no stored run has.
PAGES = [
    "README.md",
    "results/reference/README.md",
    *(f"docs/{page.name}" for page in sorted((ROOT / "docs").glob("*.md"))),
]

# Allocators that the Makefile's table does not name, and what shm_arena is compared with.
OTHERS = "snmalloc rpmalloc oneTBB TCMalloc shm_arena first.fit Boost.Interprocess"

MEASURED = re.compile(
    r"(?<![\w.,-])\d[\d.,]*\s*(%|×|x\b|times\b|(?:ns|µs|us|ms|s|seconds?|minutes?)\b)"  # 12 %, 3 times, 40 ns
    r"|(?<![\w.,-])\d+\.\d+(?![\w.])"  # 1.29
)


def names() -> str:
    makefile = (ROOT / "Makefile").read_text()
    own = re.findall(r"^\$\(call row,(\w+),", makefile, re.MULTILINE)
    return "|".join([*own, *OTHERS.split()])


def prose(text: str) -> str:
    """The page without generated parts and code."""
    text = re.sub(r"<!-- results: .*?<!-- end -->", "", text, flags=re.DOTALL)
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"^    .*$", "", text, flags=re.MULTILINE)


def sentences(text: str) -> list[str]:
    """Sentences of running text; a row of a table or an item of a list is never joined with the next."""
    units = re.split(r"\n\s*\n|\n(?=[|#]|\s*(?:[-*]|\d+\.) )", prose(text))
    return [part for unit in units for part in re.split(r"(?<=[.:;])\s+", " ".join(unit.split()))]


def typed_by_hand(text: str) -> list[str]:
    """Sentences that name an allocator and a measured number. Versions and numbers that a cited work
    has published are none."""
    some_name = re.compile(rf"\b({names()})\b", re.IGNORECASE)
    version = re.compile(
        rf"\b({names()}|g?libc|GLIBC|Linux|LLVM|Debian|gcc)(_|'s )?[ ]?\d+(\.\d+)*", re.IGNORECASE
    )
    return [
        sentence
        for sentence in sentences(text)
        if some_name.search(sentence)
        and MEASURED.search(version.sub("", sentence))
        and "published" not in sentence
    ]


@pytest.mark.parametrize("page", PAGES)
def test_no_measured_number_is_typed_by_hand(page: str) -> None:
    found = typed_by_hand((ROOT / page).read_text(encoding="utf-8"))
    assert not found, "put the command that prints it between <!-- results: --> and <!-- end -->"


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("slotmalloc needs 0.94 of mimalloc 3's CPU time.", True),
        ("| aligned | 12 % behind jemalloc |", True),
        ("A malloc of scudo takes\n40 ns.", True),
        ("jemalloc 5.3.1 runs on glibc 2.38.", False),
        ("Superslabs not used for 5 s go back.", False),
        ("    ptmalloc 1.04", False),
        ("<!-- results: x -->\nptmalloc 1.04\n<!-- end -->", False),
        ("The study published 1.28 for ptmalloc.", False),
        ("| jemalloc | a |\n| 3 times | b |", False),
    ],
)
def test_the_rule(text: str, is_found: bool) -> None:
    assert bool(typed_by_hand(text)) == is_found


@pytest.mark.timeout(900)  # half a minute on two idle processors
def test_generated_parts_are_current() -> None:
    done = subprocess.run(
        [ROOT / ".venv/bin/python", "tools/docs/results.py", "--check"],
        cwd=ROOT, capture_output=True, text=True, timeout=880,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
