"""The estimator against published formulas, and against the truth in simulations.

A simulated log value is drift of the replicate + effect of the allocator + noise, as in real runs;
pairing removes the drift.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from stats.estimates.paired_ratio import PairedLogRatio, rank_test, trimmed_test
from tests.stats.simulation import pairs_of

CELLS = 4000
NOISE = 0.01  # log standard deviation of one process, as on a quiet machine


def simulate(
    effect: float, replicates: int, seed: int, tails: float = 0.0, cases: int = CELLS
) -> pd.DataFrame:
    """Estimates of `cases` independent experiments; `tails` is the share of disturbed
    processes.
    """
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, NOISE, (2, cases, replicates))
    noise += (rng.random(noise.shape) < tails) * rng.exponential(0.3, noise.shape)
    drift = rng.normal(0, 0.05, (cases, replicates))
    base, other = drift + noise[0], drift + np.log1p(effect) + noise[1]
    return PairedLogRatio()(pairs_of(other - base))


def share(hits: pd.Series) -> float:
    return float(hits.mean())


@pytest.mark.parametrize("replicates", [20, 40])
@pytest.mark.parametrize("p", ["p", "p_yuen", "p_wilcoxon"])
def test_false_positive_rate_is_nominal(replicates: int, p: str) -> None:
    assert 0.03 <= share(simulate(0.0, replicates, seed=replicates)[p] < 0.05) <= 0.07


@pytest.mark.parametrize("replicates", [20, 40])
def test_the_95_percent_interval_covers_the_truth_95_times_in_100(replicates: int) -> None:
    found = simulate(0.10, replicates, seed=replicates + 1)
    assert 0.93 <= share((found["low"] < 1.10) & (found["high"] > 1.10)) <= 0.97
    assert 0.88 <= share((found["low90"] < 1.10) & (found["high90"] > 1.10)) <= 0.92


@pytest.mark.parametrize("replicates", [20, 30, 40])
def test_a_planted_slowdown_of_2_percent_is_found(replicates: int) -> None:
    found = simulate(0.02, replicates, seed=replicates + 2)
    assert share((found["low"] > 1) & (found["p"] < 0.05)) > 0.95
    assert share(found["high"] < 1) == 0
    assert found["ratio"].mean() == pytest.approx(1.02, abs=0.001)


def test_with_heavy_tails_the_trimmed_mean_finds_what_the_mean_misses() -> None:
    found = simulate(0.02, 40, seed=5, tails=0.05)
    assert share(found["p"] < 0.05) < 0.5 < 0.9 < share(found["p_yuen"] < 0.05)
    assert share(found["p_wilcoxon"] < 0.05) > 0.9


def test_with_heavy_tails_the_false_positive_rates_stay_nominal() -> None:
    found = simulate(0.0, 40, seed=6, tails=0.05)
    for p in ("p", "p_yuen", "p_wilcoxon"):
        assert share(found[p] < 0.05) <= 0.07


def test_numbers_agree_with_scipy() -> None:
    d = np.random.default_rng(1).normal(0.1, 0.2, (1, 25))
    row = PairedLogRatio()(pairs_of(d)).iloc[0]
    reference = stats.ttest_1samp(d[0], 0)
    interval = reference.confidence_interval(0.95)
    assert row["p"] == pytest.approx(reference.pvalue)
    assert (row["low"], row["high"]) == pytest.approx((np.exp(interval.low), np.exp(interval.high)))
    assert row["trimmed"] == pytest.approx(np.exp(stats.trim_mean(d[0], 0.2)))
    assert rank_test(d)[0] == pytest.approx(
        stats.wilcoxon(d[0], method="approx", correction=True).pvalue
    )


def test_the_trimmed_test_agrees_with_yuens_formula_by_hand() -> None:
    # n = 10, g = 2: trimmed mean of 3..8 is 5.5; winsorised values 3,3,3,4,5,6,7,8,8,8 have a
    # variance of 4.7222
    mean, p = trimmed_test(np.arange(1.0, 11.0)[None, :])
    t = 5.5 / (np.sqrt(4.7222222) / (0.6 * np.sqrt(10)))
    assert mean[0] == 5.5
    assert p[0] == pytest.approx(2 * stats.t.sf(t, 5), rel=1e-6)


def test_identical_differences_are_certain() -> None:
    found = PairedLogRatio()(pairs_of(np.array([[0.1] * 20, [0.0] * 20])))
    assert list(found["p"]) == [0.0, 1.0]
    assert list(found["p_yuen"]) == [0.0, 1.0]
    assert found["low"].iloc[0] == pytest.approx(found["high"].iloc[0])


def test_one_replicate_gives_a_ratio_and_no_interval() -> None:
    row = PairedLogRatio()(pairs_of(np.array([[0.5]]))).iloc[0]
    assert row["ratio"] == pytest.approx(np.exp(0.5))
    assert row[["low", "high", "p", "p_yuen", "p_wilcoxon"]].isna().all()


def test_cells_with_different_numbers_of_replicates_keep_their_own() -> None:
    short, long = pairs_of(np.array([[0.1, 0.2]])), pairs_of(np.array([[0.3, 0.4, 0.5]]))
    mixed = pd.concat([short, long.assign(workload="other")]).sample(frac=1, random_state=1)
    found = PairedLogRatio()(mixed).set_index("workload")
    assert dict(found["n"]) == {"w0": 2, "other": 3}
    assert found["effect"]["w0"] == pytest.approx(0.15)
    assert found["effect"]["other"] == pytest.approx(0.4)


def test_no_pairs_give_an_empty_table_with_all_columns() -> None:
    found = PairedLogRatio()(pairs_of(np.empty((0, 1))))
    assert found.empty
    assert {"ratio", "low", "p_yuen"} <= set(found.columns)
