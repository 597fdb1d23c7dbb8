"""When to stop trying: an allocator that always hangs must not cost its time-out in every block of
every cell.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from records.record import Record, case_of

CELL_LIMIT = 2  # failures in a row in one cell, after which that cell is left
ALLOCATOR_LIMIT = 3  # failures before the first success anywhere, after which the allocator is left


@dataclass
class Strikes:
    """Counts failures as records come in; also rebuilt from the records of an interrupted run."""

    _in_cell: dict[tuple[str, str, str, int], int] = field(default_factory=lambda: defaultdict(int))
    _without_success: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _succeeded: set[str] = field(default_factory=set)
    _last: dict[tuple[str, str, str, int], str] = field(default_factory=dict)

    def add(self, record: Record) -> None:
        """Takes note of how a process ended; runs that were not started (no argv) say nothing."""
        if not record["argv"]:
            return
        key = _key(record)
        if record["status"] == "ok":
            self._in_cell[key] = 0
            self._succeeded.add(record["allocator"])
            return
        self._in_cell[key] += 1
        self._without_success[record["allocator"]] += 1
        self._last[key] = record["status"]

    def add_all(self, records: Iterable[Record]) -> None:
        """Takes note of the records of an earlier session, in their order."""
        for record in records:
            self.add(record)

    def reason_to_skip(self, allocator: str, workload: str, params: str, threads: int) -> str:
        """Why the run should not be started, or ""."""
        key = (allocator, workload, params, threads)
        times = self._in_cell[key]
        if times >= CELL_LIMIT:
            return f"not started: '{self._last[key]}' {times} times in a row in this cell"
        times = self._without_success[allocator]
        if allocator not in self._succeeded and times >= ALLOCATOR_LIMIT:
            return f"not started: all {times} processes of {allocator} so far failed"
        return ""


def _key(record: Record) -> tuple[str, str, str, int]:
    return (record["allocator"], *case_of(record))
