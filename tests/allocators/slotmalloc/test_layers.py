"""What src/README.md promises: includes and calls go down only, and errno is set at the top."""

from __future__ import annotations

import re
from pathlib import Path

from tests.layers import check_layers

ROOT = Path(__file__).resolve().parents[3]
SOURCE = ROOT / "allocators" / "slotmalloc" / "src"
OBJECTS = ROOT / "build" / "pic" / "allocators" / "slotmalloc" / "src"


def test_includes_and_calls_go_down_only_and_in_no_circle() -> None:
    assert check_layers(SOURCE / "README.md", SOURCE, OBJECTS) == []


def test_only_the_api_layer_knows_errno() -> None:
    for path in SOURCE.rglob("*.[ch]"):
        knows = re.search(r"\berrno\s*=|#include <errno.h>", path.read_text()) is not None
        assert not knows or path.parent.name == "api", f"{path.name} sets errno"


def test_every_atomic_operation_states_its_memory_order() -> None:
    """atomic_load(x) and its like without _explicit hide a choice."""
    implicit = re.compile(r"\batomic_(?!\w*_explicit|thread_fence|signal_fence)\w+\s*\(")
    for path in SOURCE.rglob("*.[ch]"):
        found = implicit.findall(path.read_text())
        assert not found, f"{path.name}: {found}"


def test_files_and_functions_stay_short() -> None:
    for path in [*SOURCE.rglob("*.c"), *SOURCE.rglob("*.h")]:
        lines = path.read_text().split("\n")
        assert len(lines) <= 400, f"{path.name} has {len(lines)} lines"
        starts = [n for n, line in enumerate(lines) if line == "}"]
        for end in starts:
            head = next(n for n in range(end, -1, -1) if re.match(r"[a-zA-Z_]", lines[n]))
            assert end - head <= 45, f"{path.name}:{head + 1} is {end - head} lines long"
