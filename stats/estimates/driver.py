"""Ratios without the driver: (t - n) / (b - n), with n of the reference allocator `null`.

What memtest itself does is in the time of every allocator, and pulls ratios towards 1. With the
ratios r = t / n and s = b / n to null, both estimated like any ratio, the ratio without the driver
is (r - 1) / (s - 1), and its influence values follow from theirs by the delta method.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from stats.estimates.influence import Matrix, standard_error
from stats.estimates.paired_ratio import CONFIDENCE, Ratios, estimate
from stats.estimates.pairing import ROW, pair, with_baseline
from stats.estimates.student import quantile
from stats.estimates.verdict import MIN_PAIRS
from stats.tidy.run import CASE

NULL = "null"
COLUMNS = ["adjusted", "adjusted_low", "adjusted_high", "driver_share"]


def with_driver(
    rows: pd.DataFrame, work: pd.DataFrame, baseline: str, metrics: list[str]
) -> pd.DataFrame:
    """`rows` (estimates against `baseline`) with COLUMNS, where `work` has `null` in one of `metrics`:

    adjusted, adjusted_low, adjusted_high    the ratio without the driver and its 95 % interval
    driver_share                             null's time over the baseline's

    NaN with fewer than MIN_PAIRS pairs, and where one of the two is not surely above null.
    """
    used = work[work["metric"].isin(metrics)]
    if baseline == NULL or NULL not in set(used["allocator"]):
        return rows
    found = estimate(pair(used, with_baseline(NULL)))
    bases = found.table["allocator"] == baseline
    base_of = dict(zip(_keys(found.table[bases]), np.flatnonzero(bases).tolist(), strict=True))
    numbers = [
        _adjusted(found, place, base_of.get(key)) for place, key in enumerate(_keys(found.table))
    ]
    adjusted = found.table[ROW].assign(**dict(zip(COLUMNS, np.array(numbers).T, strict=True)))
    return rows.merge(adjusted, on=ROW, how="left")


def _keys(table: pd.DataFrame) -> list[tuple[object, ...]]:
    return list(table[["metric", *CASE]].itertuples(index=False, name=None))


def _adjusted(found: Ratios, place: int, base: int | None) -> tuple[float, float, float, float]:
    """COLUMNS of one row, whose baseline stands at `base`."""
    nothing = (float("nan"),) * 4
    if base is None or not all(_surely_above(found, i) for i in (place, base)):
        return nothing
    over, under = (float(np.exp(found.influence.effect[i])) for i in (place, base))
    effect = np.log((over - 1) / (under - 1))
    parts = [
        ratio / (ratio - 1) * (found.influence.values[i] - found.influence.effect[i])
        for ratio, i in ((over, place), (under, base))
    ]
    error = standard_error((parts[0] - parts[1])[None, :])
    freedom: Matrix = found.influence.freedom[[place, base]].min(keepdims=True)
    half = float((quantile(0.5 + CONFIDENCE / 2, freedom) * error)[0])
    return (
        float(np.exp(effect)),
        float(np.exp(effect - half)),
        float(np.exp(effect + half)),
        1 / under,
    )


def _surely_above(found: Ratios, place: int) -> bool:
    row = found.table.iloc[place]
    return bool(row["n"] >= MIN_PAIRS and row["low"] > 1)
