"""The limits of our control group, whether the system has v2, v1, both or none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

UNLIMITED = 2**60  # v1 writes "no limit" as a number near 2**63

NOT_LISTED = ("0::/", "1:memory:/", "2:cpu:/")  # if /proc has no list: the top group of each


@dataclass(frozen=True)
class ControlGroup:
    """Where a process's control groups lie: `listing` is its /proc/PID/cgroup, `mount` the folder
    of the hierarchies.

    A limit may stand on any group above ours. In a container the listed path is often the host's
    and not visible; the mount's own root is then our group.
    """

    listing: Path = Path("/proc/self/cgroup")
    mount: Path = Path("/sys/fs/cgroup")

    def memory_bytes(self) -> int | None:
        """The smallest memory limit that holds for us, None where none is visible."""
        texts = [*self._read("", "memory.max"), *self._read("memory", "memory.limit_in_bytes")]
        limits = [int(text) for text in texts if text.isdigit() and int(text) < UNLIMITED]
        return min(limits, default=None)

    def processors(self) -> float | None:
        """The smallest number of processors that a quota grants, None where none is visible."""
        pairs = [text.split() for text in self._read("", "cpu.max")]
        quotas, periods = (self._read("cpu", f"cpu.cfs_{each}_us") for each in ("quota", "period"))
        pairs += [[quota, period] for quota, period in zip(quotas, periods, strict=False)]
        shares = [
            int(pair[0]) / int(pair[1])
            for pair in pairs
            if len(pair) == 2 and all(part.isdigit() for part in pair) and int(pair[1])
        ]
        return min(shares, default=None)

    def _read(self, controller: str, name: str) -> list[str]:
        """The contents of `name` in our group and those above it; "" is the controller of v2."""
        return [text for folder in self._folders(controller) if (text := _text(folder / name))]

    def _folders(self, controller: str) -> Iterator[Path]:
        for line in _text(self.listing).splitlines() or NOT_LISTED:
            _, controllers, path = [*line.split(":", 2), "", ""][:3]
            if controller not in controllers.split(","):
                continue
            # v2 has the mount to itself, or beside v1 a folder of it.
            names = [controllers, controller] if controller else ["", "unified"]
            for name in dict.fromkeys(names):
                group = PurePosixPath("/", path.lstrip("/"))
                for part in (group, *group.parents):
                    yield self.mount / name / str(part).lstrip("/")


def _text(path: Path) -> str:
    try:
        return os.fsdecode(path.read_bytes()).strip()
    except OSError:
        return ""
