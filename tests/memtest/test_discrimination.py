"""A workload is worth having when it tells a weak allocator from a sound one, by its metric.

The weak ones are planted. Where only time can show the weakness, one clear difference in several
attempts is enough, and a machine that is busy with other things is not asked.
"""

import os
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.memtest.driver import MEMTEST, PLANTED, ROOT, Record, records, run

ATTEMPTS = 30
CPUS = os.cpu_count() or 1
needs_two_free_cpus = pytest.mark.skipif(
    CPUS < 2 or os.getloadavg()[0] > 2 * CPUS, reason="needs two CPUs that are mostly free"
)


def planted(plant: str, *arguments: str) -> Record:
    """The end record of a run on the planted allocator."""
    return records(run(*arguments, environment={"LD_PRELOAD": str(PLANTED), "PLANT": plant}))[-1]


def had_two_cpus(record: Record) -> bool:
    """Whether both threads really ran side by side, as the processor time shows."""
    return bool(record["user_s"] + record["sys_s"] > 1.7 * record["wall_s"])


def shows_in_one_attempt(
    weak: Callable[[], Record], sound: Callable[[], Record], at_least: float
) -> bool:
    """Whether the weak allocator is clearly slower in any of several attempts. Attempts in which the
    machine did not give both CPUs do not count; where none does, the test is skipped.
    """
    counted = 0
    for _ in range(ATTEMPTS):
        slow, fast = weak(), sound()
        if slow["wall_s"] >= at_least * fast["wall_s"]:
            return True
        counted += had_two_cpus(slow) and had_two_cpus(fast)
    if not counted:
        pytest.skip("the machine never gave two CPUs at once")
    return False


def resident_after_the_last_free(tmp_path: Path, binary: Path, *arguments: str) -> int:
    """Rss in KiB of a lingering memtest."""
    page = tmp_path / "live"
    page.write_bytes(bytes(4096))
    process = subprocess.Popen(
        [str(binary), *arguments, "--live-file", str(page), "--linger", "60"],
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while page.read_bytes()[8] != 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    status = Path(f"/proc/{process.pid}/status").read_text()
    process.kill()
    process.wait()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


def test_mleak_and_sawtooth_show_an_allocator_that_leaks() -> None:
    for workload in ("mleak", "sawtooth"):
        arguments = [workload, "--touch", "page", "--scale", "0.04"]
        sound, leaky = records(run(*arguments))[-1], planted("leak", *arguments)
        assert leaky["live_peak_bytes"] == sound["live_peak_bytes"]
        pages_ever_taken = leaky["requested_bytes"] / 4096
        assert leaky["minor_faults"] > 0.9 * pages_ever_taken, workload


def test_rounds_shows_an_allocator_that_never_returns_memory(tmp_path: Path) -> None:
    arguments = ["rounds", "--rounds", "2", "--slots", "100", "--touch", "page"]
    arguments += ["--min_bytes", "256K", "--max_bytes", "512K"]
    keeps = resident_after_the_last_free(tmp_path, ROOT / "build" / "memtest-lifo", *arguments)
    returns = resident_after_the_last_free(tmp_path, MEMTEST, *arguments)
    assert keeps > 100 * 256
    assert returns < keeps / 2


def test_vector_growth_shows_an_allocator_that_copies_on_every_realloc() -> None:
    arguments = ["vector_growth", "--scale", "0.04"]
    moves, copies = records(run(*arguments))[-1], planted("copies", *arguments)
    assert copies["checksum"] == moves["checksum"]
    assert copies["minor_faults"] > 2 * moves["minor_faults"]


@needs_two_free_cpus
@pytest.mark.parametrize("workload", ["pairs", "random_mixed", "glibc_thread"])
def test_two_threads_show_a_global_lock(workload: str) -> None:
    arguments = [workload, "--iterations", "10k"]

    arguments += ["--threads", "2"]
    locked, unlocked = (partial(planted, plant, *arguments) for plant in ("lock", "slow"))
    assert shows_in_one_attempt(locked, unlocked, 1.5)


@needs_two_free_cpus
@pytest.mark.parametrize("workload", ["cache_thrash", "cache_scratch"])
def test_two_threads_show_objects_in_one_cache_line(workload: str) -> None:
    arguments = [workload, "--objects", "40", "--writes", "500k", "--threads", "2"]

    together, apart = (partial(planted, plant, *arguments) for plant in ("near", "apart"))
    assert shows_in_one_attempt(together, apart, 1.3)
