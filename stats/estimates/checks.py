"""Two tests that stand beside an estimate as a check, and which of its claims they doubt.

Student's t on the mean of all log ratios hides no outlier, and Wilcoxon's signed ranks assume no
distribution.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from stats.estimates.influence import Influence, Matrix, mean_of, standard_error
from stats.estimates.pairing import Pairs
from stats.estimates.student import p_different
from stats.estimates.verdict import CLAIMS

MIN_TEST = 5  # pairs; the rank test is not made with fewer
DOUBT = 0.05  # a check with a larger p disagrees with a claim


def with_checks(rows: pd.DataFrame, pairs: Pairs, found: Influence) -> pd.DataFrame:
    """`rows` (with verdicts, in the order of `pairs`) and
    untrimmed, p_mean    the ratio by the mean of all log ratios, and its p by Student's t
    p_wilcoxon           of the signed-rank test
    checks               for each claim the checks with p of DOUBT or more, else an empty string
    """
    differences = _differences(pairs, found)
    mean, error = mean_of(differences), standard_error(differences)
    with np.errstate(over="ignore"):
        table = rows.assign(
            untrimmed=np.exp(mean),
            p_mean=p_different(mean, error, rows["n"].to_numpy(float) - 1),
            p_wilcoxon=rank_test(differences),
        )
    return table.assign(checks=_disagreeing(table))


def _differences(pairs: Pairs, found: Influence) -> Matrix:
    """The log ratios of pairs; for a ratio of means its influence values."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(pairs.value) - np.log(pairs.base)
    return np.where(found.means[:, None], found.values, logs)


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


def _disagreeing(table: pd.DataFrame) -> pd.Series:
    claimed = table["verdict"].isin(CLAIMS)
    names = {"p_mean": "untrimmed t", "p_wilcoxon": "Wilcoxon"}
    doubts = [np.where(claimed & (table[p] >= DOUBT), name, "") for p, name in names.items()]
    joined = [", ".join(filter(None, pair)) for pair in zip(*doubts, strict=True)]
    return pd.Series(joined, index=table.index, dtype=object)
