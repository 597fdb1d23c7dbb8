"""The run's noise floor: what it sees between two copies of one allocator (A/A)."""

from __future__ import annotations

import numpy as np
import pandas as pd


def floors(twins: pd.DataFrame) -> pd.Series:
    """Largest |A/A interval end| per metric, as a relative effect (0.03 = 3 %).

    Takes the estimates of the A/A pairs (of `Pairing(twins=True)`). A metric whose A/A cells have
    no interval (one block) has no floor and is absent.
    """
    ends = np.log(twins["high"]).abs().combine(np.log(twins["low"]).abs(), max)
    largest = ends.groupby(twins["metric"]).max().dropna()
    return np.expm1(largest).rename("floor")


def differences(twins: pd.DataFrame, delta: float) -> pd.DataFrame:
    """The A/A rows with a column `differs`: would this cell, taken alone and unadjusted, pass for a
    real difference?
    """
    excludes_one = (twins["low"] > 1) | (twins["high"] < 1)
    beyond = twins["effect"].abs() > np.log1p(delta)
    return twins.assign(differs=excludes_one & beyond & (twins["p"] < 0.05))
