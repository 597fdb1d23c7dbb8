"""From paired log differences to ratios with intervals, and three tests of the same hypothesis.

Student's t gives the interval and decides the verdict. Two tests that resist outliers stand beside
it as a check: the trimmed-mean test (20 % from each end; Yuen, Biometrika 61, 1974, in the
one-sample form of Tukey and McLaughlin, 1963) and Wilcoxon's signed-rank test.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from stats.estimates.pairing import ROW

Matrix = npt.NDArray[np.float64]

TRIM = 0.2
_LOGS = ["low", "high", "low90", "high90", "trimmed"]
_NUMBERS = ["effect", "error", *_LOGS, "p", "p_yuen", "p_wilcoxon"]
_ROUNDING = 1e-12  # a relative spread below this comes from rounding
MIN_TEST = 5  # replicates; the trimmed-mean and rank tests are not made with fewer


def _t_test(mean: Matrix, error: Matrix, df: int) -> Matrix:
    """Two-sided p of mean/error; identical differences (error 0) are certain: p is 0, or 1 when
    all are 0.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * stats.t.sf(np.abs(mean / error), df)
    with np.errstate(invalid="ignore"):
        certain = error <= _ROUNDING * np.abs(mean)
    return np.where(certain, np.where(mean == 0, 1.0, 0.0), p)


def trimmed_test(d: Matrix, trim: float = TRIM) -> tuple[Matrix, Matrix]:
    """(trimmed mean, two-sided p of its being 0) of each row of `d`, by winsorised variance."""
    n = d.shape[1]
    cut = int(trim * n)
    ordered = np.sort(d, axis=1)
    kept = ordered[:, cut : n - cut]
    winsorised = np.clip(ordered, kept[:, :1], kept[:, -1:])
    error = winsorised.std(axis=1, ddof=1) / ((1 - 2 * trim) * np.sqrt(n))
    return kept.mean(axis=1), _t_test(kept.mean(axis=1), error, n - 2 * cut - 1)


def rank_test(d: Matrix) -> Matrix:
    """Two-sided p of Wilcoxon's signed-rank test for each row of `d`; a row of zeros gives 1."""
    p = np.ones(len(d))
    some = np.any(d != 0, axis=1)
    if some.any():
        p[some] = stats.wilcoxon(d[some], axis=1, method="approx", correction=True).pvalue
    return p


@dataclass(frozen=True)
class PairedLogRatio:
    """Estimates exp(mean d) per metric, case and allocator from the table that `Pairing` gives.

    Gives one row each with n (pairs), zeros (pairs with a value of zero or less), value and base
    (medians over the pairs; means where there are zeros, since the ratio is then that of means),
    effect (mean d), error (its standard error), ratio with [low, high] at `confidence` and [low90,
    high90] at `equivalence`, trimmed (ratio of the trimmed mean), and the p values p, p_yuen,
    p_wilcoxon. One replicate gives a ratio without interval or p (NaN).
    """

    confidence: float = 0.95
    equivalence: float = 0.90

    def __call__(self, pairs: pd.DataFrame) -> pd.DataFrame:
        zero = (pairs["value"] <= 0) | (pairs["base"] <= 0)
        pairs = pairs.assign(zero=zero)
        grouped = pairs.groupby(ROW, sort=False, observed=True)
        table = grouped.agg(
            n=("d", "size"),
            zeros=("zero", "sum"),
            value=("value", "median"),
            base=("base", "median"),
        )
        means = grouped[["value", "base"]].mean()
        table.loc[table["zeros"] > 0, ["value", "base"]] = means[table["zeros"] > 0]
        row_of_pair = grouped.ngroup().to_numpy()
        by_row = pairs["d"].to_numpy()[np.argsort(row_of_pair, kind="stable")]
        starts = np.cumsum(table["n"].to_numpy()) - table["n"].to_numpy()
        numbers = np.full((len(table), len(_NUMBERS)), np.nan)
        for n in np.unique(table["n"].to_numpy()):  # rows with as many pairs are estimated together
            rows = np.flatnonzero(table["n"].to_numpy() == n)
            numbers[rows] = self._estimate(by_row[starts[rows][:, None] + np.arange(n)])
        estimated = pd.DataFrame(numbers, columns=_NUMBERS, index=table.index)
        estimated.insert(0, "ratio", np.exp(estimated["effect"]))
        estimated[_LOGS] = np.exp(estimated[_LOGS])
        return pd.concat([table, estimated], axis=1).reset_index()

    def _estimate(self, d: Matrix) -> Matrix:
        """One row per row of `d`: effect, error, four interval ends, trimmed mean (all logs), three
        p values.
        """
        with np.errstate(invalid="ignore"):  # infinite differences have no spread
            return self._moments(d)

    def _moments(self, d: Matrix) -> Matrix:
        count, n = d.shape
        nothing = np.full(count, np.nan)
        mean = d.mean(axis=1)
        if n < 2:
            return np.column_stack([mean, *[nothing] * 9])
        error = d.std(axis=1, ddof=1) / np.sqrt(n)
        error[np.all(d == d[:, :1], axis=1)] = 0.0  # also where all are infinite
        wide, narrow = (
            stats.t.ppf(0.5 + level / 2, n - 1) * error
            for level in (self.confidence, self.equivalence)
        )
        trimmed, p_trimmed = trimmed_test(d) if n >= MIN_TEST else (nothing, nothing)
        ranks = rank_test(d) if n >= MIN_TEST else nothing
        ends = [mean - wide, mean + wide, mean - narrow, mean + narrow]
        return np.column_stack(
            [mean, error, *ends, trimmed, _t_test(mean, error, n - 1), p_trimmed, ranks]
        )
