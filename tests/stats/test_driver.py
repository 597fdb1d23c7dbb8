"""Ratios without the driver's share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stats.estimates.analysis import analyse
from stats.estimates.driver import with_driver
from stats.estimates.paired_ratio import estimate
from stats.estimates.pairing import pair, with_baseline
from stats.tables import ratios
from stats.tidy.run import read_run
from tests.stats.synthetic import Plan, write_run
from tests.stats.tidy_tables import tidy_of


def adjusted(levels: dict[str, float], noise: float, cases: int = 1, seed: int = 1) -> pd.DataFrame:
    """The rows of `x` against `base`, with null."""
    random = np.random.default_rng(seed)
    drift = random.normal(0, 0.05, (cases, 20))
    values = {
        name: level * np.exp(drift + random.normal(0, noise, (cases, 20)))
        for name, level in levels.items()
    }
    work = tidy_of(values)
    rows = estimate(pair(work, with_baseline("base"))).table
    found = with_driver(rows, work, "base", ["wall_s"])
    return found[found["allocator"] == "x"]


def test_the_driver_is_taken_off_both_sides() -> None:
    row = adjusted({"base": 10.0, "x": 9.0, "null": 8.0}, 1e-9).iloc[0]
    assert row["ratio"] == pytest.approx(0.9)
    assert row["adjusted"] == pytest.approx(0.5)
    assert row["driver_share"] == pytest.approx(0.8)
    assert (row["adjusted_low"], row["adjusted_high"]) == pytest.approx((0.5, 0.5))


def test_the_interval_covers_the_truth() -> None:
    rows = adjusted({"base": 10.0, "x": 8.0, "null": 6.0}, 0.02, cases=1500)
    covered = (rows["adjusted_low"] <= 0.5) & (rows["adjusted_high"] >= 0.5)
    assert 0.93 <= covered.mean() <= 0.97


def test_what_is_not_surely_above_null_has_no_ratio_without_it() -> None:
    row = adjusted({"base": 10.0, "x": 8.0, "null": 7.99}, 0.02).iloc[0]
    assert np.isnan(row["adjusted"])


def test_a_run_without_null_is_as_it_was() -> None:
    rows = pd.DataFrame({"allocator": ["x"]})
    work = tidy_of({"base": np.ones((1, 20)), "x": np.ones((1, 20))})
    assert with_driver(rows, work, "base", ["wall_s"]) is rows


def test_the_table_of_rows_shows_it(tmp_path: Path) -> None:
    plan = Plan(
        allocators=["ptmalloc", "jemalloc", "null"], threads=[1], passes={"time": 20},
        speed={"jemalloc": 0.9, "null": 0.8},
    )  # fmt: skip
    analysis = analyse(read_run(write_run(tmp_path / "run", plan)))
    frame = ratios.details(analysis, analysis.metrics["wall_s"]).frame
    assert analysis.allocators["null"].is_reference
    shown = frame[frame["allocator"] == "jemalloc"]
    assert shown["without driver"].str.startswith("0.5").all()
    assert set(shown["driver’s share"]) <= {"79 %", "80 %", "81 %"}
    assert set(frame[frame["allocator"] == "null"]["without driver"]) == {"–"}
    other = ratios.details(analysis, analysis.metrics["minor_faults"]).frame
    assert "without driver" not in other
