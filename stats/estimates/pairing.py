"""Pairs inside replicates, in which machine drift affects both members of a pair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stats.estimates.influence import Matrix
from stats.tidy.allocators import COPY, ORIGINAL, SLOWED
from stats.tidy.metrics import Registry
from stats.tidy.run import CASE

ROW = ["metric", *CASE, "allocator"]
Partner = Callable[[str], str | None]


def values_of_own_pass(tidy: pd.DataFrame, metrics: Registry) -> pd.DataFrame:
    """The rows of `tidy` whose pass is the one that metrics.toml names for that metric."""
    own = tidy["metric"].map({m.name: m.pass_name for m in metrics})
    return tidy[own == tidy["pass"]]


@dataclass(frozen=True)
class Pairs:
    """Values of allocators and of their partners in the same replicates.

    rows   one per metric, case and allocator that has a partner (columns ROW)
    value  one row each, one column per replicate; NaN where one of the two processes is missing
    base   the partner's, likewise
    """

    rows: pd.DataFrame
    value: Matrix
    base: Matrix


def with_baseline(baseline: str) -> Partner:
    """Pairs every allocator with `baseline`, but for the positive control and the baseline itself."""
    return lambda name: None if name == baseline or SLOWED.search(name) else baseline


def copy_with_original(name: str) -> str | None:
    """Pairs an A/A copy (`NAME#2`) with its original."""
    return COPY.sub("", name) if COPY.search(name) else None


def control_with_undelayed(name: str) -> str | None:
    """Pairs a slowed allocator (`NAME#slow5`) with the same one without delay (`NAME#slow0`)."""
    undelayed = SLOWED.sub(ORIGINAL, name)
    return undelayed if SLOWED.search(name) and undelayed != name else None


def pair(tidy: pd.DataFrame, partner: Partner) -> Pairs:
    """The pairs of `tidy` (what `values_of_own_pass` gives) by `partner`, which names the allocator in
    the denominator, or None where there is none.
    """
    keys = ["metric", *CASE, "block"]
    values = tidy[[*keys, "allocator", "value"]]
    partners = {name: partner(name) for name in values["allocator"].unique()}
    named = values["allocator"].map(partners).astype(object)
    wanted = values.assign(partner=named).dropna(subset=["partner"])
    bases = values.rename(columns={"allocator": "partner", "value": "base"})
    pairs = wanted.merge(bases, on=[*keys, "partner"])
    grouped = pairs.groupby(ROW, sort=False, observed=True)
    replicates, column = np.unique(pairs["block"].to_numpy(), return_inverse=True)
    place = grouped.ngroup().to_numpy(), column
    rows = pairs[ROW].drop_duplicates().reset_index(drop=True)
    shape = len(rows), max(1, len(replicates))
    value, base = np.full(shape, np.nan), np.full(shape, np.nan)
    value[place], base[place] = pairs["value"].to_numpy(), pairs["base"].to_numpy()
    return Pairs(rows, value, base)
