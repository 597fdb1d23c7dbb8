"""What the kernel, a debugger and an emulator pay for: memory in use, not addresses kept for later."""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
LIBRARY = ROOT / "build" / "libslotmalloc.so"
MIB = 1 << 20

# Keeps argv[1] MiB in blocks of argv[2] bytes, then does what argv[3] says.
PROGRAM = r"""
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
int main(int count, char **arguments) {
    size_t live = (size_t)atol(arguments[1]) << 20, size = (size_t)atol(arguments[2]);
    int lock = strcmp(arguments[3], "lock") == 0;
    if (lock && mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
        return 77;
    for (size_t got = 0; got < live; got += size) {
        char *volatile block = malloc(size);
        if (block == NULL)
            return 3;
        memset(block, 7, size);
    }
    if (strcmp(arguments[3], "abort") == 0)
        abort();
    puts("ready");
    fflush(stdout);
    if (strcmp(arguments[3], "exit") != 0)
        pause();
    return count != 4;
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("costs")
    (folder / "program.c").write_text(PROGRAM)
    compiler = os.environ.get("CC", "cc")
    argv = [compiler, "-O1", "-fno-builtin", "-o", "program", "program.c"]
    subprocess.run(argv, cwd=folder, check=True)
    return folder / "program"


def environment(preload: bool = True) -> dict[str, str]:
    clean = {key: value for key, value in os.environ.items() if key != "SLOTMALLOC"}
    return {**clean, "LD_PRELOAD": str(LIBRARY)} if preload else clean


class Waiting:
    """The program while it waits with its blocks."""

    def __init__(self, *argv: str | Path) -> None:
        self.process = subprocess.Popen(argv, env=environment(), stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> subprocess.Popen[str]:
        assert self.process.stdout is not None
        if self.process.stdout.readline() != "ready\n" and self.process.wait() == 77:
            pytest.skip("the account may not lock memory")
        return self.process

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


def test_a_core_file_is_as_large_as_the_memory_in_use(program: Path, tmp_path: Path) -> None:
    if Path("/proc/sys/kernel/core_pattern").read_text().strip().startswith(("|", "/")):
        pytest.skip("core files do not go to the working directory")
    unlimited = resource.RLIM_INFINITY
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (unlimited, unlimited))
    except (ValueError, PermissionError):
        pytest.skip("the account may not write core files")
    argv = [str(program), "4", "4000000", "abort"]
    done = subprocess.run(argv, cwd=tmp_path, env=environment(), check=False, timeout=60)
    resource.setrlimit(resource.RLIMIT_CORE, (0, unlimited))
    assert done.returncode == -signal.SIGABRT
    (core,) = tmp_path.glob("core*")
    assert core.stat().st_size < 16 * MIB


@pytest.mark.parametrize(("live", "size"), [(1, 100), (20, 100), (20, 50_000), (200, 9_000_000)])
def test_writable_mappings_are_in_proportion_to_the_memory_in_use(
    program: Path, live: int, size: int
) -> None:
    with Waiting(program, str(live), str(size), "wait") as process:
        maps = Path(f"/proc/{process.pid}/maps").read_text()
    writable = [
        int(match[2], 16) - int(match[1], 16)
        for match in re.finditer(r"^(\w+)-(\w+) .w.. \w+ 00:00 0 *$", maps, re.MULTILINE)
    ]
    assert sum(writable) < 2.5 * live * MIB + 16 * MIB
    assert len(writable) < 16


def test_gcore_writes_no_more_than_the_memory_in_use(program: Path, tmp_path: Path) -> None:
    if shutil.which("gcore") is None:
        pytest.skip("gcore (package gdb) is not installed")
    with Waiting(program, "4", "4000000", "wait") as process:
        argv = ["gcore", "-o", str(tmp_path / "core"), str(process.pid)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode != 0:
        pytest.skip(f"gcore cannot trace here: {done.stderr.strip()[-200:]}")
    (core,) = tmp_path.glob("core.*")
    assert core.stat().st_size < 16 * MIB


@pytest.mark.parametrize(("live", "size"), [(1, 100), (40, 1000), (100, 3_000_000)])
def test_locked_memory_is_in_proportion_to_the_memory_in_use(
    program: Path, live: int, size: int
) -> None:
    with Waiting(program, str(live), str(size), "lock") as process:
        status = Path(f"/proc/{process.pid}/status").read_text()
    locked = int(re.findall(r"VmLck:\s+(\d+) kB", status)[0]) << 10
    assert locked < 3 * live * MIB + 24 * MIB


def test_under_an_emulator_little_is_mapped_at_the_start(program: Path) -> None:
    """qemu-user keeps a record of every page of address space: what is mapped is what it costs."""
    emulator = shutil.which(f"qemu-{os.uname().machine}")
    if emulator is None:
        pytest.skip(f"qemu-{os.uname().machine} (package qemu-user) is not installed")
    argv = [emulator, "-strace", "-E", f"LD_PRELOAD={LIBRARY}", str(program), "1", "100", "exit"]
    done = subprocess.run(
        argv, env=environment(preload=False), capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "ready\n"
    lengths = re.findall(r"mmap\([^,]*,(\d+),.*MAP_NORESERVE", done.stderr)
    assert 0 < sum(map(int, lengths)) < 24 * MIB
    assert len(lengths) < 16


@pytest.mark.parametrize("limit", [256, 1024])
def test_an_interpreter_lives_in_a_limited_address_space(limit: int) -> None:
    script = f"""
import json, threading
rows = [{{"key": i, "text": "x" * (i % 90), "list": list(range(i % 9))}} for i in range({limit} * 80)]
back = json.loads(json.dumps(rows))
assert back == rows
table = bytearray({limit // 8} << 20)
for i in range(4):
    table = table + bytes(1 << 20)
threads = [threading.Thread(target=sum, args=(range(100),)) for _ in range(4)]
[thread.start() for thread in threads], [thread.join() for thread in threads]
print(len(back))
"""

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limit * MIB, limit * MIB))

    for preload in (False, True):
        done = subprocess.run(
            [shutil.which("python3") or "python3", "-c", script],
            env=environment(preload),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            preexec_fn=limited,
        )
        assert done.stdout == f"{limit * 80}\n", (preload, done.stderr[-500:])
