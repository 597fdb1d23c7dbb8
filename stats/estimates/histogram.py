"""Latency histograms: those of a cell's processes are merged before a percentile is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd


def merge(histograms: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """The sum of histograms as a table upper_ns, count, share (of samples at or below upper_ns),
    ascending.

    Each histogram holds `buckets`, a list of [upper_ns, count]; one without samples adds nothing.
    """
    counts: Counter[float] = Counter()
    for histogram in histograms:
        for upper, count in histogram.get("buckets") or []:
            counts[float(upper)] += int(count)
    ordered = sorted(counts.items())
    table = pd.DataFrame(ordered, columns=["upper_ns", "count"])
    return table.assign(share=table["count"].cumsum() / max(1, table["count"].sum()))


def percentile(merged: pd.DataFrame, q: float) -> float:
    """The upper end of the bucket in which the share `q` (0 to 1) of all samples is reached; NaN
    without samples.
    """
    if merged.empty:
        return float("nan")
    place = int(np.searchsorted(merged["share"].to_numpy(), q - 1e-12))
    return float(merged["upper_ns"].iloc[min(place, len(merged) - 1)])
