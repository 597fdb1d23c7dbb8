"""Notices when a library or a memtest is built anew while a run measures it.

Two builds under one name would be averaged into a number that belongs to neither.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from harness.allocators import Allocator, sha256_of

Stamp = tuple[int, int, int]


@dataclass
class Guard:
    """Remembers each file as it was when it was hashed; `changed` costs two stat calls."""

    root: Path
    _stamps: dict[Path, Stamp] = field(default_factory=dict)

    def changed(self, allocator: Allocator) -> str:
        """Why the allocator must not be measured any more, or ""."""
        for path, digest in (
            (Path(allocator.shared_object), allocator.sha256),
            (self.root / allocator.binary, allocator.binary_sha256),
        ):
            if digest and not self._same(path, digest):
                return f"{path.name} was built anew during the run; start a new one"
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


def _stamp(path: Path) -> Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
