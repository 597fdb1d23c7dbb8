"""From pairs to ratios with intervals: one row per metric, case and allocator.

The estimate and its interval come from influence values. Two tests stand beside it as a check:
Student's t on the mean of all log ratios, which hides no outlier, and Wilcoxon's signed ranks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from stats.estimates.influence import Influence, Matrix, influence, standard_error
from stats.estimates.pairing import Pairs
from stats.estimates.student import p_different, quantile

CONFIDENCE = 0.95
MIN_TEST = 5  # pairs; the rank test is not made with fewer


@dataclass(frozen=True)
class Ratios:
    """Estimates of rows (a table, in the order of the pairs) and the influence values behind them.

    The table has the columns of a row and
    n, zeros           pairs, and those with a value of zero or less
    of_means           whether the ratio is that of means over all pairs
    value, base        geometric means over the pairs that trimming keeps (means where `of_means`):
                       their quotient is the ratio
    effect, error, freedom    log ratio, its standard error, degrees of freedom
    ratio, low, high   the ratio and its 95 % interval
    p                  two-sided, of a ratio of 1
    untrimmed, p_mean  the ratio by the mean of all log ratios, and its p by Student's t
    p_wilcoxon         of the signed-rank test
    """

    table: pd.DataFrame
    influence: Influence


def estimate(pairs: Pairs) -> Ratios:
    """The estimates of `pairs`; one pair gives a ratio without interval or p (NaN)."""
    found = influence(pairs.value, pairs.base)
    present = ~np.isnan(pairs.value)
    effect, error, freedom = found.effect, found.error, found.freedom
    half = quantile(0.5 + CONFIDENCE / 2, freedom) * error
    differences = _differences(pairs, found)
    mean, mean_error = _mean(differences), standard_error(differences)
    n = present.sum(axis=1)
    with np.errstate(invalid="ignore", over="ignore"):
        table = pairs.rows.assign(
            n=n,
            zeros=np.sum(present & ((pairs.value <= 0) | (pairs.base <= 0)), axis=1),
            of_means=found.means,
            value=_shown(pairs.value, found),
            base=_shown(pairs.base, found),
            effect=effect,
            error=error,
            freedom=freedom,
            ratio=np.exp(effect),
            low=np.exp(effect - half),
            high=np.exp(effect + half),
            p=p_different(effect, error, freedom),
            untrimmed=np.exp(mean),
            p_mean=p_different(mean, mean_error, n - 1.0),
            p_wilcoxon=rank_test(differences),
        )
    return Ratios(table, found)


def _differences(pairs: Pairs, found: Influence) -> Matrix:
    """The log ratios of pairs; for a ratio of means its influence values."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(pairs.value) - np.log(pairs.base)
    return np.where(found.means[:, None], found.values, logs)


def _mean(values: Matrix) -> Matrix:
    present = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.sum(np.where(present, values, 0.0), axis=1) / present.sum(axis=1))


def _shown(values: Matrix, found: Influence) -> Matrix:
    """The level that a table shows: see `Ratios`."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(found.kept, np.log(np.where(found.means[:, None], 1.0, values)), np.nan)
        return np.where(found.means, _mean(values), np.exp(_mean(logs)))


def rank_test(d: Matrix) -> Matrix:
    """Two-sided p of Wilcoxon's signed-rank test for each row of `d`; a row of zeros gives 1, one with
    fewer than MIN_TEST values NaN.
    """
    n = np.sum(~np.isnan(d), axis=1)
    p = np.where(n < MIN_TEST, np.nan, 1.0)
    some = (n >= MIN_TEST) & np.any(np.nan_to_num(d) != 0, axis=1)
    for count in np.unique(n[some]):  # rows with as many pairs are tested together
        rows = np.flatnonzero(some & (n == count))
        values = d[rows][~np.isnan(d[rows])].reshape(len(rows), count)
        p[rows] = stats.wilcoxon(values, axis=1, method="approx", correction=True).pvalue
    return p
