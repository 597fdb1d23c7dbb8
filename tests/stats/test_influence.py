"""Influence values: estimates and errors against formulas, worked examples and scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from stats.estimates.influence import influence, ratio_of_means, standard_error, trimmed_mean
from stats.estimates.student import p_above, p_different, p_outside

NAN = math.nan


def normal(rows: int, columns: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.1, 0.2, (rows, columns))


def test_a_trimmed_mean_and_its_error_worked_by_hand() -> None:
    # n = 10, 2 cut at each end: the mean of 3..8 is 5.5; winsorised 3,3,3,4,5,6,7,8,8,8 have a sum of
    # squares of 42.5, so Yuen's error is sqrt(42.5 / (6 * 5)); its 5 degrees of freedom less 2
    found = trimmed_mean(np.array([[10.0, 1, 2, 3, 4, 5, 6, 7, 8, 9]]))
    assert found.effect[0] == 5.5
    assert found.error[0] == pytest.approx(math.sqrt(42.5 / 30))
    assert found.freedom[0] == 3
    assert found.kept[0].tolist() == [False, False, False, *[True] * 6, False]


def test_the_mean_of_the_influence_values_is_the_estimate() -> None:
    found = trimmed_mean(normal(50, 20))
    assert found.values.mean(axis=1) == pytest.approx(found.effect)


@pytest.mark.parametrize("n", [5, 15, 19, 20, 40])
def test_the_trimmed_mean_is_that_of_scipy(n: int) -> None:
    d = normal(8, n)
    assert trimmed_mean(d).effect == pytest.approx(stats.trim_mean(d, 0.2, axis=1))


@pytest.mark.parametrize("n", [15, 19, 20, 40])
def test_the_error_is_the_one_in_scipys_test_of_yuen(n: int) -> None:
    d, other = normal(8, n), normal(8, n, seed=2)
    a, b = trimmed_mean(d), trimmed_mean(other)
    t = (a.effect - b.effect) / np.hypot(a.error, b.error)
    expected = stats.ttest_ind(d, other, trim=0.2, equal_var=False, axis=1)
    assert t == pytest.approx(expected.statistic)


def test_without_trimming_it_is_the_mean_and_its_t_test() -> None:
    d = normal(8, 20)
    found = trimmed_mean(d, trim=0.0)
    p = p_different(found.effect, found.error, found.freedom)
    assert found.effect == pytest.approx(d.mean(axis=1))
    assert p == pytest.approx(stats.ttest_1samp(d, 0, axis=1).pvalue)


def test_a_missing_pair_changes_nothing_but_its_own_row() -> None:
    d = normal(3, 20)
    alone = trimmed_mean(d[1:2, :17])
    d[1, 17:] = NAN
    found = trimmed_mean(d)
    assert (found.effect[1], found.error[1]) == pytest.approx((alone.effect[0], alone.error[0]))
    assert found.effect[0] == pytest.approx(stats.trim_mean(d[0], 0.2))


def test_what_is_shown_is_what_the_ratio_is_made_of() -> None:
    value, base = np.exp(normal(5, 20)), np.exp(normal(5, 20, seed=3))
    found = influence(value, base)
    kept = [np.exp(np.log(x[0][found.kept[0]]).mean()) for x in (value, base)]
    assert kept[0] / kept[1] == pytest.approx(math.exp(found.effect[0]))


def test_a_ratio_of_means_worked_by_hand() -> None:
    found = ratio_of_means(np.array([[0.0, 8.0, 4.0]]), np.array([[8.0, 8.0, 8.0]]))
    assert math.exp(found.effect[0]) == pytest.approx(0.5)
    assert found.values[0] - found.effect[0] == pytest.approx([-1.0, 1.0, 0.0])
    assert found.error[0] == pytest.approx(1 / math.sqrt(3))


def test_a_row_with_a_zero_takes_the_ratio_of_means_and_no_other_row_does() -> None:
    value = np.array([[0.0, 2.0, 4.0], [1.0, 2.0, 4.0]])
    found = influence(value, np.ones((2, 3)))
    assert found.means.tolist() == [True, False]
    assert np.exp(found.effect) == pytest.approx([2.0, 2.0])


def test_a_row_of_mostly_equal_values_keeps_its_spread() -> None:
    value = np.array([[8.0] * 17 + [1.0] * 3])
    found = influence(value, np.full((1, 20), 8.0))
    assert found.means[0]
    assert math.exp(found.effect[0]) == pytest.approx(139 / 160)
    assert found.error[0] > 0.05


@pytest.mark.parametrize(
    ("value", "base", "effect", "error"),
    [
        ([0.0] * 4, [8.0] * 4, -math.inf, 0.0),
        ([8.0] * 4, [0.0] * 4, math.inf, 0.0),
        ([0.0] * 4, [0.0] * 4, 0.0, 0.0),
        ([0.0] * 4, [0.0, 0.0, 0.0, 5.0], -math.inf, NAN),  # seen once: no interval
        ([-1.0] * 4, [8.0] * 4, NAN, NAN),
        ([2.0], [1.0], math.log(2), NAN),
    ],
)
def test_the_ends_of_the_scale(
    value: list[float], base: list[float], effect: float, error: float
) -> None:
    found = influence(np.array([value]), np.array([base]))
    assert found.effect[0] == pytest.approx(effect, nan_ok=True)
    assert found.error[0] == pytest.approx(error, nan_ok=True)


def test_equal_values_are_certain() -> None:
    error = standard_error(np.array([[0.1] * 20, [0.0] * 20]))
    p = p_different(np.array([0.1, 0.0]), error, np.array([11.0, 11.0]))
    assert error.tolist() == [0.0, 0.0]
    assert p.tolist() == [0.0, 1.0]


def test_two_one_sided_tests_are_those_of_scipy() -> None:
    d = normal(4, 20)
    found = trimmed_mean(d, trim=0.0)
    expected = np.maximum(
        stats.ttest_1samp(d, 0.3, axis=1, alternative="less").pvalue,
        stats.ttest_1samp(d, -0.3, axis=1, alternative="greater").pvalue,
    )
    assert p_outside(found.effect, found.error, found.freedom, 0.3) == pytest.approx(expected)
    assert p_above(found.effect, found.error, found.freedom) == pytest.approx(
        stats.ttest_1samp(d, 0, axis=1, alternative="greater").pvalue
    )


@pytest.mark.parametrize("mean", [2.0, 5.0, 20.0])
def test_the_interval_of_a_ratio_of_counts_covers_the_truth(mean: float) -> None:
    random = np.random.default_rng(7)
    value, base = (random.poisson(m, (4000, 40)).astype(float) for m in (mean / 2, mean))
    found = ratio_of_means(value, base)
    half = stats.t.ppf(0.975, found.freedom) * found.error
    covered = np.abs(found.effect - math.log(0.5)) <= half
    assert 0.93 <= covered.mean() <= 0.97


def test_far_out_in_the_tail_p_is_not_too_small() -> None:
    """Where a table of 1,500 rows looks for its first claims, p of normal and of heavy-tailed noise
    holds its level; with Yuen's own degrees of freedom it would be exceeded twice over.
    """
    random = np.random.default_rng(6)
    for noise in (random.normal(size=(400_000, 20)), random.standard_t(3, size=(400_000, 20))):
        found = trimmed_mean(noise)
        p = p_different(found.effect, found.error, found.freedom)
        assert (p < 1e-4).mean() <= 1.5e-4  # 40 expected; 60 are three standard errors more
    found = trimmed_mean(random.normal(size=(400_000, 20)))
    assert (p_different(found.effect, found.error, found.freedom + 2) < 1e-4).mean() > 1.5e-4
