"""stats.py trace: what a recorded allocation trace says about its program."""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from stats.trace.heap_map import HeapMap
    from stats.trace.trace_file import Trace

HELP = "show an allocation trace: sizes, lifetimes, live bytes, frees by other threads, heap map"
DETAILS = """\
examples:
  build/alloc-record -o traces -- python3 program.py          record first
  stats.py trace traces/001-python3.trace                     tables, no files
  stats.py trace FILE --out figures                           and figures as files
  stats.py trace FILE --out figures --heap-map ptmalloc slotmalloc --colour size
The heap map replays the trace on build/memtest-NAME, or takes NAME=FILE, which
`memtest replay --addresses FILE` wrote. docs/trace-format.md describes traces."""

ROOT = Path(__file__).resolve().parents[2]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--out", type=Path, metavar="DIR", help="draw figures into this folder")
    parser.add_argument(
        "--format", default="png", metavar="LIST", help="of png,svg,pdf (default png)"
    )
    parser.add_argument(
        "--heap-map", nargs="+", default=[], metavar="NAME", help="allocators to draw a heap map of"
    )
    parser.add_argument(
        "--colour", choices=("age", "size"), default="age", help="what colours the heap map"
    )


def run(arguments: argparse.Namespace) -> int:
    """Prints the tables and writes the figures; 0."""
    from stats.figures import file_formats
    from stats.trace.trace_file import read_trace

    kinds = file_formats(arguments.format)
    if arguments.heap_map and not arguments.out:
        arguments.out = Path()
    for path in arguments.files:
        trace = read_trace(path)
        _print(path, trace)
        if arguments.out:
            maps = {
                name.partition("=")[0]: _map_of(path, trace, name) for name in arguments.heap_map
            }
            _draw(path, trace, maps, arguments, kinds)
    return 0


def _print(path: Path, trace: Trace) -> None:
    from stats import units
    from stats.trace import summary

    print(f"{path}: {' '.join(trace.meta.get('command', []))}")
    for what, value, unit in summary.overview(trace).itertuples(index=False):
        print(f"  {what:<28}{units.quantity(value, unit):>14}")
    _print_classes("size up to", summary.sizes(trace))
    _print_classes("requested meanwhile", summary.lifetimes(trace))
    crossing = summary.handovers(trace).query("maker != freer")
    shown = crossing.nlargest(10, "objects")
    for maker, freer, objects, size in shown.itertuples(index=False):
        passed = f"  thread {maker} -> thread {freer}"
        print(
            f"{passed:<32}{units.quantity(objects, '1'):>10} objects"
            f" {units.quantity(size, 'bytes'):>10}"
        )
    if len(crossing) > len(shown):
        rest = int(crossing["objects"].sum() - shown["objects"].sum())
        print(f"  {len(crossing) - len(shown)} other pairs of threads{rest:>12} objects")


def _print_classes(title: str, table: pd.DataFrame) -> None:
    from stats import units

    print(f"\n  {title:<20}{'objects':>10} {'':6} {'bytes':>10}")
    total, most = max(table["objects"].sum(), 1), max(table["objects"].max(), 1)
    for row in table.to_dict("records"):
        upto = (
            "never freed" if row["upto"] == float("inf") else units.quantity(row["upto"], "bytes")
        )
        print(
            f"  {upto:<20}{units.quantity(row['objects'], '1'):>10}"
            f" {units.percent(row['objects'] / total):>6}"
            f" {units.quantity(row['bytes'], 'bytes'):>10}"
            f"  {'█' * round(30 * row['objects'] / most)}"
        )
    print()


def _map_of(path: Path, trace: Trace, name: str) -> HeapMap:
    """The heap map of a replay on build/memtest-NAME, or of an address file (NAME=FILE)."""
    import numpy as np

    from stats.errors import DataError
    from stats.trace.heap_map import heap_map

    allocator, _, file = name.partition("=")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(file) if file else _replay(path, allocator, Path(folder) / "addresses")
        try:
            return heap_map(trace, np.fromfile(source, np.uint64))
        except ValueError as error:
            raise DataError(f"{source}: {error}; help: replay the same trace") from error


def _replay(path: Path, allocator: str, addresses: Path) -> Path:
    from stats.errors import DataError

    binary = ROOT / "build" / f"memtest-{allocator}"
    if not binary.exists():
        raise DataError(f"{binary} is missing; help: make {allocator}")
    command = [str(word) for word in (binary, "replay", path, "--addresses", addresses)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise DataError(f"replay on {allocator} failed: {done.stderr.strip()}")
    return addresses


def _draw(
    path: Path,
    trace: Trace,
    maps: dict[str, HeapMap],
    arguments: argparse.Namespace,
    kinds: list[str],
) -> None:
    from stats.trace import charts

    figures = {
        "sizes": charts.sizes(trace),
        "lifetimes": charts.lifetimes(trace),
        "live": charts.live(trace),
        "handovers": charts.handovers(trace),
        "heap": charts.heap(trace, maps, arguments.colour) if maps else None,
    }
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        for kind in kinds if figure else ():
            file = arguments.out / f"{path.stem}-{name}.{kind}"
            figure.savefig(file, dpi=160, bbox_inches="tight")  # type: ignore[union-attr]
            print(file)
