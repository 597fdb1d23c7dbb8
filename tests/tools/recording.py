"""Records programs for the tests and reads the traces."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from stats.trace import trace_file
from stats.trace.trace_file import Trace, read_trace

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
ALLOC_RECORD = BUILD / "alloc-record"
LIBRARY = BUILD / "librecord.so"
PROGRAMS = BUILD / "tests" / "tools"
SERVER = PROGRAMS / "server"
OBJECTS, SIZE = 1000, 333  # what the work of server.c allocates
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may change user or root")


def record(
    directory: Path,
    *command: str | Path,
    environment: dict[str, str] | None = None,
    expect: int = 0,
    counts: Path = Path(os.devnull),
) -> list[Path]:
    """Records `command` into directory/traces; returns the traces in the order of the processes.

    expect  the exit code that alloc-record must pass on
    counts  a file that the program finds open as descriptor 3
    """
    output = directory / "traces"
    with counts.open("a") as opened:
        script = 'exec "$@" 3>&"$COUNTS"'
        done = subprocess.run(
            ["bash", "-c", script, "-", ALLOC_RECORD, "-o", output, "--", *command],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={**os.environ, **(environment or {}), "COUNTS": str(opened.fileno())},
            pass_fds=(opened.fileno(),),
        )
    assert done.returncode == expect, done.stderr
    return sorted(output.glob("*.trace"))


def run_recorder(
    output: Path,
    *command: str | Path,
    recorder: Path = ALLOC_RECORD,
    environment: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Records `command` into `output`."""
    words: list[str | Path] = [recorder, "-o", output, "--", *command]
    return subprocess.run(
        words,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **(environment or {})},
    )


def workers(output: Path) -> int:
    """How often the work of server.c is in the traces, which must be free of flaws."""
    traces = [read_trace(path) for path in output.glob("*.trace")]
    for trace in traces:
        assert not any(trace.totals[flaw] for flaw in ("lost", "unseen", "unknown"))
    return sum(int((trace.size == SIZE).sum()) == OBJECTS for trace in traces)


def only_traces(output: Path) -> bool:
    """True when nothing but traces is left."""
    return all(path.suffix == ".trace" for path in output.iterdir())


def listed_allocators() -> list[dict[str, str]]:
    """Allocators that can be preloaded."""
    done = subprocess.run(
        ["make", "-s", "list-allocators"], cwd=ROOT, capture_output=True, check=True
    )
    return [row for row in json.loads(done.stdout) if row["available"]]


def counts_of(trace: Trace) -> dict[str, int]:
    """How many events of each operation the trace has."""
    totals = np.bincount(trace.op, minlength=len(trace_file.OP_NAMES))
    return dict(zip(trace_file.OP_NAMES, map(int, totals), strict=True))


def live_bytes(trace: Trace) -> npt.NDArray[np.int64]:
    """Live bytes after each event."""
    given_up = np.where(trace.maker >= 0, trace.size[trace.maker], 0)
    return np.cumsum(trace.size - given_up)


def read_lines(path: Path) -> list[dict[str, int]]:
    """The JSON lines of a file."""
    return [json.loads(line) for line in path.read_text().splitlines()]
