"""The promise of docs/add-a-workload.md: a workload is one file, and nothing else is edited.

The example of that page is put into a copy of memtest, which `make` builds; then the file is removed.
"""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.memtest.driver import PLANTED, ROOT, end_record, listed, records, run

BUILT = ("build/flags", "build/obj/memtest-objects", "build/obj/memtest")


def example_source() -> str:
    """The indented C block of the page."""
    lines = (ROOT / "docs" / "add-a-workload.md").read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("    #include"))
    end = next(i for i, line in enumerate(lines) if "REGISTER_WORKLOAD(stacks)" in line)
    return "\n".join(line[4:] for line in lines[start : end + 1]) + "\n"


def copy(name: str, to: Path) -> None:
    """Copies a file or folder of the tree with its times, so that make finds it up to date."""
    (to / name).parent.mkdir(parents=True, exist_ok=True)
    if (ROOT / name).is_dir():
        shutil.copytree(ROOT / name, to / name)
    else:
        shutil.copy2(ROOT / name, to / name)


def build(tree: Path) -> Path:
    """Makes memtest in the copy, and returns it."""
    subprocess.run(["make", "ptmalloc"], cwd=tree, check=True, timeout=200)
    return tree / "build" / "memtest-ptmalloc"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of what memtest is built from and of its objects, with one file more."""
    folder = tmp_path_factory.mktemp("tree")
    for name in ("Makefile", "pyproject.toml", "memtest", *BUILT):
        copy(name, folder)
    (folder / "memtest" / "workloads" / "stacks.c").write_text(example_source())
    yield folder
    shutil.rmtree(folder)


def test_a_file_is_a_workload_until_it_is_deleted(tree: Path) -> None:
    binary = build(tree)
    stacks = next(each for each in listed(binary)["workloads"] if each["name"] == "stacks")
    words = ["stacks", *stacks["smoke"].split(), "--threads", "2", "--verify", "full"]
    end = end_record(*words, binary=binary)
    assert end["mallocs"] == end["frees"] == 2 * 1000 * 64

    (caught,) = stacks["catches"]
    words = ["stacks", *caught["options"].split(), "--touch", "page"]
    environment = {"LD_PRELOAD": str(PLANTED), "PLANT": caught["fault"]}
    weak = records(run(*words, binary=binary, environment=environment))[-1]
    sound = end_record(*words, binary=binary)
    assert weak[caught["metric"]] > caught["rises"] * sound[caught["metric"]]

    (tree / "memtest" / "workloads" / "stacks.c").unlink()
    names = {each["name"] for each in listed(build(tree))["workloads"]}
    assert "stacks" not in names
    assert "random_mixed" in names
