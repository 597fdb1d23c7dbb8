"""'An allocator is one line', as README.md, ARCHITECTURE.md and docs/add-an-allocator.md promise, tried in a copy.

Promises about workloads, metrics and figures are tested where those are: tests/memtest, tests/stats.
"""

import json
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.experiment import select
from tests.docs.pages import ROOT

ROW = "$(call row,another, contestant, MIT, , libbump.so, one more line)"


def run(tree: Path, *command: str) -> str:
    environment = {key: text for key, text in os.environ.items() if not key.startswith("MAKE")}
    done = subprocess.run(
        command, cwd=tree, env=environment, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the tree and of what is built, with one more line in the allocator table."""
    copy = tmp_path_factory.mktemp("tree")
    for name in run(ROOT, "git", "ls-files", "--", ".", ":!results", ":!docs").splitlines():
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    run(ROOT, "cp", "-a", "build", str(copy))
    (copy / ".venv").symlink_to((ROOT / ".venv").resolve())
    lines = (copy / "Makefile").read_text().splitlines()
    last = max(number for number, line in enumerate(lines) if line.startswith("$(call row,"))
    lines.insert(last + 1, ROW)
    (copy / "Makefile").write_text("\n".join(lines) + "\n")
    yield copy
    shutil.rmtree(copy)


def test_it_is_listed(tree: Path) -> None:
    rows = {row["name"]: row for row in json.loads(run(tree, "make", "list-allocators"))}
    assert rows["another"]["available"]
    assert rows["another"]["note"] == "one more line"


def test_it_is_linked_and_serves_malloc(tree: Path) -> None:
    run(tree, "make", "another")
    printed = run(tree, "build/memtest-another", "random_mixed", "--scale", "0.001")
    assert json.loads(printed.splitlines()[-1])["provider"]["path"].endswith("libbump.so")


def test_it_is_measured_by_quick(tree: Path) -> None:
    plan = run(tree, ".venv/bin/python", "-I", "harness/__main__.py", "quick", "--dry-run")
    assert re.search(r"^allocators: .*\banother\b", plan, re.MULTILINE)


@pytest.mark.parametrize("experiment", ["suite", "apps", "scaling", "mind", "rnbench", "idle"])
def test_it_is_in_every_experiment_that_compares_all(experiment: str) -> None:
    text = (ROOT / "experiments" / f"{experiment}.toml").read_text()
    assert "another" in select(tomllib.loads(text)["allocators"], ["ptmalloc", "another"])


def test_it_is_checked_for_conformance(tree: Path) -> None:
    assert "test_sizes" in run(tree, "make", "--dry-run", "conformance-another")


def test_the_example_in_the_guide_to_experiments_is_the_file_that_it_names() -> None:
    text = (ROOT / "docs/add-an-experiment.md").read_text()
    found = re.search(r"`(experiments/\w+\.toml)`:\s+```toml\n(.*?)```", text, re.DOTALL)
    assert found
    assert found[2] == (ROOT / found[1]).read_text()


def test_the_counters_are_printed_as_the_page_of_slotmalloc_shows() -> None:
    text = (ROOT / "docs/slotmalloc.md").read_text()
    found = re.search(r"^ +(SLOTMALLOC=stats=stderr .*?)  +#", text, re.MULTILINE)
    assert found
    done = subprocess.run(["bash", "-c", found[1]], cwd=ROOT, capture_output=True, timeout=60)
    assert "counters" in json.loads(done.stderr)


def test_the_verbs_of_stats_take_their_arguments_in_the_order_that_readme_shows() -> None:
    """argparse would take a folder after `--metric` for one more metric."""
    shown = re.findall(r"^    \./stats\.py (.*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert shown
    for line in shown:
        words = [
            re.sub(r"results/local/RUN\w*", "results/reference/rnbench", w) for w in line.split()
        ]
        run(ROOT, str(ROOT / ".venv/bin/python"), "-I", "stats.py", *words)
