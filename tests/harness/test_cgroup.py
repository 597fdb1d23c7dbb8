"""Control groups in made-up hierarchies: v2, v1, both at once, and none."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cgroup import ControlGroup

GIB = 1 << 30
V1 = "9:memory:/user/me\n4:cpu,cpuacct:/user/me\n"
NO_LIMIT = str(2**63 - 4096)


def group(folder: Path, listing: str, files: dict[str, str]) -> ControlGroup:
    (folder / "listing").write_text(listing)
    for name, text in files.items():
        path = folder / "mount" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return ControlGroup(folder / "listing", folder / "mount")


@pytest.mark.parametrize(
    ("listing", "files", "memory"),
    [
        ("", {}, None),
        ("", {"memory.max": str(GIB)}, GIB),
        ("0::/\n", {"memory.max": "max"}, None),
        ("0::/a/b\n", {"a/b/memory.max": str(GIB)}, GIB),
        ("0::/a/b\n", {"a/b/memory.max": "max", "a/memory.max": str(GIB)}, GIB),
        ("0::/../../host\n", {"memory.max": str(GIB)}, GIB),
        (V1, {"memory/user/me/memory.limit_in_bytes": str(GIB)}, GIB),
        (V1, {"memory/user/memory.limit_in_bytes": str(GIB)}, GIB),
        ("9:memory:/docker/77\n", {"memory/memory.limit_in_bytes": str(GIB)}, GIB),
        (V1, {"memory/user/me/memory.limit_in_bytes": NO_LIMIT}, None),
        (V1 + "0::/a:b\n", {"unified/a:b/memory.max": str(GIB)}, GIB),
        (V1 + "0::/x\n", {"memory/user/me/memory.limit_in_bytes": str(GIB)}, GIB),
        ("0::/a\n", {"a/memory.max": "0"}, 0),
    ],
)
def test_the_smallest_memory_limit_above_us_is_found(
    tmp_path: Path, listing: str, files: dict[str, str], memory: int | None
) -> None:
    assert group(tmp_path, listing, files).memory_bytes() == memory


@pytest.mark.parametrize(
    ("listing", "files", "processors"),
    [
        ("0::/a\n", {"a/cpu.max": "max 100000"}, None),
        ("0::/a\n", {"a/cpu.max": "150000 100000", "cpu.max": "max 100000"}, 1.5),
        (
            V1,
            {
                "cpu,cpuacct/user/me/cpu.cfs_quota_us": "50000",
                "cpu,cpuacct/user/me/cpu.cfs_period_us": "100000",
            },
            0.5,
        ),
        (
            V1,
            {
                "cpu/user/me/cpu.cfs_quota_us": "-1",
                "cpu/user/me/cpu.cfs_period_us": "100000",
            },
            None,
        ),
    ],
)
def test_the_smallest_processor_quota_is_found(
    tmp_path: Path, listing: str, files: dict[str, str], processors: float | None
) -> None:
    assert group(tmp_path, listing, files).processors() == processors
