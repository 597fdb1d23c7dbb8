"""Paired differences inside blocks: what drifts with the machine's mood hits both members of a
pair.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stats.load import CELL
from stats.metrics import Registry

PAIR_COLUMNS = ["metric", *CELL, "allocator", "block", "value", "base", "d"]


def home_values(tidy: pd.DataFrame, metrics: Registry) -> pd.DataFrame:
    """The rows of `tidy` whose pass is the one that metrics.toml believes for that metric."""
    home = tidy["metric"].map({m.name: m.home_pass for m in metrics})
    return tidy[home == tidy["pass"]]


@dataclass(frozen=True)
class Pairing:
    """Pairs every allocator with its partner: the baseline, or (`twins`) the A/A copy with its
    original.

    Takes a tidy table of home values; gives one row per metric, cell, allocator and block in which
    both ran well, with d = log(value) - log(base). A value of zero has no logarithm: such a pair is
    left out, and the count of pairs says so.
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
        pairs = pairs[(pairs["value"] > 0) & (pairs["base"] > 0)]
        pairs = pairs.assign(d=np.log(pairs["value"]) - np.log(pairs["base"]))
        return pairs[PAIR_COLUMNS].reset_index(drop=True)
