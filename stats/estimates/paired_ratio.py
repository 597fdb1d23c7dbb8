"""From pairs to ratios with intervals: one row per metric, case and allocator.

The estimate and its interval come from influence values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stats.estimates.influence import Influence, Matrix, influence, mean_of
from stats.estimates.pairing import Pairs
from stats.estimates.student import p_different, quantile

CONFIDENCE = 0.95


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
    """

    table: pd.DataFrame
    influence: Influence


def estimate(pairs: Pairs) -> Ratios:
    """The estimates of `pairs`; one pair gives a ratio without interval or p (NaN)."""
    found = influence(pairs.value, pairs.base)
    present = ~np.isnan(pairs.value)
    effect, error, freedom = found.effect, found.error, found.freedom
    half = quantile(0.5 + CONFIDENCE / 2, freedom) * error
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
        )
    return Ratios(table, found)


def _shown(values: Matrix, found: Influence) -> Matrix:
    """The level that a table shows: see `Ratios`."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(found.kept, np.log(np.where(found.means[:, None], 1.0, values)), np.nan)
        return np.where(found.means, mean_of(values), np.exp(mean_of(logs)))
