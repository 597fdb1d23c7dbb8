from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.readings import FEWEST, too_few
from harness.experiment import Case
from harness.memtest import parse
from harness.passes import discover
from harness.passes.instruments.footprint import (
    MEANS,
    PEAKS_MISSING,
    mean,
    of_memtest,
    of_program,
    sampled,
)
from harness.passes.instruments.instrument import Readings, Surroundings
from harness.passes.instruments.live_file import FREED, MEASURED, SETUP
from harness.passes.instruments.sampler import Sample
from harness.process import Job, run

SECOND = 10**9
MIB = 1 << 20
Row = tuple[int, int, int, int]  # operations, Rss, LazyFree, live bytes


def sample(at_s: float, rss: int, **more: int | None) -> Sample:
    phase = more.pop("phase", MEASURED) or 0
    return Sample(int(at_s * SECOND), phase, rss, **more)


def end(rows: list[Row], **more: object) -> dict[str, Any]:
    """An end record with this curve, a reading each second."""
    curve = [[ops, float(t), rss, lazy, live] for t, (ops, rss, lazy, live) in enumerate(rows)]
    peak = max(live for *_, live in rows)
    mark = max(rss for _, rss, _, _ in rows)
    found = {"curve": curve, "rss_high_water_bytes": mark, "live_peak_bytes": peak}
    return found | {"wall_s": float(len(rows) - 1), "own_bytes": 0} | more


def level(rss: int, live: int, readings: int = FEWEST) -> list[Row]:
    return [(ops, rss, 0, live) for ops in range(readings)]


def test_a_constant_footprint_is_its_own_mean() -> None:
    found, missing = of_memtest([], 0, end(level(MIB, MIB)))
    assert found["footprint_mean_bytes"] == found["rss_high_water_bytes"] == MIB
    assert found["footprint_byte_s"] == (FEWEST - 1) * MIB
    assert found["fragmentation_mean"] == found["fragmentation_peak"] == 1
    assert missing == {}


def test_memtests_own_tables_count_in_the_footprint_but_not_against_the_live_bytes() -> None:
    found, _ = of_memtest([], 0, end(level(3 * MIB, MIB), own_bytes=2 * MIB))
    assert found["footprint_mean_bytes"] == found["footprint_peak_bytes"] == 3 * MIB
    assert found["fragmentation_mean"] == found["fragmentation_peak"] == 1


def test_means_are_over_work_and_not_over_time() -> None:
    rows = [(ops, 10 if ops < 30 else 90, 0, 1) for ops in [*range(30), 30, 60]]
    slow = end(rows)
    for place, point in enumerate(slow["curve"]):
        point[1] = float(place if point[0] < 30 else 1000 + place)
    found, _ = of_memtest([], 0, slow)
    assert found["footprint_mean_bytes"] == pytest.approx((29 * 10 + 50 + 30 * 90) / 60)


def test_without_lazyfree_the_peak_is_the_kernels_mark() -> None:
    found, missing = of_memtest([], 0, end(level(MIB, 1), rss_high_water_bytes=5 * MIB))
    assert found["footprint_peak_bytes"] == found["rss_high_water_bytes"] == 5 * MIB
    assert missing == {}


def test_with_lazyfree_the_peak_lies_between_the_largest_reading_and_the_mark() -> None:
    rows = [(ops, 4 * MIB, 3 * MIB if ops % 2 else 2 * MIB, 1) for ops in range(FEWEST)]
    found, _ = of_memtest([], 0, end(rows, rss_high_water_bytes=5 * MIB))
    assert found["footprint_peak_bytes"] == 2 * MIB
    assert found["rss_high_water_bytes"] == 5 * MIB
    assert found["lazyfree_bytes"] == 3 * MIB


def test_lazyfree_that_only_the_sampler_saw_makes_a_bracket_too() -> None:
    seen = [sample(0, 4 * MIB, lazyfree_bytes=MIB)]
    found, _ = of_memtest(seen, 0, end(level(4 * MIB, 1)))
    assert found["footprint_peak_bytes"] <= found["rss_high_water_bytes"] == 4 * MIB
    assert found["lazyfree_bytes"] == MIB


def test_a_reading_above_the_mark_raises_it() -> None:
    found, _ = of_memtest([sample(0, 9)], 0, end(level(7, 1), rss_high_water_bytes=5))
    assert found["rss_high_water_bytes"] == 9


def test_without_the_mark_the_peak_says_what_it_lacks() -> None:
    found, missing = of_memtest([], 0, end(level(MIB, 1), rss_high_water_bytes="Not permitted"))
    assert found["footprint_peak_bytes"] == MIB
    assert "rss_high_water_bytes" not in found
    assert "Not permitted" in missing["rss_high_water_bytes"]
    assert missing["footprint_peak_bytes"].startswith(PEAKS_MISSING)


def test_a_mean_of_few_readings_is_not_given() -> None:
    found, missing = of_memtest([], 0, end(level(MIB, 1, FEWEST - 1)))
    for name in (*MEANS, "footprint_byte_s"):
        assert name not in found
        assert missing[name] == too_few(FEWEST - 1)
    assert found["footprint_peak_bytes"] == MIB


def test_a_curve_that_could_not_be_read_gives_no_mean() -> None:
    record = end(level(MIB, MIB)) | {"curve": "/proc/self/smaps_rollup cannot be read"}
    found, missing = of_memtest([], 0, record)
    assert missing["footprint_mean_bytes"] == too_few(0)
    assert found["footprint_peak_bytes"] == MIB


def test_what_is_kept_at_the_last_free_is_memtests_last_reading() -> None:
    rows = [*level(9 * MIB, 1), (FEWEST, 5 * MIB, 2 * MIB, 0)]
    assert of_memtest([], 0, end(rows))[0]["rss_after_free_0s_bytes"] == 3 * MIB


def test_moments_with_almost_nothing_alive_do_not_enter_fragmentation() -> None:
    rows = [(ops, 2000, 0, 1 if ops == 7 else 1000) for ops in range(FEWEST)]
    assert of_memtest([], 0, end(rows))[0]["fragmentation_mean"] == 2


def test_of_programs_samples_weigh_by_the_time_they_stand_for() -> None:
    rows = [*(sample(t / 10, 0) for t in range(FEWEST - 1)), sample(9, 0), sample(10, 10)]
    found, missing = of_program(rows, 10.0, 100, "")
    assert found["footprint_mean_bytes"] == pytest.approx(0.5)
    assert found["footprint_peak_bytes"] == found["rss_high_water_bytes"] == 100
    assert missing == {}


def test_a_program_whose_mark_is_hidden_says_so() -> None:
    found, missing = of_program([sample(0, 100)], 0.001, 100, "is hidden")
    assert found["rss_high_water_bytes"] == 100
    assert missing["rss_high_water_bytes"] == missing["footprint_peak_bytes"] == "is hidden"
    assert missing["footprint_mean_bytes"] == too_few(1)
    assert found["samples"] == 1


def test_lazyfree_is_taken_off_and_holds_until_read_again() -> None:
    rows = [
        sample(0, 100, lazyfree_bytes=40),
        sample(1, 100),
        sample(2, 100, lazyfree_bytes=0),
        sample(3, 30),
    ]
    assert [p.footprint for p in sampled(rows)] == [60, 60, 100, 30]


def test_only_the_measured_region_counts() -> None:
    rows = [
        sample(0, 999, phase=SETUP),
        sample(1, 10),
        sample(2, 10),
        sample(3, 999, phase=FREED),
    ]
    assert [p.rss for p in sampled(rows)] == [10, 10]


@given(st.lists(st.tuples(st.integers(1, 1000), st.integers(0, 2**40)), min_size=2, max_size=50))
def test_a_mean_lies_between_the_extremes(steps: list[tuple[int, int]]) -> None:
    now = 0
    places, values = [], []
    for gap, value in steps:
        now += gap
        places.append(float(now))
        values.append(float(value))
    found = mean(places, values)
    assert min(values) - 1e-3 <= found <= max(values) + 1e-3


def memory_pass(root: Path, plant: str, *words: str) -> Readings:
    """What the memory pass finds out about memtest under a planted allocator."""
    preload = root / "build/tests/memtest/libplanted.so"
    with discover()["memory"].Instrument(Surroundings(Case("memtest", words[0], 1))) as instrument:
        argv = ["build/memtest-ptmalloc", *words, *instrument.memtest_options()]
        after = "1000" if plant == "spike" else "0"  # in the measured region
        env = {"LD_PRELOAD": str(preload), "PLANT": plant, "PLANT_AFTER": after}
        job = Job(argv, env, frozenset(os.sched_getaffinity(0)), 60, 4 << 30, root)
        outcome = run(job, instrument.observer)
        assert outcome.status == "ok", outcome
        found: Readings = instrument.read(outcome, parse(outcome.stdout))
    return found


BRIEF = ["random_slots", "--slots", "2000", "--iterations", "100k", "--touch", "first"]
BLOCKS = ["rounds", "--rounds", "1", "--slots", "64", "--min_bytes", "1M", "--max_bytes", "1M"]


def test_a_peak_that_no_sampler_could_see_is_in_the_metrics(root: Path) -> None:
    found = memory_pass(root, "spike", *BRIEF)
    metrics = found.metrics
    assert metrics["footprint_peak_bytes"] == metrics["rss_high_water_bytes"] > 64 * MIB
    assert metrics["footprint_mean_bytes"] < 32 * MIB
    assert found.unavailable == {}


def test_an_allocator_that_needs_half_is_measured_as_half(root: Path) -> None:
    once, twice = (
        memory_pass(root, plant, *BLOCKS, "--touch", "all").metrics for plant in ("none", "double")
    )
    for name in ("footprint_peak_bytes", "footprint_mean_bytes", "fragmentation_mean"):
        assert once[name] / twice[name] == pytest.approx(0.5, rel=0.1), name
