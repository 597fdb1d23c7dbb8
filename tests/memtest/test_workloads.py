"""What single workloads state in their help: sizes, remote frees, requests."""

import pytest

from tests.memtest.driver import end_record, records, run


def test_malloc_large_holds_twenty_large_blocks() -> None:
    end = end_record("malloc_large", "--scale", "0.001")
    assert 5 << 20 <= end["requested_bytes"] / end["mallocs"] <= 25 << 20
    assert 10 * (15 << 20) < end["live_peak_bytes"] <= 20 * (25 << 20)


def test_fragmentation_keeps_its_live_bytes() -> None:
    end = end_record("fragmentation", "--scale", "0.05", "--live", "4M")
    assert (4 << 20) < end["live_peak_bytes"] <= (5 << 20)


def test_vector_growth_ends_at_the_largest_size() -> None:
    end = end_record("vector_growth", "--scale", "0.04")
    assert end["reallocs"] > 10 * end["mallocs"]
    assert end["live_peak_bytes"] <= 8 * (4 << 20)


@pytest.mark.parametrize("profile", range(10))
def test_the_fleet_stays_near_its_live_bytes(profile: int) -> None:
    first, second = (
        record["live_bytes"]
        for record in records(
            run(
                "fleet",
                *("--profile", str(profile), "--scale", "0.01", "--rounds", "2", "--live", "8M"),
            )
        )[:2]
    )
    for live in (first, second):
        assert 0.6 * (8 << 20) < live < 1.5 * (8 << 20)


def test_the_fleet_leaves_out_sizes_above_the_cap() -> None:
    small, large = (
        end_record("fleet", "--profile", "3", "--cap", cap, "--scale", "0.002")
        for cap in ("64", "1M")
    )
    assert small["requested_bytes"] / small["mallocs"] <= 64
    assert large["requested_bytes"] / large["mallocs"] > 64


def test_the_server_times_its_requests_only_when_asked() -> None:
    latency = end_record("server", "--requests", "5000", "--latency")["latency"]
    assert latency["request_ns"]["count"] == 5000
    assert latency["request_ns"]["p50"] > latency["malloc_ns"]["p50"]
    assert "request_ns" not in end_record("pairs", "--scale", "0.001", "--latency")["latency"]


def test_the_rate_sets_the_time_and_not_the_work() -> None:
    closed = end_record("server", "--requests", "1000")
    open_loop = end_record("server", "--requests", "1000", "--rate", "5000")
    assert open_loop["checksum"] == closed["checksum"]
    assert 0.15 < open_loop["wall_s"] < 2


def test_an_overloaded_server_counts_the_queue() -> None:
    arguments = ["server", "--requests", "2000", "--latency"]
    closed = end_record(*arguments)["latency"]["request_ns"]
    flooded = end_record(*arguments, "--rate", "1e8")["latency"]["request_ns"]
    assert flooded["p50"] > 50 * closed["p50"]


@pytest.mark.parametrize(
    ("workload", "threads"), [("larson", 2), ("mleak", 2), ("mstress", 3), ("sh8bench", 3)]
)
def test_cross_thread_work_is_verified(workload: str, threads: int) -> None:
    end = end_record(
        workload,
        "--threads",
        str(threads),
        "--scale",
        "0.002",
        "--verify",
        "full",
        "--touch",
        "all",
    )
    assert end["mallocs"] == end["frees"]


@pytest.mark.parametrize("workload", ["producer_consumer", "xmalloc", "rptest"])
def test_threads_that_wait_for_each_other_share_a_single_cpu(workload: str) -> None:
    done = run(workload, "--threads", "5", "--scale", "0.01", prefix=["taskset", "-c", "0"])
    assert records(done)[-1]["threads"] == 5
