"""The progress bar: what runs now, how much is done, how much time is left."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence

from tqdm import tqdm

from harness.plan import PlannedProcess

QUIET_INTERVAL_S = 30.0  # how often a line is printed where there is no terminal


class Estimate:
    """Time left, from the mean time of processes of the same pass and case so far."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[object, ...], float] = {}
        self._count: dict[tuple[object, ...], int] = {}

    def add(self, planned: PlannedProcess, seconds: float) -> None:
        """Records how long a process took."""
        for key in self._keys(planned):
            self._seconds[key] = self._seconds.get(key, 0.0) + seconds
            self._count[key] = self._count.get(key, 0) + 1

    def left_s(self, todo: Sequence[PlannedProcess]) -> float:
        """Seconds that the processes of `todo` will take. A case that has not run yet counts like
        its other passes, or else like the mean of all.
        """
        return sum(self._expect(planned) for planned in todo)

    def _expect(self, planned: PlannedProcess) -> float:
        for key in self._keys(planned):
            if key in self._count:
                return self._seconds[key] / self._count[key]
        return 0.0

    @staticmethod
    def _keys(planned: PlannedProcess) -> tuple[tuple[object, ...], ...]:
        """From the most to the least specific."""
        return ((planned.pass_name, *planned.case_key), planned.case_key, ())


class Progress:
    """A bar on a terminal, a line now and then elsewhere. Writes to standard error only."""

    def __init__(self, todo: Sequence[PlannedProcess], done: int) -> None:
        tqdm.monitor_interval = 0  # no thread of the harness runs beside a measurement
        self._todo = todo
        self._estimate = Estimate()
        self._finished = 0
        self._done_before = done
        self._begin = self._last = self._last_line = time.monotonic()
        self._is_terminal = sys.stderr.isatty()
        self._bar = tqdm(
            total=len(todo) + done,
            initial=done,
            disable=not self._is_terminal,
            bar_format="{percentage:3.0f}% |{bar:24}| {n}/{total}{postfix}",
            dynamic_ncols=True,
            leave=False,
        )

    def starting(self, planned: PlannedProcess) -> None:
        """Shows what runs next; nothing is drawn while a process is measured."""
        threads = f" x{planned.threads}" if planned.threads > 1 else ""
        what = f"{planned.pass_name} {planned.workload}{threads} {planned.allocator}"
        if self._finished:
            left = duration(self._estimate.left_s(self._todo[self._finished :]))
            what = f"{left} left, {what}"
        self._bar.set_postfix_str(what[:78], refresh=self._is_terminal)

    def finished(self, planned: PlannedProcess) -> None:
        """Counts a process that has its record now."""
        now = time.monotonic()
        self._estimate.add(planned, now - self._last)
        self._last = now
        self._finished += 1
        self._bar.update(1)
        if not self._is_terminal and now - self._last_line >= QUIET_INTERVAL_S:
            self._last_line = now
            left = duration(self._estimate.left_s(self._todo[self._finished :]))
            count = f"{self._done_before + self._finished} of {self._done_before + len(self._todo)}"
            print(f"harness: {count} processes measured, {left} left", file=sys.stderr)

    def say(self, line: str) -> None:
        """Prints a line above the bar."""
        self._bar.clear()
        print(line, file=sys.stderr)

    def expect(self, more: Iterable[PlannedProcess]) -> None:
        """Adds processes that come next, before those that were to come."""
        added = list(more)
        self._todo = [*self._todo[: self._finished], *added, *self._todo[self._finished :]]
        self._bar.total = (self._bar.total or 0) + len(added)

    def close(self) -> None:
        """Removes the bar."""
        self._bar.close()


def duration(seconds: float) -> str:
    """Seconds for people: "45 s", "3 min 20 s", "2 h 05 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
