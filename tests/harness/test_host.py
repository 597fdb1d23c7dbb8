"""The machine of a run, and that a later session on another one is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import host


def test_the_host_is_described_without_gaps_that_every_machine_fills() -> None:
    found = host.describe()
    for key in ("kernel", "machine", "libc", "cpus", "memory_bytes", "page_bytes", "load"):
        assert found[key], key
    assert set(found["cgroup"]) == {"memory", "cpu"}
    assert set(found["system_files"]) == set(host.SYSTEM_FILES)
    assert len(found["boot_id"]) == 36


def test_the_same_machine_does_not_differ_from_itself() -> None:
    assert host.differences(host.describe(), host.describe()) == {}


@pytest.mark.parametrize("name", host.FIXED)
def test_each_fixed_property_is_compared(name: str) -> None:
    now = host.describe()
    old = {"before": "x"} if isinstance(now[name], dict) else "before"
    assert host.differences(now | {name: old}, now)


def test_what_an_older_manifest_lacks_is_not_compared() -> None:
    assert host.differences({"kernel": "1"}, {"kernel": "1", "boot_id": "new"}) == {}
    assert host.differences({"load": "1"}, {"load": "2"}) == {}


def test_a_changed_tunable_or_file_has_its_own_name() -> None:
    before = {"tunables": {"glibc.malloc.check": "0"}, "system_files": {"/etc/malloc.conf": None}}
    now = {"tunables": {"glibc.malloc.check": "3"}, "system_files": {"/etc/malloc.conf": None}}
    assert host.differences(before, now) == {"glibc.malloc.check": ["0", "3"]}


def test_a_file_of_the_system_is_kept_with_its_content_and_hash(tmp_path: Path) -> None:
    path = tmp_path / "malloc.conf"
    assert host.system_file(path) is None
    path.symlink_to("narenas:1")  # how jemalloc is told
    found = host.system_file(path)
    assert found is not None
    assert found["content"] == "narenas:1"
    assert len(found["sha256"]) == 64
    path.unlink()
    path.write_text("/usr/lib/libx.so\n")
    assert host.system_file(path) != found


def test_a_library_in_every_process_is_warned_of_with_the_help() -> None:
    files = {
        "/etc/ld.so.preload": {"content": "/usr/lib/libx.so\n", "sha256": "0"},
        "/etc/malloc.conf": {"content": "narenas:1", "sha256": "0"},
    }
    lines = host.warnings({"system_files": files})
    assert "EVERY process" in lines[0]
    assert "/usr/lib/libx.so" in lines[0]
    assert "narenas:1" in lines[1]
    assert host.warnings({"system_files": dict.fromkeys(files)}) == []
    assert host.warnings({}) == []
