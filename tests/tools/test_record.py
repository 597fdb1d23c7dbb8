"""The recorder loses nothing: what it writes is compared with an allocator that counts every call
(count.c) and with what the program itself says it did (storm.c).
"""

import json
import os
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from stats.trace.trace_file import INHERITED, REALLOC, THREAD_END, Trace, read_trace
from tests.tools.recording import (
    ALLOC_RECORD,
    LIBRARY,
    PROGRAMS,
    counts_of,
    listed_allocators,
    record,
)

COUNTERS = ("malloc", "calloc", "aligned", "realloc", "free", "bytes")  # in the order of count.c
OPERATIONS = "20000"


def storm(
    directory: Path, mode: str, expect: int, operations: str = OPERATIONS
) -> tuple[list[Trace], Path, Path]:
    """Records storm on the counting allocator; the traces, its own counts, the allocator's."""
    counted, said = directory / "counted", directory / "said"
    counted.mkdir()
    environment = {"LD_PRELOAD": str(PROGRAMS / "libcount.so"), "COUNT_DIR": str(counted)}
    storm = PROGRAMS / "storm"
    paths = record(
        directory, storm, mode, operations, environment=environment, expect=expect, counts=said
    )
    return [read_trace(path) for path in paths], said, counted


def images_by_pid(traces: list[Trace]) -> Iterator[tuple[int, int, Trace]]:
    """(pid, which of its images, trace), as exec gives a process several."""
    seen: dict[int, int] = {}
    for trace in traces:
        pid = trace.meta["pid"]
        seen[pid] = seen.get(pid, 0) + 1
        yield pid, seen[pid], trace


def counted_calls(folder: Path, pid: int, image: int, images: int) -> dict[str, int]:
    """What the counting allocator saw in one of the `images` of a process. It may have seen one
    more at the begin: alloc-record's own child before the exec.
    """
    files = sorted(folder.glob(f"{pid}-*"), key=lambda path: int(path.name.split("-")[1]))
    assert len(files) - images in (0, 1)
    words = struct.unpack("<6Q", files[-images:][image - 1].read_bytes()[:48])
    return dict(zip(COUNTERS, words, strict=True))


@pytest.mark.parametrize(
    ("mode", "expect", "images"), [("exit", 0, 4), ("kill", 137, 4), ("exec", 0, 8)]
)
def test_every_call_of_threads_and_forks_is_recorded(
    tmp_path: Path, mode: str, expect: int, images: int
) -> None:
    traces, said, counted = storm(tmp_path, mode, expect)
    assert len(traces) == images
    nothing_is_missing(traces, said, counted)


def test_no_event_is_lost_when_eight_threads_fork_children_that_exec_and_crash(
    tmp_path: Path,
) -> None:
    """Each of 8 threads forks 6 children while the others allocate; a quarter of them exit, are
    killed, crash, and run another program.
    """
    traces, said, counted = storm(tmp_path, "brood", 0, "5000")
    assert len(traces) == 1 + 8 * 6 + 8 * 6 / 4
    assert sum(trace.meta["forked"] for trace in traces) == 8 * 6
    nothing_is_missing(traces, said, counted)


def nothing_is_missing(traces: list[Trace], said: Path, counted: Path) -> None:
    """The events are those that the allocator counted, and that the program says it caused."""
    own = [json.loads(line) for line in said.read_text().splitlines()]
    images = Counter(trace.meta["pid"] for trace in traces)
    for pid, image, trace in images_by_pid(traces):
        events = counts_of(trace)
        events["bytes"] = int(trace.size[trace.op != INHERITED].sum())
        calls = counted_calls(counted, pid, image, images[pid])
        assert {name: events[name] for name in COUNTERS} == calls
        of_storm = trace.size % 64 == 37
        mine = [line for line in own if line["pid"] == pid][image - 1]
        assert (of_storm & (trace.op == REALLOC)).sum() == mine["resized"]
        made = of_storm & (trace.op != REALLOC) & (trace.op != INHERITED)
        assert made.sum() == mine["made"]
        for flaw in ("lost", "torn", "unseen", "unknown"):
            assert trace.totals[flaw] == 0, flaw


def test_no_object_is_given_up_twice_or_before_it_exists(tmp_path: Path) -> None:
    traces, _, _ = storm(tmp_path, "exit", 0)
    for trace in traces:
        makers = trace.maker[trace.maker >= 0]
        assert len(np.unique(makers)) == len(makers)
        assert (np.diff(trace.marks[:, 0]) >= 0).all()
        assert trace.totals["acquires"] - trace.totals["releases"] >= 0


def test_threads_keep_their_names_and_their_ends(tmp_path: Path) -> None:
    parent, *children = storm(tmp_path, "exit", 0)[0]
    assert parent.totals["threads"] == 1 + 8 + 20
    ended = parent.thread[parent.op == THREAD_END]
    assert sorted(ended) == list(range(1, 29)), "all but the main thread"
    assert (np.bincount(parent.thread)[1:] > int(OPERATIONS) * 0.9).all()
    handed_over = parent.maker >= 0
    crossings = parent.thread[handed_over] != parent.thread[parent.maker[handed_over]]
    assert crossings.sum() > 1000, "storm hands objects to other threads"
    assert [child.totals["threads"] for child in children] == [2, 2, 2]


def test_a_child_begins_with_what_it_inherited_and_frees(tmp_path: Path) -> None:
    _, *children = storm(tmp_path, "exit", 0)[0]
    for child in children:
        inherited = np.flatnonzero(child.op == INHERITED)
        assert child.meta["forked"]
        assert list(inherited) == list(range(len(inherited)))
        assert (child.size[inherited] % 64 == 37).sum() == 64, "storm's child frees 64 of them"
        assert np.isin(inherited, child.maker).all()


@pytest.mark.parametrize("row", listed_allocators(), ids=lambda row: row["name"])
def test_new_and_delete_are_recorded_once_on_every_allocator(
    tmp_path: Path, row: dict[str, str]
) -> None:
    preload = {"LD_PRELOAD": row["preload"]} if row["preload"] else {}
    (path,) = record(tmp_path, PROGRAMS / "cxx", environment=preload)
    trace = read_trace(path)
    for size, count in {1: 1000, 77: 3000, 100: 2000, 192: 2000}.items():
        made = np.flatnonzero(trace.size == size)
        assert abs(len(made) - count) <= 5, "libc may have some of its own"
        assert np.isin(made, trace.maker).sum() >= count
    assert trace.totals["unknown"] == trace.totals["unseen"] == trace.totals["lost"] == 0


def test_an_exception_passes_through_the_recorder(tmp_path: Path) -> None:
    (path,) = record(tmp_path, PROGRAMS / "cxx", "refuse")
    trace = read_trace(path)
    assert trace.totals["refused"] >= 2
    assert trace.size.max() < 1 << 20, "what was refused is no event"


def test_a_full_disk_or_a_small_limit_is_reported_and_the_program_goes_on(tmp_path: Path) -> None:
    command = f"ulimit -f 512; exec {ALLOC_RECORD} -o {tmp_path}/t -- {PROGRAMS}/storm exit 3000"
    done = subprocess.run(
        ["bash", "-c", command + " 3>/dev/null"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 125
    assert "EVENTS LOST" in done.stderr


def test_without_alloc_record_the_library_says_so_and_the_program_runs(tmp_path: Path) -> None:
    done = subprocess.run(
        ["/bin/echo", "fine"],
        env={"LD_PRELOAD": str(LIBRARY)},
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert (done.returncode, done.stdout) == (0, "fine\n")
    assert "ALLOC_RECORD_DIR" in done.stderr


def has_begun(raw: Path) -> bool:
    """True when the recorder has filled in the head of its file."""
    with raw.open("rb") as file:
        return file.read(8) == b"latraw02"


def test_an_interrupted_recording_is_finished_later(tmp_path: Path) -> None:
    output = tmp_path / "traces"
    recorder = subprocess.Popen(
        [ALLOC_RECORD, "-o", output, "--", "sleep", "60"], stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 20
    while not any(map(has_begun, output.glob("*/raw-*"))) and time.monotonic() < deadline:
        time.sleep(0.01)
    recorder.kill()
    recorder.wait()
    pid = int(next(iter(output.glob("*/raw-*"))).name.split("-")[1])
    os.kill(pid, 9)
    done = subprocess.run(
        [ALLOC_RECORD, "finish", output], capture_output=True, text=True, timeout=20
    )
    assert done.returncode == 0, done.stderr
    assert [path.name for path in output.iterdir()] == ["001-sleep.trace"]


@pytest.mark.parametrize(
    "arguments",
    [(), ("-o",), ("-o", "x"), ("--nonsense", "true"), ("true",)],
    ids=lambda words: " ".join(words) or "nothing",
)
def test_wrong_usage_is_explained(arguments: tuple[str, ...]) -> None:
    done = subprocess.run([ALLOC_RECORD, *arguments], capture_output=True, text=True, timeout=20)
    assert done.returncode == 2
    assert done.stderr.startswith("usage:")


def test_a_missing_program_and_a_used_folder_are_refused(tmp_path: Path) -> None:
    missing: list[str | Path] = [ALLOC_RECORD, "-o", tmp_path / "a", "--", "/nonexistent/program"]
    assert subprocess.run(missing, capture_output=True, timeout=20).returncode == 127
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "file").touch()
    used = subprocess.run(
        [ALLOC_RECORD, "-o", tmp_path / "b", "--", "true"],
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert used.returncode == 2
    assert "new or empty" in used.stderr


def seconds(*command: str | Path) -> float:
    """The time that a program says it took, as the last word that it prints."""
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONMALLOC": "malloc"},
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout.split()[-1])


def test_recording_slows_a_program_down_less_than_three_times(tmp_path: Path) -> None:
    """The best of three pairs: noise only ever makes one of them slower."""
    work = (
        "import time; start = time.perf_counter(); d = {}\n"
        "for i in range(300000): d[str(i % 50000)] = [i, str(i)]\n"
        "print(time.perf_counter() - start)"
    )
    command = [str(Path(sys.executable).resolve()), "-S", "-c", work]
    ratios = []
    for attempt in range(3):
        base = seconds(*command)
        recorded = seconds(ALLOC_RECORD, "-o", tmp_path / str(attempt), "--", *command)
        ratios.append(recorded / base)
    assert min(ratios) < 3, ratios
