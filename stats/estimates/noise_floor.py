"""The run's noise floor: what it sees between two copies of one allocator (A/A)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from stats.load import CELL

KEY = ["metric", *CELL]


def floors(twins: pd.DataFrame) -> pd.Series:
    """Larger |A/A interval end| per metric and cell, as a relative effect (0.03 = 3 %).

    Takes the estimates of the A/A pairs (of `Pairing(twins=True)`). Each cell has a floor of its
    own, as noise differs with the work: two threads on a busy machine say nothing about one. A cell
    whose A/A pair has no interval (one block) has no floor and is absent.
    """
    with np.errstate(divide="ignore"):  # a copy that is always at zero has an infinite floor
        ends = np.log(twins["high"]).abs().combine(np.log(twins["low"]).abs(), max)
    largest = ends.groupby([twins[name] for name in KEY]).max().dropna()
    return np.expm1(largest).rename("floor")


def floor_of(table: pd.DataFrame, floors: pd.Series) -> pd.Series:
    """The floor of each row of `table` (columns KEY), 0 where none is known."""
    if floors.empty:
        return pd.Series(0.0, index=table.index)
    cells = pd.MultiIndex.from_frame(table[KEY])
    return floors.reindex(cells).fillna(0.0).set_axis(table.index)


def differences(twins: pd.DataFrame, delta: float) -> pd.DataFrame:
    """The A/A rows with a column `differs`: would this cell, taken alone and unadjusted, pass for a
    real difference?
    """
    excludes_one = (twins["low"] > 1) | (twins["high"] < 1)
    beyond = twins["effect"].abs() > np.log1p(delta)
    return twins.assign(differs=excludes_one & beyond & (twins["p"] < 0.05))
