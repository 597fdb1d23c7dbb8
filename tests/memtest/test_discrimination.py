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

from tests.memtest.driver import (
    MEMTEST,
    PLANTED,
    ROOT,
    Record,
    end_record,
    records,
    run,
    runnable_workloads,
)

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


# Workloads that reuse memory, and so little work that a leak is megabytes where a sound allocator
# needs kilobytes.
REUSING = {
    "aligned": "--iterations 20k --slots 100",
    "burst_idle": "--rounds 5 --objects 2000 --idle_ms 0",
    "calloc_heavy": "--iterations 5k --slots 50",
    "comb": "--passes 20 --blocks 2000",
    "fleet": "--iterations 200k --live 256K",
    "fragmentation": "--iterations 20k --live 256K",
    "glibc_simple": "--repeats 100",
    "glibc_thread": "--iterations 10k --slots 50",
    "larson": "--generations 20 --replacements 2k --slots 100",
    "malloc_large": "--iterations 500 --slots 4 --min_bytes 32K --max_bytes 64K",
    "mleak": "--generations 100 --objects 50",
    "mstress": "--generations 20 --objects 2000 --kept 200",
    "nbody": "--steps 500",
    "pairs": "--iterations 300k",
    "producer_consumer": "--objects 50k",
    "random_mixed": "--iterations 100k --working_set 200",
    "random_slots": "--iterations 200k --slots 500",
    "rounds": "--rounds 20 --slots 100 --max_bytes 16K",
    "rptest": "--loops 300 --blocks 100",
    "sawtooth": "--teeth 20 --objects 2000",
    "server": "--requests 2000 --sessions 100",
    "sh6bench": "--passes 2",
    "sh8bench": "--passes 2",
    "strings": "--lines 30k --kept 500",
    "tree": "--trees 60 --long_depth 8 --depth 10",
    "vector_growth": "--growths 50 --max_bytes 64K",
    "xmalloc": "--batches 300",
}
# Of these, the ones in which a thread frees what another one made.
HANDING_OVER = (
    *("fleet", "larson", "mleak", "mstress"),
    *("producer_consumer", "rptest", "sh8bench", "xmalloc"),
)
KEEPING_TIME = ("pairs", "random_mixed", "glibc_thread")
SHARING_LINES = ("cache_scratch", "cache_thrash")
NO_ALLOCATION = ("empty",)


def test_every_workload_is_meant_to_catch_a_planted_weakness() -> None:
    assert {*REUSING, *SHARING_LINES, *NO_ALLOCATION} == set(runnable_workloads())


@pytest.mark.parametrize("workload", REUSING)
def test_page_faults_show_an_allocator_that_leaks(workload: str) -> None:
    arguments = [workload, *REUSING[workload].split(), "--touch", "page"]
    sound, leaky = end_record(*arguments), planted("leak", *arguments)
    assert leaky["checksum"] == sound["checksum"]
    assert leaky["live_peak_bytes"] == sound["live_peak_bytes"]
    assert leaky["minor_faults"] > 2 * sound["minor_faults"]


@pytest.mark.parametrize("workload", HANDING_OVER)
def test_page_faults_show_an_allocator_that_loses_what_other_threads_free(workload: str) -> None:
    arguments = [workload, *REUSING[workload].split(), "--touch", "page", "--threads", "2"]
    sound, leaky = end_record(*arguments), planted("foreign", *arguments)
    assert leaky["checksum"] == sound["checksum"]
    assert leaky["minor_faults"] > 2 * sound["minor_faults"]


def test_the_loser_of_foreign_frees_is_sound_where_there_are_none() -> None:
    arguments = ["pairs", *REUSING["pairs"].split(), "--touch", "page", "--threads", "2"]
    assert planted("foreign", *arguments)["minor_faults"] < 100


@pytest.mark.parametrize(
    ("workload", "arguments"),
    [
        ("rounds", "--rounds 2 --slots 100 --min_bytes 256K --max_bytes 512K"),
        ("malloc_large", "--iterations 60 --slots 50 --min_bytes 256K --max_bytes 512K"),
        ("burst_idle", "--rounds 2 --objects 100 --idle_ms 0 --min_bytes 256K --max_bytes 512K"),
    ],
)
def test_resident_memory_shows_an_allocator_that_never_returns_any(
    tmp_path: Path, workload: str, arguments: str
) -> None:
    words = [workload, *arguments.split(), "--touch", "page"]
    keeps = resident_after_the_last_free(tmp_path, ROOT / "build" / "memtest-lifo", *words)
    returns = resident_after_the_last_free(tmp_path, MEMTEST, *words)
    assert keeps > 12 << 10, "in KiB"
    assert returns < keeps / 2


@pytest.mark.parametrize("workload", ["vector_growth", "server"])
def test_page_faults_show_an_allocator_that_copies_on_every_realloc(workload: str) -> None:
    arguments = [workload, "--scale", "0.04" if workload == "vector_growth" else "0.001"]
    moves, copies = end_record(*arguments), planted("copies", *arguments)
    assert copies["checksum"] == moves["checksum"]
    assert copies["reallocs"] > 0
    assert copies["minor_faults"] > 2 * moves["minor_faults"]


@needs_two_free_cpus
@pytest.mark.parametrize("workload", KEEPING_TIME)
def test_two_threads_show_a_global_lock(workload: str) -> None:
    arguments = [workload, "--iterations", "10k"]

    arguments += ["--threads", "2"]
    locked, unlocked = (partial(planted, plant, *arguments) for plant in ("lock", "slow"))
    assert shows_in_one_attempt(locked, unlocked, 1.5)


@needs_two_free_cpus
@pytest.mark.parametrize("workload", SHARING_LINES)
def test_two_threads_show_objects_in_one_cache_line(workload: str) -> None:
    arguments = [workload, "--objects", "40", "--writes", "500k", "--threads", "2"]

    together, apart = (partial(planted, plant, *arguments) for plant in ("near", "apart"))
    assert shows_in_one_attempt(together, apart, 1.3)
