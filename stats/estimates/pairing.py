"""Paired log differences inside replicates, in which machine drift affects both members of a pair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stats.tidy.metrics import Registry
from stats.tidy.run import CASE

ROW = ["metric", *CASE, "allocator"]
PAIR_COLUMNS = [*ROW, "block", "value", "base", "d"]


def values_of_own_pass(tidy: pd.DataFrame, metrics: Registry) -> pd.DataFrame:
    """The rows of `tidy` whose pass is the one that metrics.toml names for that metric."""
    own = tidy["metric"].map({m.name: m.pass_name for m in metrics})
    return tidy[own == tidy["pass"]]


@dataclass(frozen=True)
class Pairing:
    """Pairs every allocator with its partner: the baseline, or (`aa`) the A/A copy with its original.

    Takes what `values_of_own_pass` gives; gives one row per metric, case, allocator and replicate
    (column `block`) in which both processes ended well, with d = log(value) - log(base).

    A value of zero, or a net value below zero, has no logarithm and still counts: all pairs of such
    a case and allocator get the d of the ratio of means, see `_of_means`.
    """

    baseline: str
    aa: bool = False

    def partner(self, allocator: str) -> str | None:
        """The allocator in the denominator of `allocator`; None where there is no such ratio."""
        if self.aa:
            return allocator.split("#")[0] if allocator.endswith("#2") else None
        return self.baseline if allocator != self.baseline else None

    def __call__(self, tidy: pd.DataFrame) -> pd.DataFrame:
        keys = ["metric", *CASE, "block"]
        values = tidy[[*keys, "allocator", "value"]]
        wanted = values.assign(partner=values["allocator"].map(self.partner)).dropna(
            subset=["partner"]
        )
        bases = values.rename(columns={"allocator": "partner", "value": "base"})
        pairs = wanted.merge(bases, on=[*keys, "partner"])
        zero = (pairs["value"] <= 0) | (pairs["base"] <= 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            pairs = pairs.assign(d=np.log(pairs["value"]) - np.log(pairs["base"]))
            if zero.any():
                by_row = [pairs[name] for name in ROW]
                with_zeros = zero.groupby(by_row).transform("any")
                pairs.loc[with_zeros, "d"] = _of_means(pairs[with_zeros])
        return pairs[PAIR_COLUMNS].reset_index(drop=True)


def _of_means(pairs: pd.DataFrame) -> pd.Series:
    """For each pair of a row d = log(mean value / mean base) + value / mean value - base / mean base.

    Its mean over the row is the log of the ratio of means, and its variance the one that the delta
    method gives that log (Cochran, Sampling Techniques, 3rd ed. 1977, section 6.4), so Student's t
    applies to these d as well. Where one side is always zero, d is infinite in the
    pairs that differ and 0 in those that do not; where a mean is negative there is no ratio (NaN).
    """
    grouped = pairs.groupby(ROW)
    value, base = (grouped[side].transform("mean") for side in ("value", "base"))
    finite = (
        pd.Series(np.log(value / base), pairs.index) + pairs["value"] / value - pairs["base"] / base
    )
    same = pairs["value"] == pairs["base"]
    d = finite.where((value > 0) & (base > 0), np.nan)
    zero_over, over_zero = (value == 0) & (base > 0), (value > 0) & (base == 0)
    d = d.mask(zero_over, -np.inf).mask(over_zero, np.inf)
    return d.mask((zero_over | over_zero | ((value == 0) & (base == 0))) & same, 0.0)
