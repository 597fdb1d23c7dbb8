"""`make help` and the makefiles name the same targets."""

import json
import re
import subprocess

from tests.docs.pages import ROOT

# Parts of other targets, which nobody types.
INTERNAL = {"FORCE", "run-tests", "run-asan", "run-tsan", "lint-c", "lint-shell", "lint-python"}


def helped() -> set[str]:
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(re.findall(r"^  make +([\w.-]+)", done.stdout, re.MULTILINE)) - {"everything"}


def test_what_help_names_is_a_target() -> None:
    text = (ROOT / "Makefile").read_text()
    for name in helped():
        if not name.endswith("NAME"):
            assert re.search(rf"^{re.escape(name)}:", text, re.MULTILINE), name


def test_help_names_every_target_of_the_makefile() -> None:
    phony = re.search(r"^\.PHONY:((?:.*\\\n)*.*)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony
    targets = {
        name for name in phony[1].replace("\\", " ").split() if "$" not in name and ")" not in name
    }
    assert not targets - helped() - INTERNAL - {"all"}


def test_the_compilation_database_holds_every_source() -> None:
    subprocess.run(["make", "compile_commands.json"], cwd=ROOT, check=True, timeout=100)
    entries = json.loads((ROOT / "compile_commands.json").read_text())
    files = {entry["file"] for entry in entries}
    sources = {
        path.relative_to(ROOT).as_posix()
        for folder in ("memtest", "allocators/slotmalloc/src", "allocators/shm_arena/src")
        for path in (ROOT / folder).rglob("*.c")
    }
    assert not sources - files
