from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.passes.instruments.footprint import TOO_FEW, metrics, points, time_mean
from harness.passes.instruments.live_file import FREED, MEASURED, SETUP
from harness.passes.instruments.sampler import Sample

SECOND = 10**9
MIB = 1 << 20


def sample(at_s: float, rss: int, **more: int | None) -> Sample:
    phase = more.pop("phase", MEASURED) or 0
    return Sample(int(at_s * SECOND), phase, rss, **more)


def test_a_constant_footprint_is_its_own_mean() -> None:
    found, missing = metrics([sample(t, MIB, live_bytes=MIB) for t in range(4)], 3.0, MIB)
    assert found["footprint_mean_bytes"] == MIB
    assert found["footprint_byte_s"] == 3 * MIB
    assert found["fragmentation_mean"] == found["fragmentation_peak"] == 1
    assert missing == {}


def test_memtests_own_tables_count_in_the_footprint_but_not_against_the_live_bytes() -> None:
    rows = [sample(t, 3 * MIB, live_bytes=MIB) for t in range(4)]
    found, _ = metrics(rows, 3.0, MIB, own_bytes=2 * MIB)
    assert found["footprint_mean_bytes"] == found["footprint_peak_bytes"] == 3 * MIB
    assert found["fragmentation_mean"] == found["fragmentation_peak"] == 1


def test_samples_weigh_by_the_time_they_stand_for() -> None:
    rows = [sample(0, 0), sample(9, 0), sample(10, 10)]
    found, _ = metrics(rows, 10.0, None)
    assert found["footprint_mean_bytes"] == pytest.approx(0.5)


def test_lazyfree_is_taken_off_and_holds_until_read_again() -> None:
    rows = [
        sample(0, 100, lazyfree_bytes=40),
        sample(1, 100),
        sample(2, 100, lazyfree_bytes=0),
        sample(3, 30),
    ]
    assert [p.footprint for p in points(rows)] == [60, 60, 100, 30]


def test_only_the_measured_region_counts() -> None:
    rows = [
        sample(0, 999, phase=SETUP),
        sample(1, 10),
        sample(2, 10),
        sample(3, 999, phase=FREED),
    ]
    found, _ = metrics(rows, 1.0, None)
    assert found["footprint_peak_bytes"] == 10


def test_moments_with_almost_nothing_alive_do_not_enter_fragmentation() -> None:
    rows = [
        sample(0, 2000, live_bytes=1000),
        sample(1, 2000, live_bytes=1),
        sample(2, 2000, live_bytes=1000),
    ]
    found, _ = metrics(rows, 2.0, 1000)
    assert found["fragmentation_mean"] == 2


def test_a_process_too_short_to_sample_says_so() -> None:
    found, missing = metrics([sample(0, 100)], 0.001, None)
    assert missing["footprint_mean_bytes"] == TOO_FEW
    assert "footprint_mean_bytes" not in found
    assert found["samples"] == 1


@given(st.lists(st.tuples(st.integers(1, 1000), st.integers(0, 2**40)), min_size=2, max_size=50))
def test_a_mean_over_time_lies_between_the_extremes(steps: list[tuple[int, int]]) -> None:
    now = 0
    times, values = [], []
    for gap, value in steps:
        now += gap
        times.append(float(now))
        values.append(float(value))
    mean = time_mean(times, values)
    assert min(values) - 1e-3 <= mean <= max(values) + 1e-3
