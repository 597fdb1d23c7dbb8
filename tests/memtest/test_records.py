"""The records of a run: counts that add up, options that take effect, the proof of the provider."""

import struct
import subprocess
import time
from pathlib import Path

import pytest

from tests.memtest.driver import MEMTEST, end_record, records, run

SMALL = ["random_mixed", "--iterations", "20k", "--working_set", "100"]


def test_rounds_add_up_to_the_end() -> None:
    *rounds, end = records(run("rounds", "--rounds", "5", "--slots", "100", "--threads", "3"))
    assert [record["round"] for record in rounds] == [0, 1, 2, 3, 4]
    assert end["rounds"] == 5
    for key in ("ops", "mallocs", "frees", "requested_bytes"):
        assert sum(record[key] for record in rounds) == end[key]
    assert end["mallocs"] == end["frees"] == 5 * 100 * 3
    assert sum(record["wall_s"] for record in rounds) <= end["wall_s"] + 1e-6
    assert end["live_end_bytes"] == 0


def test_the_live_peak_of_one_thread_is_exact() -> None:
    end = end_record(
        "rounds", "--rounds", "3", "--slots", "50", "--min_bytes", "1000", "--max_bytes", "1000"
    )
    assert end["live_peak_bytes"] == 50 * 1000


def test_params_hold_the_effective_values() -> None:
    end = end_record(*SMALL, "--scale", "0.5")
    assert end["params"] == {
        "iterations": 10000,
        "working_set": 100,
        "min_bytes": 16,
        "max_bytes": 1040,
    }
    assert end["mallocs"] == 10000


def test_touching_more_faults_more_pages() -> None:
    big = ["rounds", "--rounds", "1", "--slots", "64", "--min_bytes", "1M", "--max_bytes", "1M"]
    faults = {
        touch: end_record(*big, "--touch", touch)["minor_faults"]
        for touch in ("none", "first", "page", "all")
    }
    assert faults["none"] <= faults["first"] < faults["page"]
    assert abs(faults["all"] - faults["page"]) < 0.1 * faults["page"] + 100


def test_duration_runs_on_and_gives_no_checksum() -> None:
    end = end_record(*SMALL, "--duration", "0.2")
    assert end["rounds"] > 1
    assert 0.2 <= end["wall_s"] < 1
    assert end["checksum"] == ""


def test_the_provider_is_the_object_that_serves_malloc() -> None:
    provider = end_record("empty")["provider"]
    assert provider["symbol"] == "malloc"
    assert Path(provider["path"]).name.startswith("libc.so")
    assert provider["path"] in provider["maps"]


def test_without_latency_there_is_none() -> None:
    assert end_record(*SMALL)["latency"] is None


@pytest.mark.parametrize("threads", [1, 2])
def test_latency_samples_one_operation_in_sixteen(threads: int) -> None:
    end = end_record("random_mixed", "--iterations", "200k", "--latency", "--threads", str(threads))
    for kind, operations in (("malloc_ns", end["mallocs"]), ("free_ns", end["frees"])):
        latency = end["latency"][kind]
        expected = operations / 16
        assert abs(latency["count"] - expected) < 0.05 * expected
        assert sum(count for _, count in latency["buckets"]) == latency["count"]
        uppers = [upper for upper, _ in latency["buckets"]]
        assert uppers == sorted(uppers)
        assert 0 <= latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["p99.9"]
        assert latency["p99.9"] <= latency["max"]


@pytest.mark.parametrize("threads", [1, 2])
def test_batches_hold_the_sums_of_64_samples_of_a_thread(threads: int) -> None:
    end = end_record("random_mixed", "--iterations", "200k", "--latency", "--threads", str(threads))
    for kind in ("malloc_ns", "free_ns"):
        single, batches = end["latency"][kind], end["latency"][f"{kind}_batch"]
        full = single["count"] // 64
        assert full - threads < batches["count"] <= full
        mean = sum(upper * count for upper, count in single["buckets"]) / single["count"]
        of_batches = sum(upper * count for upper, count in batches["buckets"]) / batches["count"]
        step = end["clock_quantum_ns"]  # a single time is wrong by up to a step
        assert of_batches == pytest.approx(mean, rel=0.1, abs=1.5 * step + 5)


def test_the_step_of_the_latency_clock_is_measured() -> None:
    assert 0 < end_record(*SMALL, "--latency")["clock_quantum_ns"] < 10_000
    assert "clock_quantum_ns" not in end_record(*SMALL)


def test_processor_time_is_finer_than_the_ticks_of_a_timer() -> None:
    times = [end_record(*SMALL)["cpu_s"] for _ in range(4)]
    assert min(times) > 0
    assert any(round(seconds * 1e9) % 1000 for seconds in times), "whole microseconds: getrusage"


def test_sampling_does_not_change_the_operations() -> None:
    assert end_record(*SMALL)["checksum"] == end_record(*SMALL, "--latency")["checksum"]


def test_the_live_file_shows_phase_bytes_and_operations(tmp_path: Path) -> None:
    page = tmp_path / "live"
    page.write_bytes(bytes(4096))
    process = subprocess.Popen(
        [str(MEMTEST), *SMALL, "--live-file", str(page), "--linger", "60"],
        stdout=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 20
    words = struct.unpack("<6Q", page.read_bytes()[:48])
    while words[1] != 2 and time.monotonic() < deadline:
        time.sleep(0.01)
        words = struct.unpack("<6Q", page.read_bytes()[:48])
    process.kill()
    process.communicate()
    magic, phase, live, ops, start_ns, peak = words
    assert magic == 0x616C6C6F636C6976
    assert phase == 2
    assert live == 0
    assert ops == 40000
    assert 0 < start_ns <= time.monotonic_ns()
    assert 100 * 16 < peak < 100 * 1040


def test_a_finished_run_leaves_phase_3(tmp_path: Path) -> None:
    page = tmp_path / "live"
    page.write_bytes(bytes(4096))
    end_record(*SMALL, "--live-file", str(page), "--threads", "2")
    assert struct.unpack("<6Q", page.read_bytes()[:48])[1:4] == (3, 0, 80000)


def test_a_live_file_that_is_too_short_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "live"
    page.write_bytes(bytes(100))
    done = run(*SMALL, "--live-file", str(page))
    assert done.returncode == 2
    assert "4096" in done.stderr


def test_own_bytes_tell_what_memory_is_memtests(tmp_path: Path) -> None:
    page = tmp_path / "live"
    page.write_bytes(bytes(4096))
    few, many = (
        end_record(
            *("random_slots", "--slots", slots, "--iterations", "1000"),
            *("--live-file", str(page)),
        )
        for slots in ("1k", "101k")
    )
    assert many["own_bytes"] - few["own_bytes"] == 100_000 * 16
    assert struct.unpack("<7Q", page.read_bytes()[:56])[6] == many["own_bytes"]
    assert few["own_bytes"] < 64 << 10
