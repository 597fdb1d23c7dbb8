from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from harness.errors import Interrupted
from harness.passes.instruments.sampler import Sampler
from harness.process import Job, Outcome, run

ALL = frozenset(os.sched_getaffinity(0))


def start(code: str, timeout_s: float = 20, cap_mib: int = 4096) -> Outcome:
    return run(job(code, timeout_s, cap_mib))


def job(code: str, timeout_s: float = 20, cap_mib: int = 4096) -> Job:
    env = {"PATH": os.environ["PATH"]}
    return Job([sys.executable, "-S", "-c", code], env, ALL, timeout_s, cap_mib << 20)


def gone(pid: int) -> bool:
    """Whether a process has ended (a zombie has, whoever is to collect it)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_a_good_process_gives_its_output_and_usage() -> None:
    outcome = start("print('out'); import sys; print('err', file=sys.stderr)")
    assert (outcome.status, outcome.exit_code, outcome.signal) == ("ok", 0, None)
    assert (outcome.stdout, outcome.stderr) == (b"out\n", "err")
    assert outcome.wall_s > 0
    assert outcome.minor_faults > 0


def test_processor_time_is_not_counted_in_ticks_of_a_timer() -> None:
    """A program that does nothing takes a fraction of a tick: most would have 0 of them."""
    times = []
    for _ in range(10):
        outcome = run(Job(["true"], {"PATH": os.environ["PATH"]}, ALL, 20, 1 << 30))
        times.append(outcome.user_s + outcome.sys_s)
    assert min(times) > 0


def test_an_exit_code_is_a_crash() -> None:
    outcome = start("raise SystemExit(3)")
    assert (outcome.status, outcome.exit_code) == ("crash", 3)


def test_a_signal_is_named() -> None:
    outcome = start("import os, signal; os.kill(os.getpid(), signal.SIGABRT)")
    assert (outcome.status, outcome.signal, outcome.exit_code) == ("crash", "SIGABRT", None)


def test_a_hanging_process_is_ended_with_all_its_children() -> None:
    code = "import os, time; print(os.fork(), flush=True); time.sleep(60)"
    begin = time.monotonic()
    outcome = start(code, timeout_s=0.5)
    assert time.monotonic() - begin < 5
    assert outcome.status == "timeout"
    assert "0.5 s" in outcome.why
    child = max(int(line) for line in outcome.stdout.split())
    deadline = time.monotonic() + 5
    while not gone(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert gone(child)


def test_memory_above_the_cap_is_oom() -> None:
    outcome = start("import time; x = b'1' * (200 << 20); time.sleep(60)", cap_mib=100)
    assert outcome.status == "oom"
    assert "cap of 100 MiB" in outcome.why


def test_reserved_address_space_is_not_memory() -> None:
    code = "import mmap, time; m = mmap.mmap(-1, 1 << 33, 0x4022); time.sleep(0.6)"
    assert start(code, cap_mib=100).status == "ok"


def test_a_program_that_is_not_there_is_a_crash_with_a_reason() -> None:
    outcome = run(Job(["/no/such/program"], {}, ALL, 5, 1 << 30))
    assert outcome.status == "crash"
    assert "/no/such/program" in outcome.why


def test_output_of_any_size_fits() -> None:
    assert len(start("print('x' * 10_000_000)").stdout) == 10_000_001


def test_a_request_to_stop_ends_the_process_at_once() -> None:
    begin = time.monotonic()
    with pytest.raises(Interrupted):
        run(job("import time; time.sleep(60)"), should_stop=lambda: True)
    assert time.monotonic() - begin < 5


def test_no_descriptor_is_left_open() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        sampler = Sampler()
        run(job("pass"), sampler)
        sampler.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
