"""After its start slotmalloc makes no system call that glibc's malloc does not make."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

BUILD = Path(__file__).resolve().parents[3] / "build"
LIBRARY = BUILD / "libslotmalloc.so"
SANDBOX = BUILD / "tests" / "slotmalloc" / "libsandbox.so"
TORTURE = BUILD / "tests" / "conformance" / "torture"

OPTIONS = ["", "purge_delay=0", "pool=cpu", "pool=cpu,check=full,purge_delay=0", "thp=always"]


def run_under(libraries: str, options: str, *argv: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LD_PRELOAD": libraries, "SLOTMALLOC": options}
    return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: options or "defaults")
def test_the_torture_runs_where_all_other_calls_kill(options: str) -> None:
    """Threads that come and go, forks, large blocks, trims: whatever is not malloc's kills."""
    arguments = ["--sandbox", "--forks", "--seconds", "3", "--threads", "4"]
    done = run_under(str(LIBRARY), options, TORTURE, *arguments)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["operations"] > 1000


def test_the_watch_on_slotmallocs_own_calls_kills() -> None:
    """Opening a file at exit is such a call, so the runs of test_programs.py could fail."""
    watched = f"{LIBRARY}:{SANDBOX}"
    assert run_under(watched, "", "/bin/bash", "-c", "echo fine").stdout == "fine\n"
    killed = run_under(watched, "stats=/dev/null", "/bin/bash", "-c", "echo fine")
    assert killed.returncode == -signal.SIGSYS


def test_the_start_makes_few_calls(tmp_path: Path) -> None:
    """One look at descriptor 2, the limits, the arena; nothing is read from files."""
    log = tmp_path / "calls"
    command = ["strace", "-f", "-o", str(log), "/bin/true"]
    try:
        plain = subprocess.run(command, capture_output=True, timeout=60)
    except FileNotFoundError:
        pytest.skip("strace is not installed")
    if plain.returncode != 0:
        pytest.skip("strace may not trace here")
    environment = {**os.environ, "SLOTMALLOC": "purge_delay=0"}
    with_library = ["strace", "-f", "-o", str(log), "-E", f"LD_PRELOAD={LIBRARY}", "/bin/true"]
    subprocess.run(with_library, env=environment, check=True, timeout=60)
    after_loader = log.read_text().rsplit("munmap", 1)[1].splitlines()[1:]
    calls = [line.split()[1].split("(")[0] for line in after_loader]
    assert set(calls) <= {"fstat", "prlimit64", "mmap", "munmap", "mprotect", "madvise", *END}
    assert len(calls) < 16


END = ("exit_group", "+++", "brk", "getrandom", "close", "rseq", "futex")


# What the library takes from libc: none of these makes a system call after the start, but for the
# last lines.
FROM_LIBC = {
    *("memchr", "memcmp", "memcpy", "memmove", "memset", "strchr", "strcmp", "strcspn"),
    *("strlen", "strncmp", "environ", "__environ", "__errno_location", "__libc_stack_end"),
    *("__rseq_offset", "__rseq_size", "__stack_chk_fail", "__tls_get_addr"),
    *("__gmon_start__", "_ITM_deregisterTMCloneTable", "_ITM_registerTMCloneTable"),
    *("getauxval", "getrlimit", "__cxa_atexit", "__cxa_finalize", "__register_atfork"),
    *("pthread_key_create", "pthread_setspecific"),
    "clock_gettime",  # where the vDSO serves it
    "sched_getcpu",  # the same, with pool=cpu and without rseq
    "fwrite",  # malloc_info, to the stream that it is given
    "abort",
    # out of memory in operator new, and the first dlopen
    *("__cxa_begin_catch", "__cxa_end_catch", "__gxx_personality_v0", "dlsym"),
}


def test_nothing_of_libc_is_used_that_might_call_the_kernel() -> None:
    command = ["nm", "-D", "--undefined-only", str(LIBRARY)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    names = {line.split()[-1].split("@")[0] for line in text.splitlines()}
    beyond = {name for name in names - FROM_LIBC if not name.startswith("_Z")}
    assert not beyond
