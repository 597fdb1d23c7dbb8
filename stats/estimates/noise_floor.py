"""The noise floor of each case: the difference measured between two copies of one allocator (A/A)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from stats.tidy.run import CASE

KEY = ["metric", *CASE]


def noise_floors(aa_pairs: pd.DataFrame) -> pd.Series:
    """The larger end of the A/A interval per metric and case, as a relative effect (0.03 = 3 %).

    Takes the estimates of the A/A pairs (of `Pairing(aa=True)`). Each case has a floor of its
    own, since noise depends on the work and on the number of threads. A case whose A/A pair has no
    interval (one replicate) is absent.
    """
    with np.errstate(divide="ignore"):  # a copy that is always at zero has an infinite floor
        ends = np.log(aa_pairs["high"]).abs().combine(np.log(aa_pairs["low"]).abs(), max)
    largest = ends.groupby([aa_pairs[name] for name in KEY]).max().dropna()
    return np.expm1(largest).rename("floor")


def floor_of(table: pd.DataFrame, floors: pd.Series) -> pd.Series:
    """The floor of each row of `table` (columns KEY), 0 where none is known."""
    if floors.empty:
        return pd.Series(0.0, index=table.index)
    cases = pd.MultiIndex.from_frame(table[KEY])
    return floors.reindex(cases).fillna(0.0).set_axis(table.index)


def differences(aa_pairs: pd.DataFrame, delta: float) -> pd.DataFrame:
    """The A/A rows with a column `differs`: whether the case alone, without Holm's correction, would
    count as a difference.
    """
    excludes_one = (aa_pairs["low"] > 1) | (aa_pairs["high"] < 1)
    beyond = aa_pairs["effect"].abs() > np.log1p(delta)
    return aa_pairs.assign(differs=excludes_one & beyond & (aa_pairs["p"] < 0.05))
