"""Geometric means over cases: their two intervals, the leave-one-out range, the counts beside them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from stats.estimates.analysis import Analysis
from stats.estimates.headline import headlines, over_replicates, over_workloads, without_one
from stats.estimates.paired_ratio import estimate
from stats.estimates.pairing import Pairs
from stats.estimates.verdict import AHEAD, BEHIND
from tests.stats.simulation import pairs_of

LOWER = {"wall_s": True}


def test_the_error_over_replicates_keeps_the_correlation_of_rows() -> None:
    shared = np.random.default_rng(1).normal(0, 0.1, 20)
    shared -= shared.mean()
    effects = np.array([0.1, 0.3])
    mean, error, freedom, n = over_replicates(effects, effects[:, None] + shared[None, :])
    assert (mean, freedom, n) == (pytest.approx(0.2), 19, 20)
    assert error == pytest.approx(shared.std(ddof=1) / math.sqrt(20))  # not over sqrt(2) again
    opposite = effects[:, None] + np.stack([shared, -shared])
    assert over_replicates(effects, opposite)[1] == pytest.approx(0.0, abs=1e-12)


def test_a_missing_pair_counts_as_the_mean_of_those_present() -> None:
    effects = np.array([0.0, 0.0])
    values = np.array([[1.0, -1.0, 0.0], [1.0, -1.0, np.nan]])
    assert over_replicates(effects, values)[1] == pytest.approx(1 / math.sqrt(3))


def test_the_interval_over_workloads_is_students_t_over_their_means() -> None:
    effects = np.array([0.1, 0.3, -0.2, 0.0, 0.5, 0.7])
    error = stats.sem([0.2, -0.1, 0.6])
    found = over_workloads(effects, np.array([0, 0, 1, 1, 2, 2]))
    assert found == pytest.approx((7 / 30, error, 3))
    assert math.isnan(over_workloads(effects[:2], np.array([0, 0]))[1])


def test_workloads_with_more_cases_weigh_more_as_in_the_mean() -> None:
    effects, names = np.array([0.0, 0.0, 0.6]), np.array([0, 0, 1])
    mean, error, _ = over_workloads(effects, names)
    # sums of deviations from 0.2: -0.4 and 0.4; over 3 cases, times sqrt(2 / 1)
    assert (mean, error) == pytest.approx((0.2, math.sqrt(2 * 0.32) / 3))


def test_the_range_without_one_workload_leaves_out_all_its_cases() -> None:
    effects, names = np.array([1.0, 3.0, 0.0, 0.0]), np.array([0, 0, 1, 2])
    assert without_one(effects, names) == (0.0, pytest.approx(4 / 3))


def heads(d: np.ndarray, allocators: int = 1, lower: bool = True) -> pd.DataFrame:
    table = headlines(estimate(pairs_of(d, allocators)), {"wall_s": lower})
    return table.set_index("allocator")


def test_a_headline_comes_with_its_worst_row_and_what_it_leaves_out() -> None:
    noise = np.random.default_rng(2).normal(0, 0.01, (4, 20))
    d = np.log([[0.5], [0.5], [4.0], [0.9]]) + noise
    d[3, 10:] = np.nan  # too few pairs
    row = heads(d).loc["x0"]
    assert row["ratio"] == pytest.approx(1.0, abs=0.01)
    assert (row["cases"], row["left_out"], row["missing"]) == (4, 1, 0)
    assert (row["worst_case"], row["workloads"]) == (("w2", "", 1), 3)
    assert row["best"] == pytest.approx(0.5, abs=0.02)


def test_where_more_is_better_the_worst_row_is_the_smallest() -> None:
    d = np.log([[0.5], [2.0]]) + np.zeros((2, 20))
    assert heads(d, lower=False).loc["x0", "worst"] == pytest.approx(0.5)


def test_a_case_that_others_have_is_counted_as_missing() -> None:
    pairs = pairs_of(np.zeros((4, 20)), allocators=2)
    kept = [0, 1, 2]  # x1 lacks the second workload
    pairs = Pairs(pairs.rows.iloc[kept].reset_index(drop=True), *(
        side[kept] for side in (pairs.value, pairs.base)
    ))  # fmt: skip
    table = headlines(estimate(pairs), LOWER).set_index("allocator")
    assert table["missing"].to_dict() == {"x0": 0, "x1": 1}


def test_fewer_than_15_pairs_make_no_headline() -> None:
    row = heads(np.full((3, 14), 0.1)).loc["x0"]
    assert (row["n"], row["left_out"]) == (0, 3)
    assert np.isnan(row["ratio"])


def test_the_interval_over_replicates_covers_the_truth_in_trimmed_heavy_tails() -> None:
    random = np.random.default_rng(4)
    covered = 0.0
    for _ in range(400):
        d = random.normal(0, 0.05, (12, 20)) + random.normal(0, 0.02, 20)
        d += np.log(2) * ((random.random(d.shape) < 0.02) * random.choice([-1, 1], d.shape))
        row = heads(d + 0.1).loc["x0"]
        covered += bool(
            np.all(row["low"] <= math.exp(0.1)) and np.all(row["high"] >= math.exp(0.1))
        )
    assert 0.93 * 400 <= covered <= 0.985 * 400


def test_headlines_of_the_planted_run_have_verdicts_and_counts(planted: Analysis) -> None:
    table = planted.headline_table("wall_s").set_index("allocator")
    assert table["verdict"]["slotmalloc"] == AHEAD
    assert table["verdict"]["mimalloc"] == BEHIND
    assert table["verdict"]["bump"] == "(reference)"
    assert (table["ahead"]["slotmalloc"], table["behind"]["mimalloc"]) == (4, 4)
