"""Looks at a running process from outside, at a rate that is bought with a fixed small share of the
time.

Three probes of very different cost, each with a budget of its own. A probe measures what it costs
and waits so long that its share is kept: a walk over the page tables of a large process
(smaps_rollup) may take tens of milliseconds and then happens every few seconds, while statm, a
handful of counters, fills the time between.

    statm         Rss from the kernel's counters, with the live bytes that memtest shares; takes no
                  lock
    smaps_rollup  Rss, LazyFree and AnonHugePages from a page-table walk, which holds the mmap lock
                  for reading
    maps          the number of mappings; VmHWM from status with it

Together they stay within 0.5 % of one processor, which is not the measured one where there are two.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.live_file import FREED, MEASURED, LiveFile
from harness.process import PAGE_SIZE

STATM_SHARE, ROLLUP_SHARE, MAPS_SHARE = 0.0015, 0.0025, 0.001
FIRST_LOOK_S = 0.001
AFTER_FREE_S = (0.0, 1.0, 10.0)  # when what is kept after the last free is read
MARGIN_S = 0.1  # how much earlier than the round number the last of these reads may fall


@dataclass(frozen=True)
class Sample:
    """One row of a series: monotonic time, memtest's phase, and what was measured then (None: not
    at
    this instant).
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
    """A reading with a price: `due` is set so that the time spent in `read` stays below `share` of
    all
    time.
    """

    read: Callable[[], None]
    share: float
    due: float = 0.0
    spent: float = 0.0

    def take(self) -> None:
        """Reads now and puts the next reading off in proportion to what this one cost."""
        before = time.monotonic()
        self.read()
        after = time.monotonic()
        cost = after - before
        self.spent += cost
        self.due = after + max(FIRST_LOOK_S, cost / self.share)


@dataclass
class Sampler:
    """An Observer (see process.py) of one process. After the process has ended, `samples` and the
    peaks are the result.

    after_free_bytes holds seconds after the last free -> footprint in bytes. spent_s is the time
    that all reading took.
    """

    live: LiveFile | None = None
    samples: list[Sample] = field(default_factory=list)
    hwm_bytes: int = 0
    after_free_bytes: dict[float, int] = field(default_factory=dict)

    def start(self, pid: int) -> None:
        """Opens the files of the process; they stay bound to it whoever gets its number next."""
        self._freed_at: float | None = None
        self._files: dict[str, int] = {}
        with contextlib.suppress(OSError):
            for name in ("statm", "smaps_rollup", "maps", "status"):
                self._files[name] = os.open(f"/proc/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
        self._probes = [
            Probe(self._read_statm, STATM_SHARE),
            Probe(self._read_rollup, ROLLUP_SHARE),
            Probe(self._read_maps, MAPS_SHARE),
        ]
        for probe in self._probes:
            probe.due = time.monotonic() + FIRST_LOOK_S
        if len(self._files) < 4:  # already gone
            self.close()

    def due_s(self) -> float:
        """When the next probe is due; never, once the process has gone."""
        if not self._files:
            return float("inf")
        return min(probe.due for probe in self._probes)

    def look(self) -> None:
        """Runs the probes that are due. The process may end at any moment, and sampling with it."""
        try:
            for probe in self._probes:
                if probe.due <= time.monotonic():
                    probe.take()
            self._watch_phase()
        except (OSError, ValueError, IndexError):
            self.close()

    def close(self) -> None:
        """Closes the files; sampling ends."""
        for fd in self._files.values():
            os.close(fd)
        self._files = {}

    @property
    def spent_s(self) -> float:
        """Seconds that the readings took altogether."""
        return sum(probe.spent for probe in self._probes)

    def _text(self, name: str) -> str:
        content = os.pread(self._files[name], 1 << 16, 0).decode()
        if not content:
            raise OSError("the process has ended")
        return content

    def _add(self, rss: int, lazyfree: int | None = None, huge: int | None = None) -> None:
        now = time.monotonic_ns()
        if not self.live:
            self.samples.append(Sample(now, MEASURED, rss, lazyfree, None, huge))
            return
        state = self.live.read()
        phase, live = (state.phase, max(state.live_bytes, 0)) if state.valid else (0, 0)
        self.samples.append(Sample(now, phase, rss, lazyfree, None, huge, live))

    def _read_statm(self) -> None:
        self._add(int(self._text("statm").split()[1]) * PAGE_SIZE)

    def _read_rollup(self) -> None:
        sizes = parse_rollup(self._text("smaps_rollup"))
        self._add(sizes["Rss"], sizes.get("LazyFree", 0), sizes.get("AnonHugePages", 0))

    def _read_maps(self) -> None:
        vmas = self._count_mappings()
        last = self.samples[-1] if self.samples else None
        if vmas and last:
            self.samples[-1] = Sample(
                last.at_ns,
                last.phase,
                last.rss_bytes,
                last.lazyfree_bytes,
                vmas,
                last.anon_huge_bytes,
                last.live_bytes,
            )
        self.hwm_bytes = max(self.hwm_bytes, parse_hwm(self._text("status")))

    def _count_mappings(self) -> int:
        fd = self._files["maps"]
        os.lseek(fd, 0, os.SEEK_SET)
        count = 0
        while chunk := os.read(fd, 1 << 16):
            count += chunk.count(b"\n")
        return count

    def _watch_phase(self) -> None:
        """After the last free the budget no longer matters, nothing is being timed: reads at 0, 1
        and
        10 s.
        """
        if not self.live or not self.samples or self.samples[-1].phase != FREED:
            return
        now = time.monotonic()
        if self._freed_at is None:
            self._freed_at = now
            self._read_maps()
        for after in AFTER_FREE_S:
            due = self._freed_at + after - min(MARGIN_S, after)
            if after not in self.after_free_bytes and now >= due:
                self._read_rollup()
                sample = self.samples[-1]
                self.after_free_bytes[after] = sample.rss_bytes - (sample.lazyfree_bytes or 0)


def parse_rollup(content: str) -> dict[str, int]:
    """`Name:  123 kB` lines of smaps_rollup as bytes by name; other lines are passed over."""
    sizes = {}
    for line in content.splitlines():
        words = line.split()
        if len(words) == 3 and words[2] == "kB":
            sizes[words[0].rstrip(":")] = int(words[1]) * 1024
    return sizes


def parse_hwm(content: str) -> int:
    """VmHWM of /proc/PID/status in bytes, 0 where there is none (the process is ending)."""
    return parse_rollup(content).get("VmHWM", 0)
