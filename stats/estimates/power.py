"""How many replicates a run needs, from the noise of another one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from stats.estimates.influence import LESS_FREEDOM, TRIM, Matrix
from stats.estimates.verdict import MIN_PAIRS, Limits, detectable

MOST = 5000  # replicates; what needs more is not worth a number


def detectable_with(rows: pd.DataFrame, replicates: int, limits: Limits) -> Matrix:
    """The effect that each row (of a table with verdicts) would find with so many pairs: its spread
    and the level that its family reached stay as they are.
    """
    n = rows["n"].to_numpy(float)
    error = rows["error"].to_numpy(float) * np.sqrt(n / replicates)
    untrimmed = rows["freedom"].to_numpy(float) >= n - 1
    left = replicates - 2 * int(TRIM * replicates + 1e-9)
    freedom = np.where(untrimmed, replicates - 1.0, left - 1.0 - LESS_FREEDOM)
    return detectable(error, freedom, rows["level"].to_numpy(float), limits.delta)


def replicates_needed(rows: pd.DataFrame, size: float, share: float, limits: Limits) -> float:
    """The fewest replicates with which at least `share` of the rows find a difference of `size`;
    infinity above MOST.
    """

    def enough(replicates: int) -> bool:
        found = detectable_with(rows, replicates, limits)
        return bool(np.mean(found <= size) >= share)

    low, high = MIN_PAIRS, MOST
    if not enough(high):
        return float("inf")
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return float(low)
