"""Touches memory before a process is measured, so that the host of a virtual machine has backed it.

A guest kernel with free page reporting tells its host within seconds which blocks of 2 MiB and more
are free, and the host takes them away. The next process to touch such a block waits for the host, some
milliseconds each (docs/method.md has the numbers). Which process that is depends on what ran
and ended before it, so the wait is noise; and it falls on allocators that use huge pages, which
looks like a property of theirs. Touching and giving back as much memory as the process will need,
just before it starts, takes the wait out of every measurement.
"""

from __future__ import annotations

import contextlib
import mmap
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from harness.cgroup import ControlGroup
from harness.procfs import parse_sizes

HEADROOM = 1.25  # over the largest peak so far: another allocator may need more
SHARE = 0.5  # of the available memory, at most: nothing else on the machine may be swapped out
OS_PAGE = mmap.PAGESIZE


def affordable_bytes() -> int:
    """How much may be touched without harm: a share of what is available here and in our control
    group. 0 where that is not known.
    """
    available = parse_sizes(_read("/proc/meminfo")).get("MemAvailable", 0)
    limit = ControlGroup().memory_bytes()
    return int(SHARE * (available if limit is None else min(available, limit)))


def touch(size: int) -> int:
    """Touches `size` bytes of anonymous memory, huge pages where there are any, and gives them
    back. Returns the size, or 0 where that much cannot be had.

    A process of its own does it: the harness's peak of memory stays what it was, and should memory
    run out, the kernel takes that process.
    """
    child = os.fork()
    if child == 0:
        code = 1
        with contextlib.suppress(BaseException):
            _touch(size)
            code = 0
        os._exit(code)
    _, status = os.waitpid(child, 0)
    return size if status == 0 else 0


def _touch(size: int) -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    area = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with contextlib.suppress(OSError, AttributeError):
        area.madvise(mmap.MADV_HUGEPAGE)
    area[::OS_PAGE] = bytes(-(-size // OS_PAGE))


@dataclass
class Warmer:
    """Warms memory before each process of a run and learns from each what the next will need.

    least_bytes   what is always warmed; 0 switches it off
    limit_bytes   asked before each process for the most that may be touched
    """

    least_bytes: int
    limit_bytes: Callable[[], int] = affordable_bytes
    _peaks: dict[tuple[str, str, int], int] = field(default_factory=dict)

    def before(self, case_key: tuple[str, str, int]) -> int:
        """Called right before a process of the case starts; returns how many bytes were warmed."""
        if not self.least_bytes:
            return 0
        needed = max(self.least_bytes, int(HEADROOM * self._peaks.get(case_key, 0)))
        size = min(needed, self.limit_bytes())
        return touch(size) if size > 0 else 0

    def after(self, case_key: tuple[str, str, int], peak_bytes: int) -> None:
        """Records the peak resident memory of a process of the case, under any allocator."""
        self._peaks[case_key] = max(self._peaks.get(case_key, 0), peak_bytes)


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""
