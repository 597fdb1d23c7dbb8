"""Why a process does not count: before it starts, when it has ended, and once its group is complete.

start_checks          does the allocator start, and does it serve malloc? Once before the first
                      replicate, with `memtest empty`: what fails here fails everywhere
BuildGuard            was the library or memtest rebuilt during the run?
FailurePolicy         has the allocator failed too often to be started again?
classify              how did the process end?
checksum_mismatches   did it do the same work as the others of its group?
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import memtest, provider
from harness.allocators import Allocator, sha256_of
from harness.bench import Bench
from harness.environment import passed_on
from harness.experiment import EMPTY_CASE, Case
from harness.process import Job, Outcome
from harness.provider import Proof
from records.record import Record, case_of

START_CHECK_S = 10.0
CELL_LIMIT = 2  # failures in a row in a cell before the cell is skipped
ALLOCATOR_LIMIT = 3  # failures without any success before the allocator is skipped

_Stamp = tuple[int, int, int]


@dataclass(frozen=True)
class StartCheck:
    """How the start check of one allocator ended: "ok", or the status of all its records."""

    status: str
    why: str
    proof: Proof

    def as_manifest(self, root: Path) -> dict[str, Any]:
        """What the manifest keeps of it."""
        provider = self.proof.as_record(root)
        return {"status": self.status, "why": self.why, "provider": provider}


def start_check(bench: Bench, allocator: Allocator) -> StartCheck:
    """Starts the allocator once. Raises Interrupted on SIGINT, SIGTERM or SIGHUP."""
    nothing = provider.unproven(allocator)
    if not allocator.available:
        return StartCheck("refused", allocator.why_not, nothing)
    binary = bench.root / allocator.binary
    if not binary.is_file():
        return StartCheck("refused", f"{allocator.binary} is not built; run: make all", nothing)
    outcome = bench.execute(_start_job(bench, allocator))
    output = memtest.parse(outcome.stdout)
    proof = provider.from_memtest(allocator, output.end, outcome.stderr)
    status, why = classify(EMPTY_CASE, outcome, output, proof)
    return StartCheck(status, why and f"start check: {bench.plain(why)}", proof)


def _start_job(bench: Bench, allocator: Allocator) -> Job:
    argv = memtest.command_line(allocator.binary, EMPTY_CASE.workload, 1, 1, {})
    env = {**passed_on(), **allocator.env, **allocator.memtest_env(bench.root)}
    limits = bench.experiment
    timeout = min(START_CHECK_S, limits.timeout_s)
    return Job(argv, env, bench.processors.single, timeout, limits.memory_cap_bytes, bench.root)


def start_checks(bench: Bench) -> dict[str, StartCheck]:
    """The start check of every allocator of the run."""
    return {name: start_check(bench, allocator) for name, allocator in bench.allocators.items()}


def start_messages(checks: dict[str, StartCheck]) -> list[str]:
    """One line for each allocator that will not be measured."""
    return [
        f"{name}: {check.status}, {check.why}; none of its processes is started; their records say so"
        for name, check in checks.items()
        if check.status != "ok"
    ]


@dataclass
class BuildGuard:
    """Detects that a library or a memtest is rebuilt while a run measures it: two builds under one
    name would be averaged. Remembers each file as it was when it was hashed; `changed` costs two
    stat calls.
    """

    root: Path
    _stamps: dict[Path, _Stamp] = field(default_factory=dict)

    def changed(self, allocator: Allocator) -> str:
        """Why the allocator must no longer be measured, or ""."""
        for _, path, digest in allocator.files(self.root):
            if digest and not self._same(path, digest):
                return f"{path.name} was rebuilt during the run; help: start a new run"
        return ""

    def _same(self, path: Path, digest: str) -> bool:
        stamp = _stamp(path)
        if stamp and stamp == self._stamps.get(path):
            return True
        if sha256_of(path) != digest:
            return False
        if stamp:
            self._stamps[path] = stamp
        return True


def _stamp(path: Path) -> _Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


@dataclass
class FailurePolicy:
    """Decides when to stop starting an allocator that keeps failing: one that always hangs must not
    cost its time-out in every replicate of every case. State is rebuilt from records on --resume.
    """

    _in_cell: dict[tuple[str, str, str, int], int] = field(default_factory=lambda: defaultdict(int))
    _without_success: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _succeeded: set[str] = field(default_factory=set)
    _last: dict[tuple[str, str, str, int], str] = field(default_factory=dict)

    def add(self, record: Record) -> None:
        """Counts how a process ended; one that was not started (no argv) does not count."""
        if not record["argv"]:
            return
        key = (record["allocator"], *case_of(record))
        if record["status"] == "ok":
            self._in_cell[key] = 0
            self._succeeded.add(record["allocator"])
            return
        self._in_cell[key] += 1
        self._without_success[record["allocator"]] += 1
        self._last[key] = record["status"]

    def add_all(self, records: Iterable[Record]) -> None:
        """Counts the records of an earlier session, in their order."""
        for record in records:
            self.add(record)

    def reason_to_skip(self, allocator: str, workload: str, params: str, threads: int) -> str:
        """Why the process should not be started, or ""."""
        key = (allocator, workload, params, threads)
        times = self._in_cell[key]
        if times >= CELL_LIMIT:
            return f"not started: '{self._last[key]}' {times} times in a row in this cell"
        times = self._without_success[allocator]
        if allocator not in self._succeeded and times >= ALLOCATOR_LIMIT:
            return f"not started: all {times} processes of {allocator} so far failed"
        return ""


def classify(case: Case, outcome: Outcome, output: memtest.Output, proof: Proof) -> tuple[str, str]:
    """The status of a process that has ended and, unless it is "ok", one sentence that says why."""
    last_words = outcome.stderr.splitlines()[-1] if outcome.stderr else ""
    if output.fault:
        return "crash", f"the allocator failed: {output.fault.get('what', 'no reason given')}"
    if outcome.exit_code == memtest.EXIT_USAGE and case.kind == "memtest":
        return "refused", f"memtest does not take these options: {last_words}"
    if outcome.status != "ok":
        words = f": {last_words}" if last_words and outcome.status == "crash" else ""
        return outcome.status, outcome.why + words
    if case.kind == "memtest" and not output.end:
        return "crash", "ended without its end record"
    if not proof.proven:
        return "refused", proof.why
    return "ok", ""


def checksum_mismatches(records: Iterable[Record]) -> dict[str, str]:
    """Which processes of one group (one case in one replicate of one pass, so equal seeds) did other
    work than most: `run` of the record -> why it is refused.

    The checksum of the majority counts as correct; without a majority all are refused. Processes
    without a checksum (bounded by time) are not compared.
    """
    good = [r for r in records if r["status"] == "ok" and r["checksum"]]
    counts = Counter(record["checksum"] for record in good)
    if len(counts) < 2:
        return {}
    (common, most), (_, second) = counts.most_common(2)
    if most == second:
        why = "the allocators of this case did different work and no checksum has a majority"
        return {record["run"]: why for record in good}
    return {
        record[
            "run"
        ]: f"did different work: checksum {record['checksum']}, while {most} others have {common}"
        for record in good
        if record["checksum"] != common
    }
