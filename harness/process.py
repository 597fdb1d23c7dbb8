"""Starts one process and watches it until it ends: time-out, memory cap, Ctrl-C, exit status and
resource usage.

While the process runs, the harness sleeps in poll() and wakes four times a second for one small
read of /proc; only an observer (the memory pass's sampler) wakes it more often.
"""

from __future__ import annotations

import contextlib
import math
import os
import resource
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from harness import disturbance
from harness.errors import Interrupted
from harness.procfs import tree_rss
from records.record import Disturbance

CHECK_INTERVAL_S = 0.25


class Observer(Protocol):
    """Something that looks at the running process from outside."""

    def start(self, pid: int) -> None:
        """Called once, after exec succeeded."""

    def due_s(self) -> float:
        """The time (time.monotonic) at which `look` wants to be called next."""

    def look(self) -> None:
        """Takes what is due. Must not raise when the process has just ended."""


@dataclass(frozen=True)
class Job:
    """What to start. env is the whole environment, processors the set that it is pinned to."""

    argv: Sequence[str]
    env: Mapping[str, str]
    processors: frozenset[int]
    timeout_s: float
    memory_cap_bytes: int
    cwd: Path | None = None


@dataclass
class Outcome:
    """How a process ended.

    status is "ok" (exit code 0), "crash", "timeout" or "oom"; why is one sentence for all but ok.
    wall_s runs from before the start to after the end as seen from outside; user_s and sys_s are of
    the process and its children. disturbance: what else the machine did meanwhile, None where the
    process could not be started.
    """

    status: str = "ok"
    why: str = ""
    exit_code: int | None = None
    signal: str | None = None
    wall_s: float = 0.0
    user_s: float = 0.0
    sys_s: float = 0.0
    minor_faults: int = 0
    major_faults: int = 0
    max_rss_bytes: int = 0
    stdout: bytes = field(default=b"", repr=False)
    stderr: str = ""
    disturbance: Disturbance | None = None


def run(
    job: Job,
    observer: Observer | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Runs the job to its end and says how it ended. Raises Interrupted after killing it when
    should_stop() is true.

    Output goes to memory files, so that neither a full disk nor a full pipe can change what is
    measured.
    """
    with _memory_file("stdout") as out, _memory_file("stderr") as err:
        before = disturbance.read(job.processors)
        begin = time.monotonic()
        try:
            child = _start(job, out, err)
        except OSError as error:
            return Outcome("crash", f"cannot start {job.argv[0]}: {error.strerror}")
        try:
            killed = _watch(child.pid, job, begin, observer, should_stop)
        finally:
            _kill_group(child.pid)
            _, wait_status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(wait_status)
        outcome = _classify(child.returncode, killed)
        outcome.wall_s = time.monotonic() - begin
        now = disturbance.read(job.processors)
        outcome.disturbance = disturbance.between(before, now, outcome.wall_s, usage)
        _fill_usage(outcome, usage)
        outcome.stdout = _content(out)
        outcome.stderr = _content(err)[-4000:].decode(errors="replace").strip()
        return outcome


@contextlib.contextmanager
def _memory_file(name: str) -> Iterator[int]:
    fd = os.memfd_create(f"alloclab-{name}")
    try:
        yield fd
    finally:
        os.close(fd)


def _content(fd: int) -> bytes:
    return os.pread(fd, os.fstat(fd).st_size, 0)


def _start(job: Job, out: int, err: int) -> subprocess.Popen[bytes]:
    def in_child() -> None:
        os.sched_setaffinity(0, job.processors)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        # If the machine runs out of memory, the kernel kills this process and not the harness.
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000")

    return subprocess.Popen(
        job.argv,
        env=dict(job.env),
        cwd=job.cwd,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=err,
        preexec_fn=in_child,
        process_group=0,
    )


def _watch(
    pid: int,
    job: Job,
    begin: float,
    observer: Observer | None,
    should_stop: Callable[[], bool],
) -> tuple[str, str] | None:
    """Returns when the process has ended (None) or must be ended (its status and why)."""
    pidfd = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    if observer:
        observer.start(pid)
    deadline = begin + job.timeout_s
    next_check = begin + CHECK_INTERVAL_S
    try:
        while True:
            wake = min(deadline, next_check, observer.due_s() if observer else math.inf)
            if poll.poll(max(math.ceil((wake - time.monotonic()) * 1000), 0)):
                return None
            now = time.monotonic()
            if observer and now >= observer.due_s():
                observer.look()
            if should_stop():
                raise Interrupted
            if now >= deadline:
                return "timeout", f"did not end within {job.timeout_s:g} s"
            if now >= next_check:
                next_check = now + CHECK_INTERVAL_S
                # Resident memory of strace's or perf's children too; not address space, which would
                # kill allocators that only reserve it.
                used = tree_rss(pid)
                if used > job.memory_cap_bytes:
                    cap = job.memory_cap_bytes >> 20
                    return "oom", f"used {used >> 20} MiB of memory, above its cap of {cap} MiB"
    finally:
        os.close(pidfd)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _classify(returncode: int, killed: tuple[str, str] | None) -> Outcome:
    name = signal.Signals(-returncode).name if returncode < 0 else None
    code = returncode if returncode >= 0 else None
    if killed:
        return Outcome(*killed, exit_code=code, signal=name)
    if name == "SIGKILL":
        return Outcome("oom", "killed by the system, most likely out of memory", signal=name)
    if name:
        return Outcome("crash", f"ended by {name}", signal=name)
    if code:
        return Outcome("crash", f"ended with exit code {code}", exit_code=code)
    return Outcome(exit_code=0)


def _fill_usage(outcome: Outcome, usage: resource.struct_rusage) -> None:
    outcome.user_s = usage.ru_utime
    outcome.sys_s = usage.ru_stime
    outcome.minor_faults = usage.ru_minflt
    outcome.major_faults = usage.ru_majflt
    outcome.max_rss_bytes = usage.ru_maxrss * 1024
