"""The layers that a reader is promised: includes go down only, and errno lives at the top."""

from __future__ import annotations

import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[3] / "allocators" / "slotmalloc" / "src"

# Files that are one layer together: superslabs and when they are purged; what a thread has while
# it runs, ends and forks, and the blocks it gets, checked or not.
ONE_LAYER = [{"superslab", "purge"}, {"thread", "fork", "check", "block"}]

TOP = {"malloc", "aligned", "info", "libc_names", "operators", "catch", "deepbind"}


def layer_of(module: str) -> str:
    """The name of a module's layer: its own, or its group's."""
    return next(("+".join(sorted(group)) for group in ONE_LAYER if module in group), module)


def includes() -> dict[str, set[str]]:
    """For each layer, the layers whose headers its files include."""
    graph: dict[str, set[str]] = {}
    for path in [*SOURCE.rglob("*.c"), *SOURCE.rglob("*.h")]:
        named = re.findall(r'#include "\w+/(\w+)\.h"', path.read_text())
        own = {layer_of(name) for name in named}
        graph.setdefault(layer_of(path.stem), set()).update(own - {layer_of(path.stem)})
    return graph


def test_includes_go_down_only() -> None:
    try:
        order = list(TopologicalSorter(includes()).static_order())
    except CycleError as error:
        raise AssertionError(f"layers include each other: {error.args[1]}") from error
    place = {layer: number for number, layer in enumerate(order)}
    assert place["kernel"] < place["arena"] < place[layer_of("superslab")]
    assert place[layer_of("superslab")] < place["pool"] < place["refill"]
    assert place["remote"] < place["pool"] and place["slot"] < place["remote"]
    assert place["refill"] < place[layer_of("block")] < place["malloc"]


def test_no_layer_includes_the_entry_layer() -> None:
    for layer, below in includes().items():
        assert layer in TOP or not below & TOP, f"{layer} includes {below & TOP}"


def test_only_the_entry_layer_knows_errno() -> None:
    for path in SOURCE.rglob("*.[ch]"):
        knows = re.search(r"\berrno\s*=|#include <errno.h>", path.read_text()) is not None
        assert not knows or path.stem in TOP, f"{path.name} sets errno"


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
