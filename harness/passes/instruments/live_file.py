"""The page that memtest shares with the harness: phase, live bytes and operations while it runs
(--live-file).
"""

from __future__ import annotations

import mmap
import os
import struct
from dataclasses import dataclass
from types import TracebackType

MAGIC = 0x616C6C6F636C6976
SIZE = 4096
_LAYOUT = struct.Struct(
    "<2Qq2Qq"
)  # magic, phase, live bytes, ops, start (monotonic ns), peak live bytes

SETUP, MEASURED, FREED, DONE = range(4)


@dataclass(frozen=True)
class Live:
    """One reading. valid is false until memtest has written the page for the first time."""

    valid: bool
    phase: int
    live_bytes: int
    ops: int
    start_ns: int
    peak_bytes: int


class LiveFile:
    """A memory file of one page, to be used as a context manager; `path` is what memtest opens."""

    def __init__(self) -> None:
        self._fd = os.memfd_create("alloclab-live")
        os.ftruncate(self._fd, SIZE)
        self._map = mmap.mmap(self._fd, SIZE)
        self.path = f"/proc/{os.getpid()}/fd/{self._fd}"

    def read(self) -> Live:
        """What memtest has written so far; each word is current, the six are not one instant."""
        magic, phase, live, ops, start, peak = _LAYOUT.unpack_from(self._map)
        return Live(magic == MAGIC, phase, live, ops, start, peak)

    def __enter__(self) -> LiveFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._map.close()
        os.close(self._fd)
