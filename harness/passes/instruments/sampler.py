"""Samples a running process from outside, at a rate limited by a fixed small share of the time.

Four probes of very different cost, each with a budget of its own. A probe measures what it costs
and waits so long that its share is kept: a walk over the page tables of a large process
(smaps_rollup) may take tens of milliseconds and then happens every few seconds, while statm, a
handful of counters, fills the time between.

    statm         Rss from the kernel's counters, with the live bytes that memtest shares; takes no
                  lock
    smaps_rollup  Rss, LazyFree and AnonHugePages from a page-table walk, which holds the mmap lock
                  for reading
    status        the kernel's high-water mark (VmHWM), which nothing before the reading can escape
    maps          the number of mappings

Together they stay within 0.5 % of one processor, which is not the measured one where there are two.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from harness.passes.instruments.live_file import FREED, MEASURED, LiveFile
from harness.procfs import ProcessFiles

STATM_SHARE, ROLLUP_SHARE, STATUS_SHARE, MAPS_SHARE = 0.001, 0.0025, 0.0005, 0.001
FIRST_LOOK_S = 0.001
AFTER_FREE_S = (0.0, 1.0, 10.0)  # when what is kept after the last free is read
MARGIN_S = 0.1  # how much earlier than the round number the last of these reads may fall


@dataclass(frozen=True)
class Sample:
    """One row of a series: monotonic time, memtest's phase, and what was measured then (None: not
    at this instant).
    """

    at_ns: int
    phase: int
    rss_bytes: int
    lazyfree_bytes: int | None = None
    vmas: int | None = None
    anon_huge_bytes: int | None = None
    live_bytes: int | None = None


@dataclass
class Probe:
    """A reading of bounded cost: it is due once its expected duration is no more than `share` of the
    time since the last one.
    """

    read: Callable[[], None]
    share: float
    expected_s: float = 0.0
    spent_s: float = 0.0
    _last: float = 0.0

    def begin(self) -> None:
        """Starts the time from which the first reading is due."""
        self._last = time.monotonic()

    def due(self) -> float:
        """When the reading may happen (time.monotonic)."""
        return self._last + max(FIRST_LOOK_S, self.expected_s / self.share)

    def take(self) -> None:
        """Reads now; what this reading cost is expected of the next."""
        before = time.monotonic()
        self.read()
        self._last = time.monotonic()
        self.expected_s = self._last - before
        self.spent_s += self.expected_s


@dataclass
class Sampler:
    """An Observer (see process.py) of one process. After the process has ended, `samples` and the
    peaks are the result.

    after_free_bytes holds seconds after the last free -> footprint in bytes.
    """

    live: LiveFile | None = None
    samples: list[Sample] = field(default_factory=list)
    hwm_bytes: int = 0
    after_free_bytes: dict[float, int] = field(default_factory=dict)
    _files: ProcessFiles | None = None
    _pid: int = 0
    _freed_at: float | None = None

    def __post_init__(self) -> None:
        self._rollup = Probe(self._read_rollup, ROLLUP_SHARE)
        self._rollup_rss = 0
        self._probes = [
            Probe(self._read_statm, STATM_SHARE),
            self._rollup,
            Probe(self._read_mark, STATUS_SHARE),
            Probe(self._read_maps, MAPS_SHARE),
        ]

    def start(self, pid: int) -> None:
        """Begins with a process that has not been waited for (so that its number stays its own)."""
        self._pid = pid
        self._open()
        for probe in self._probes:
            probe.begin()

    def due_s(self) -> float:
        """When the next probe is due; never, once the process has gone."""
        return min(probe.due() for probe in self._probes) if self._files else math.inf

    def look(self) -> None:
        """Runs the probes that are due. The process may end at any moment, and sampling with it."""
        try:
            for probe in self._probes:
                if probe.due() <= time.monotonic():
                    probe.take()
            self._watch_phase()
        except OSError:  # ended, or a shim has exec'ed the real program
            self.close()
            self._open()

    def close(self) -> None:
        """Closes the files; sampling ends."""
        if self._files:
            self._files.close()
        self._files = None

    @property
    def spent_s(self) -> float:
        """Seconds that the readings took altogether."""
        return sum(probe.spent_s for probe in self._probes)

    def _open(self) -> None:
        with contextlib.suppress(OSError):
            files = ProcessFiles(self._pid)
            files.rss()  # a process that has ended still has files, but no memory
            self._files = files

    @property
    def _read(self) -> ProcessFiles:
        assert self._files, "look() is called only while due_s() is finite"
        return self._files

    def _add(self, rss: int, lazyfree: int | None = None, huge: int | None = None) -> None:
        now = time.monotonic_ns()
        if not self.live:
            self.samples.append(Sample(now, MEASURED, rss, lazyfree, None, huge))
            return
        state = self.live.read()
        phase, live = (state.phase, max(state.live_bytes, 0)) if state.valid else (0, 0)
        self.samples.append(Sample(now, phase, rss, lazyfree, None, huge, live))

    def _read_statm(self) -> None:
        rss = self._read.rss()
        self._add(rss)
        if self._rollup_rss and rss > self._rollup_rss:
            # The walk costs in proportion to what is resident: a heap that has grown costs more.
            self._rollup.expected_s *= rss / self._rollup_rss
            self._rollup_rss = rss

    def _read_rollup(self) -> None:
        sums = self._read.rollup()
        self._rollup_rss = sums.rss
        self._add(sums.rss, sums.lazyfree, sums.anon_huge)

    def _read_maps(self) -> None:
        """Adds the number of mappings to the sample taken just before."""
        if self.samples:
            self.samples[-1] = replace(self.samples[-1], vmas=self._read.mappings())

    def _read_mark(self) -> None:
        self.hwm_bytes = max(self.hwm_bytes, self._read.high_water_mark())

    def _watch_phase(self) -> None:
        """After the last free nothing is being timed, and the budget no longer matters."""
        if not self.live or not self.samples or self.samples[-1].phase != FREED:
            return
        now = time.monotonic()
        if self._freed_at is None:
            self._freed_at = now
            self._read_maps()
            self._read_mark()
        for after in AFTER_FREE_S:
            due = self._freed_at + after - min(MARGIN_S, after)
            if after not in self.after_free_bytes and now >= due:
                self._read_rollup()
                sample = self.samples[-1]
                self.after_free_bytes[after] = sample.rss_bytes - (sample.lazyfree_bytes or 0)
