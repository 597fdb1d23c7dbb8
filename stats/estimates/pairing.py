"""Paired differences inside blocks: what drifts with the machine's mood hits both members of a
pair.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stats.load import CELL
from stats.tidy.metrics import Registry

ROW = ["metric", *CELL, "allocator"]
PAIR_COLUMNS = [*ROW, "block", "value", "base", "d"]


def home_values(tidy: pd.DataFrame, metrics: Registry) -> pd.DataFrame:
    """The rows of `tidy` whose pass is the one that metrics.toml believes for that metric."""
    home = tidy["metric"].map({m.name: m.home_pass for m in metrics})
    return tidy[home == tidy["pass"]]


@dataclass(frozen=True)
class Pairing:
    """Pairs every allocator with its partner: the baseline, or (`twins`) the A/A copy with its
    original.

    Takes a tidy table of home values; gives one row per metric, cell, allocator and block in which
    both ran well, with d = log(value) - log(base).

    A value of zero (or, of a net value, below) has no logarithm and is a value all the same: where a
    cell has such pairs, all its pairs get the d of the ratio of means instead, see `_of_means`.
    """

    baseline: str
    twins: bool = False

    def partner(self, allocator: str) -> str | None:
        """Whom `allocator` is measured against; None when against nobody."""
        if self.twins:
            return allocator.split("#")[0] if "#" in allocator else None
        return self.baseline if allocator != self.baseline else None

    def __call__(self, tidy: pd.DataFrame) -> pd.DataFrame:
        keys = ["metric", *CELL, "block"]
        values = tidy[[*keys, "allocator", "value"]]
        wanted = values.assign(partner=values["allocator"].map(self.partner)).dropna(
            subset=["partner"]
        )
        bases = values.rename(columns={"allocator": "partner", "value": "base"})
        pairs = wanted.merge(bases, on=[*keys, "partner"])
        zero = (pairs["value"] <= 0) | (pairs["base"] <= 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log(pairs["value"]) - np.log(pairs["base"])
            pairs = pairs.assign(d=logs)
            if zero.any():
                by_row = [pairs[name] for name in ROW]
                concerned = zero.groupby(by_row).transform("any")
                pairs.loc[concerned, "d"] = _of_means(pairs[concerned])
        return pairs[PAIR_COLUMNS].reset_index(drop=True)


def _of_means(pairs: pd.DataFrame) -> pd.Series:
    """For each pair of a row d = log(mean value / mean base) + value / mean value - base / mean base.

    Its mean over the row is the log of the ratio of means, and its variance the one that the delta
    method gives that log (Cochran, Sampling Techniques, 3rd ed. 1977, section 6.4): what is made of
    a d by Student's t holds for these as well. Where one side is always zero, d is infinite in the
    pairs that differ and 0 in those that do not; where a mean is negative there is no ratio (NaN).
    """
    grouped = pairs.groupby(ROW)
    value, base = (grouped[side].transform("mean") for side in ("value", "base"))
    finite = (
        pd.Series(np.log(value / base), pairs.index) + pairs["value"] / value - pairs["base"] / base
    )
    same = pairs["value"] == pairs["base"]
    d = finite.where((value > 0) & (base > 0), np.nan)
    none, all_of_it = (value == 0) & (base > 0), (value > 0) & (base == 0)
    d = d.mask(none, -np.inf).mask(all_of_it, np.inf)
    return d.mask((none | all_of_it | ((value == 0) & (base == 0))) & same, 0.0)
