"""stats.py trace: numbers checked against a program small enough to count by hand, pictures against
the live bytes that they must add up to.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stats.trace import charts as trace_charts
from stats.trace import summary as trace_summary
from stats.trace.heap_map import COLUMNS, ROWS, heap_map
from stats.trace.trace_file import FREE, MALLOC, REALLOC, Trace, read_trace
from tests.tools import trace_writer as by_hand
from tests.tools.recording import PROGRAMS, ROOT, record
from tests.tools.trace_writer import Event

# Three objects: 0 grows into 2 and is freed by thread 1; 1 stays.
EVENTS = [
    Event(MALLOC, size=100),
    Event(MALLOC, size=1000, thread=1),
    Event(REALLOC, size=300, maker=0),
    Event(FREE, maker=2, thread=1),
]


@pytest.fixture
def small(tmp_path: Path) -> Trace:
    """The trace of EVENTS."""
    return read_trace(by_hand.write(tmp_path / "small", EVENTS))


@pytest.fixture(scope="module")
def storm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trace of a program with many threads."""
    return record(tmp_path_factory.mktemp("storm"), PROGRAMS / "storm", "exit", "2000")[0]


def test_live_bytes_follow_every_event(small: Trace) -> None:
    assert trace_summary.live_bytes(small).tolist() == [100, 1100, 1300, 1000]


def test_objects_know_their_makers_and_ends(small: Trace) -> None:
    objects = trace_summary.objects_of(small)
    assert objects.made.tolist() == [0, 1, 2]
    assert objects.freed.tolist() == [2, 4, 3]
    assert objects.freer.tolist() == [0, -1, 1]


def test_sizes_are_classed_by_powers_of_two(small: Trace) -> None:
    table = trace_summary.sizes(small)
    assert table["upto"].tolist() == [128, 512, 1024]
    assert table["bytes"].tolist() == [100, 300, 1000]
    assert table["live_at_peak"].tolist() == [0, 300, 1000], "the peak is after the realloc"


def test_lifetimes_are_bytes_requested_meanwhile(small: Trace) -> None:
    table = trace_summary.lifetimes(small)
    assert table["upto"].tolist() == [1024, 4096, np.inf]
    assert table["bytes"].tolist() == [300, 100, 1000], "300 and 1100 bytes; one is never freed"


def test_handovers_count_who_frees_what(small: Trace) -> None:
    table = trace_summary.handovers(small)
    assert table.to_numpy().tolist() == [[0, 0, 1, 100], [0, 1, 1, 300]]


def test_the_overview_counts_calls(small: Trace) -> None:
    table = trace_summary.overview(small)
    found = dict(zip(table["what"], table["value"], strict=True))
    assert (found["malloc"], found["realloc"], found["free"]) == (2, 1, 1)
    assert found["live bytes, peak"] == 1300
    assert found["freed by another thread"] == 1


def test_the_heap_map_adds_up_to_the_live_bytes(storm: Path) -> None:
    """In each column the cells hold what is alive in its middle, wherever it lies."""
    trace = read_trace(storm)
    objects = trace_summary.objects_of(trace)
    addresses = np.zeros(len(trace), np.uint64)
    # two distant heaps, and objects that cross many cells
    addresses[objects.made] = np.cumsum(objects.size) + np.where(
        objects.made % 2, 0x7F0000000000, 0
    )
    found = heap_map(trace, addresses)
    assert found.bytes.shape == (ROWS, COLUMNS)
    times, live = trace_summary.seconds_of(trace), trace_summary.live_bytes(trace)
    middles = (np.arange(COLUMNS) + 0.5) * found.seconds / COLUMNS
    before = np.searchsorted(times, middles, side="right") - 1
    assert np.allclose(found.bytes.sum(axis=0)[before >= 0], live[before[before >= 0]])
    each = int(trace.size.sum()) + 2 * 65536
    assert found.span <= 2 * each, "the gap between the heaps is left out"


def test_ages_and_sizes_in_the_heap_map_are_means(small: Trace) -> None:
    found = heap_map(small, np.array([65536, 65536 * 3, 65536 * 2, 0], np.uint64))
    filled = found.bytes > 0
    assert set(np.round(found.size[filled]).astype(int)) <= {100, 1000, 300}
    assert (found.age[filled] >= 0).all()
    assert (found.age[filled] <= found.seconds).all()


def test_every_figure_can_be_drawn(storm: Path, tmp_path: Path) -> None:
    trace = read_trace(storm)
    for draw in (
        trace_charts.sizes,
        trace_charts.lifetimes,
        trace_charts.live,
        trace_charts.handovers,
    ):
        figure = draw(trace)
        assert figure is not None
        figure.savefig(tmp_path / "figure.png")
        assert (tmp_path / "figure.png").stat().st_size > 5000


def stats(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """./stats.py trace with these arguments."""
    command = [sys.executable, str(ROOT / "stats.py"), "trace", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_the_verb_prints_tables_and_draws_a_heap_map(storm: Path, tmp_path: Path) -> None:
    done = stats(storm, "--out", tmp_path, "--heap-map", "ptmalloc", "--colour", "size")
    assert done.returncode == 0, done.stderr
    assert "freed by another thread" in done.stdout
    names = {path.name.removeprefix(storm.stem + "-") for path in tmp_path.iterdir()}
    assert names == {f"{n}.png" for n in ("sizes", "lifetimes", "live", "handovers", "heap")}


def test_the_verb_names_the_cure(storm: Path, tmp_path: Path) -> None:
    (tmp_path / "cut").write_bytes(storm.read_bytes()[:-1])
    (tmp_path / "other").write_bytes(bytes(80))
    for arguments, word in (
        ((tmp_path / "cut",), "offset"),
        ((storm, "--heap-map", "nonesuch", "--out", tmp_path), "make nonesuch"),
        ((storm, "--heap-map", f"x={tmp_path}/other", "--out", tmp_path), "10 addresses"),
    ):
        done = stats(*arguments)
        assert done.returncode == 2
        assert word in done.stderr
        assert "Traceback" not in done.stderr
