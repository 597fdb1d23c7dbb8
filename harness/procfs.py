"""The files under /proc that show how much memory a process holds, kept open so that a reading is
one system call.

Some are bound to the address space and not to the process: after an exec (a shim that starts the
real program) they read as empty, and have to be opened anew.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Rollup:
    """Three sums of smaps_rollup, in bytes."""

    rss: int
    lazyfree: int
    anon_huge: int


class ProcessFiles:
    """Opened files of one process. Every reading raises OSError when the address space is gone: the
    process has ended, or has exec'ed since.
    """

    def __init__(self, pid: int) -> None:
        self._fds: dict[str, int] = {}
        try:
            for name in ("statm", "smaps_rollup", "maps", "status"):
                self._fds[name] = os.open(f"/proc/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Closes them; may be called twice."""
        for fd in self._fds.values():
            os.close(fd)
        self._fds = {}

    def rss(self) -> int:
        """Resident bytes from the kernel's counters (statm); takes no lock."""
        return _positive(int(self._text("statm").split()[1]) * PAGE_SIZE)

    def rollup(self) -> Rollup:
        """The exact sums of a page-table walk (smaps_rollup)."""
        sizes = parse_sizes(self._text("smaps_rollup"))
        rss = _positive(sizes.get("Rss", 0))
        return Rollup(rss, sizes.get("LazyFree", 0), sizes.get("AnonHugePages", 0))

    def high_water_mark(self) -> int:
        """The most that was ever resident (VmHWM of status), in bytes."""
        return _positive(parse_sizes(self._text("status")).get("VmHWM", 0))

    def mappings(self) -> int:
        """The number of mappings (lines of maps)."""
        fd = self._fds["maps"]
        os.lseek(fd, 0, os.SEEK_SET)
        count = 0
        while chunk := os.read(fd, _CHUNK):
            count += chunk.count(b"\n")
        return _positive(count)

    def _text(self, name: str) -> str:
        return os.pread(self._fds[name], _CHUNK, 0).decode()


def _positive(value: int) -> int:
    if value <= 0:
        raise OSError("the process has no memory any more")
    return value


def parse_sizes(content: str) -> dict[str, int]:
    """`Name:  123 kB` lines as bytes by name; other lines are passed over."""
    sizes = {}
    for line in content.splitlines():
        words = line.split()
        if len(words) == 3 and words[2] == "kB":
            sizes[words[0].rstrip(":")] = int(words[1]) * 1024
    return sizes


def tree_rss(pid: int) -> int:
    """Resident bytes of a process and its descendants; 0 when it has gone."""
    total = 0
    with contextlib.suppress(OSError, IndexError):
        total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_SIZE
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        total += sum(tree_rss(int(child)) for child in children)
    return total
