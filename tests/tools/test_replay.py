"""A recorded program replayed on every allocator does what the program did: the same operations,
the same live bytes, and under the same allocator the same footprint.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stats.trace.trace_file import (
    ALIGNED,
    CALLOC,
    FREE,
    MALLOC,
    REALLOC,
    THREAD_END,
    Trace,
    read_trace,
)
from tests.tools import trace_writer as by_hand
from tests.tools.recording import BUILD, PROGRAMS, ROOT, live_bytes, record
from tests.tools.trace_writer import Event

PYTHON = str(Path(sys.executable).resolve())
PROGRAM = [PYTHON, "-S", str(ROOT / "apps" / "objects.py"), "2"]
AS_MALLOC = {"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0"}
SLOT_BYTES = 16  # of the replay's own table, for each object alive at once

MEMTESTS = sorted(BUILD.glob("memtest-*"))


def replay(path: Path, *options: str | Path, binary: Path = BUILD / "memtest-ptmalloc") -> Any:
    """Replays a trace; the end record."""
    done = subprocess.run(
        [binary, "replay", path, *options], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{binary.name}: {done.stderr} {done.stdout[-500:]}"
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trace of a real program with some nine million events."""
    folder = tmp_path_factory.mktemp("program")
    return record(folder, *PROGRAM, environment=AS_MALLOC)[0]


@pytest.fixture(scope="module")
def program_events(program: Path) -> Trace:
    """Its events."""
    return read_trace(program)


@pytest.fixture(scope="module")
def storms(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Traces of a program with eight threads at once, and short-lived ones, and of its children."""
    return record(tmp_path_factory.mktemp("storm"), PROGRAMS / "storm", "exit", "5000")


def test_the_program_is_large_and_real(program: Path, program_events: Trace) -> None:
    assert 5_000_000 <= len(program_events) <= 10_000_000
    assert program_events.meta["command"] == PROGRAM
    assert program.stat().st_size < 2 * len(program_events), "less than two bytes an event"


@pytest.mark.skipif(not MEMTESTS, reason="make builds memtest first")
def test_every_allocator_does_the_same_operations(program: Path, program_events: Trace) -> None:
    ends = {binary.name: replay(program, binary=binary) for binary in MEMTESTS}
    assert len({end["checksum"] for end in ends.values()}) == 1, ends
    for name, end in ends.items():
        assert end["live_peak_bytes"] == program_events.totals["live_peak_bytes"], name
        assert end["live_end_bytes"] == 0, name


def test_the_live_bytes_are_those_of_the_program_at_every_event(
    tmp_path: Path, program: Path, program_events: Trace
) -> None:
    curve = tmp_path / "curve"
    replay(program, "--live-curve", curve, "--verify", "stamp")
    assert np.array_equal(np.fromfile(curve, np.int64), live_bytes(program_events))


def memory_fields(pid: int) -> dict[str, int]:
    """VmHWM, RssFile and so on of a process in bytes; {} when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    sizes = (line.split() for line in lines if line.endswith(" kB"))
    return {name.rstrip(":"): int(size) * 1024 for name, size, _ in sizes}


def peak_of(command: list[str]) -> int:
    """The peak of the memory of a command that does not come from files: the kernel's high-water
    mark, which no sample can miss, less the mapped files.
    """
    last: dict[str, int] = {}
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, env={**os.environ, **AS_MALLOC}
    ) as process:
        while process.poll() is None:
            last = memory_fields(process.pid) or last
            time.sleep(0.005)
    assert process.returncode == 0
    return last["VmHWM"] - last["RssFile"]


def test_the_peak_footprint_under_ptmalloc_is_that_of_the_program(
    program: Path, program_events: Trace
) -> None:
    memtest = str(BUILD / "memtest-ptmalloc")
    wanted = peak_of(PROGRAM)
    found = peak_of([memtest, "replay", str(program), "--touch", "all", "--linger", "0.2"])
    found -= SLOT_BYTES * program_events.totals["live_peak_objects"]
    assert found == pytest.approx(wanted, rel=0.1), f"{found / wanted:.3f}"


@pytest.mark.parametrize("order", ["objects", "total"])
def test_threads_and_their_hand_overs_are_replayed(storms: list[Path], order: str) -> None:
    """Full verification would find any operation on an object that is not there yet or no more."""
    for path in storms:
        trace = read_trace(path)
        end = replay(path, "--order", order, "--verify", "full")
        assert end["threads"] == max_alive(trace)
        assert end["mallocs"] + end["reallocs"] == trace.totals["acquires"]
        assert end["live_end_bytes"] == 0


def max_alive(trace: Trace) -> int:
    """The greatest number of threads between their first and last events at one moment."""
    change = np.zeros(len(trace) + 1, np.int64)
    _, first = np.unique(trace.thread, return_index=True)
    np.add.at(change, first, 1)
    np.add.at(change, np.flatnonzero(trace.op == THREAD_END) + 1, -1)
    return int(np.cumsum(change).max())


def test_the_total_order_is_that_of_the_program(tmp_path: Path, storms: list[Path]) -> None:
    trace = read_trace(storms[0])
    replay(storms[0], "--order", "total", "--live-curve", tmp_path / "curve")
    assert np.array_equal(np.fromfile(tmp_path / "curve", np.int64), live_bytes(trace))


def test_neither_order_nor_window_nor_allocator_changes_the_operations(storms: list[Path]) -> None:
    """The window may change which object a table entry holds, never what a thread does."""
    options = [
        (),
        ("--order", "total"),
        ("--window", "1"),
        ("--window", "300"),
        ("--touch", "page"),
    ]
    checksums = {replay(storms[0], *option)["checksum"] for option in options}
    others = {replay(storms[0], binary=binary)["checksum"] for binary in MEMTESTS[:4]}
    assert len(checksums | others) == 1


def test_rounds_repeat_the_whole_program(storms: list[Path]) -> None:
    once, thrice = replay(storms[0]), replay(storms[0], "--rounds", "3", "--verify", "stamp")
    assert thrice["ops"] == 3 * once["ops"]
    assert thrice["live_end_bytes"] == 0


def test_addresses_are_those_of_the_allocator(tmp_path: Path, storms: list[Path]) -> None:
    trace = read_trace(storms[0])
    replay(storms[0], "--addresses", tmp_path / "addresses")
    addresses = np.fromfile(tmp_path / "addresses", np.uint64)
    acquires = np.isin(trace.op, (MALLOC, CALLOC, ALIGNED, REALLOC))
    assert len(addresses) == len(trace)
    assert ((addresses != 0) == acquires).all()
    aligned = trace.op == ALIGNED
    assert (addresses[aligned] % trace.alignment[aligned].astype(np.uint64) == 0).all()


def test_an_unknown_thread_count_is_refused(storms: list[Path]) -> None:
    wrong = str(max_alive(read_trace(storms[0])) + 1)
    done = subprocess.run(
        [BUILD / "memtest-ptmalloc", "replay", storms[0], "--threads", wrong],
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode == 2
    assert f"--threads {wrong}: replay needs" in done.stderr


def test_threads_by_the_hundred_live_side_by_side(tmp_path: Path) -> None:
    """Each makes an object, and the first thread frees them all when all have come."""
    threads = 600
    events = [Event(MALLOC, thread, 100) for thread in range(threads)]
    events += [Event(FREE, 0, maker=number) for number in range(threads)]
    end = replay(by_hand.write(tmp_path / "crowd", events), "--verify", "full")
    assert (end["threads"], end["mallocs"], end["frees"]) == (threads, threads, threads)


def test_more_threads_than_memtest_has_workers_are_refused(tmp_path: Path) -> None:
    events = [Event(MALLOC, thread, 100) for thread in range(4097)]
    path = by_hand.write(tmp_path / "crowd", events)
    done = subprocess.run(
        [BUILD / "memtest-ptmalloc", "replay", path], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "event 4096: more threads live at the same time" in done.stderr


def median_peak_of(command: list[str]) -> int:
    """peak_of for threads, whose timing makes it differ by some per cent from run to run."""
    return sorted(peak_of(command) for _ in range(3))[1]


THREADED = """
import queue, threading, time
handed = queue.Queue()
def work(seed):
    kept = []
    for i in range(40000):
        seed = (seed * 1103515245 + 12345) % 2**31
        kept.append(bytes(seed % 1000))
        if len(kept) > 8000:
            handed.put(kept.pop(seed % 8000))
        if not handed.empty() and seed % 3:
            handed.get()
    handed.put(kept)
threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
for t in threads: t.start()
for t in threads: t.join()
time.sleep(0.1)
"""


def test_a_real_program_with_threads_has_its_curve_and_its_footprint(tmp_path: Path) -> None:
    """The curve where the recorded order is kept; the footprint in the default order too."""
    command = [PYTHON, "-S", "-c", THREADED]
    path = record(tmp_path, *command, environment=AS_MALLOC)[0]
    trace = read_trace(path)
    freed = np.flatnonzero(trace.maker >= 0)
    assert max_alive(trace) == 5
    assert (trace.thread[freed] != trace.thread[trace.maker[freed]]).sum() > 10_000
    replay(path, "--order", "total", "--live-curve", tmp_path / "curve")
    assert np.array_equal(np.fromfile(tmp_path / "curve", np.int64), live_bytes(trace))
    words = ["replay", str(path), "--touch", "all", "--linger", "0.2"]
    wanted = median_peak_of(command)
    found = median_peak_of([str(BUILD / "memtest-ptmalloc"), *words])
    found -= SLOT_BYTES * trace.totals["live_peak_objects"]
    assert found == pytest.approx(wanted, rel=0.1), f"{found / wanted:.3f}"


@st.composite
def programs(draw: st.DrawFn) -> list[Event]:
    """Any program of up to four threads that could have been recorded."""
    events: list[Event] = []
    alive: list[int] = []
    for _ in range(draw(st.integers(0, 120))):
        thread, size = (
            draw(st.integers(0, 3)),
            draw(st.sampled_from([0, 1, 24, 100, 4096, 200_000])),
        )
        op = draw(st.sampled_from([MALLOC, CALLOC, ALIGNED, REALLOC, FREE]))
        maker = None
        if op in (REALLOC, FREE) and alive and draw(st.integers(0, 9)):
            maker = alive.pop(draw(st.integers(0, len(alive) - 1)))
        if op == REALLOC:
            size = max(size, 1)  # the converter writes realloc(p, 0) as a free
        if op != FREE:
            alive.append(len(events))
        events.append(Event(op, thread, size, draw(st.integers(0, 12)), maker))
    return events


@settings(max_examples=60, deadline=None)
@given(events=programs(), order=st.sampled_from(["objects", "total"]))
def test_any_program_can_be_replayed(
    tmp_path_factory: pytest.TempPathFactory, events: list[Event], order: str
) -> None:
    folder = tmp_path_factory.mktemp("any")
    path = by_hand.write(folder / "trace", events)
    end = replay(path, "--order", order, "--window", "2", "--verify", "full")
    assert end["live_end_bytes"] == 0
    acquires = [event for event in events if event.op != FREE]
    assert end["mallocs"] + end["reallocs"] == len(acquires)
    assert end["requested_bytes"] == sum(event.size for event in acquires)
    if order == "total":
        replay(path, "--order", order, "--live-curve", folder / "curve")
        assert np.array_equal(np.fromfile(folder / "curve", np.int64), live_bytes(read_trace(path)))
