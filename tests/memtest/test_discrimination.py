"""A workload is useful when its metric tells a weak allocator from a sound one.

The weak ones are planted (planted.c). Each workload declares which of them its metric catches, and
with which options; `memtest --list --json` prints that. Where only time can show the fault, one
clear difference in several attempts is enough, and on a busy machine the test is skipped.
"""

import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.memtest.driver import (
    MEMTEST,
    PLANTED,
    Record,
    caught_faults,
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

# Planted faults that only time shows, with their sound counterparts; those that show after the
# last free; those that page faults show.
BY_TIME = {"lock": "slow", "near": "apart"}
AFTER_FREE = ("keep",)
BY_FAULTS = ("leak", "remote_leak", "copy")


def words(workload: str, caught: Record) -> list[str]:
    """The command line on which a fault must show."""
    options = str(caught["options"]).split()
    return [workload, *options, "--touch", "page", "--threads", str(caught["threads"])]


def environment(plant: str) -> dict[str, str]:
    return {"LD_PRELOAD": str(PLANTED), "PLANT": plant}


def planted(plant: str, *arguments: str) -> Record:
    """The end record of memtest on the planted allocator."""
    return records(run(*arguments, environment=environment(plant)))[-1]


def had_two_cpus(record: Record) -> bool:
    """Whether both threads really ran side by side, as the processor time shows."""
    return bool(record["user_s"] + record["sys_s"] > 1.7 * record["wall_s"])


def shows_in_one_attempt(weak: str, sound: str, arguments: list[str], at_least: float) -> bool:
    """Whether the weak allocator is clearly slower in any of several attempts. Attempts in which the
    machine did not give both CPUs do not count; where none does, the test is skipped.
    """
    counted = 0
    for _ in range(ATTEMPTS):
        slow, fast = planted(weak, *arguments), planted(sound, *arguments)
        if slow["wall_s"] >= at_least * fast["wall_s"]:
            return True
        counted += had_two_cpus(slow) and had_two_cpus(fast)
    if not counted:
        pytest.skip("the machine never gave two CPUs at once")
    return False


def resident_after_the_last_free(tmp_path: Path, plant: str | None, *arguments: str) -> int:
    """Rss in bytes of a lingering memtest; without a plant on the C library's allocator."""
    page = tmp_path / "live"
    page.write_bytes(bytes(4096))
    process = subprocess.Popen(
        [str(MEMTEST), *arguments, "--live-file", str(page), "--linger", "60"],
        stdout=subprocess.DEVNULL,
        env={**os.environ, **(environment(plant) if plant else {})},
    )
    deadline = time.monotonic() + 60
    while page.read_bytes()[8] != 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    status = Path(f"/proc/{process.pid}/status").read_text()
    process.kill()
    process.wait()
    rss = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
    return int(rss) << 10


@pytest.mark.parametrize("workload", runnable_workloads(), ids=lambda each: str(each["name"]))
def test_every_workload_that_allocates_catches_a_planted_fault(workload: Record) -> None:
    end = end_record(workload["name"], *workload["smoke"].split())
    assert end["live_end_bytes"] == 0
    if end["mallocs"]:
        assert workload["catches"]
        known = {*BY_FAULTS, *BY_TIME, *AFTER_FREE}
        assert {caught["fault"] for caught in workload["catches"]} <= known


@pytest.mark.parametrize(("workload", "caught"), caught_faults(BY_FAULTS))
def test_page_faults_show_memory_that_is_not_used_again(workload: str, caught: Record) -> None:
    arguments = words(workload, caught)
    sound, weak = end_record(*arguments), planted(caught["fault"], *arguments)
    assert weak["checksum"] == sound["checksum"]
    if caught["threads"] == 1:
        assert weak["live_peak_bytes"] == sound["live_peak_bytes"]
    if caught["fault"] == "copy":
        assert weak["reallocs"] > 0
    assert caught["rises"] >= 2
    assert weak[caught["metric"]] > caught["rises"] * sound[caught["metric"]]


def test_lost_remote_frees_do_not_show_where_there_are_none() -> None:
    arguments = ["pairs", "--iterations", "300k", "--touch", "page", "--threads", "2"]
    assert planted("remote_leak", *arguments)["minor_faults"] < 100


@pytest.mark.parametrize(("workload", "caught"), caught_faults(AFTER_FREE))
def test_resident_memory_shows_an_allocator_that_never_returns_any(
    tmp_path: Path, workload: str, caught: Record
) -> None:
    arguments = words(workload, caught)
    keeps = resident_after_the_last_free(tmp_path, caught["fault"], *arguments)
    returns = resident_after_the_last_free(tmp_path, None, *arguments)
    assert caught["metric"] == "rss_after_free_bytes"
    assert keeps > 12 << 20
    assert returns * caught["rises"] < keeps


@needs_two_free_cpus
@pytest.mark.parametrize(("workload", "caught"), caught_faults(tuple(BY_TIME)))
def test_two_threads_show_a_global_lock_and_a_shared_cache_line(
    workload: str, caught: Record
) -> None:
    assert caught["metric"] == "wall_s"
    assert shows_in_one_attempt(
        caught["fault"], BY_TIME[caught["fault"]], words(workload, caught), caught["rises"]
    )
