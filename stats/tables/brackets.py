"""The two ends of a peak footprint that is known only as a bracket.

Where LazyFree was not 0, the peak of the footprint lies between the largest reading and the kernel's
high-water mark (docs/method.md). Tables of the lower end show the upper one beside it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd

from stats import units
from stats.estimates.analysis import Analysis
from stats.estimates.verdict import MIN_PAIRS
from stats.tidy.derived import MARK, PEAK
from stats.tidy.run import CASE

Ends = dict[tuple[Any, ...], float]  # by workload, params, threads, allocator
_KEY = [*CASE, "allocator"]


def upper_ends(analysis: Analysis) -> Ends:
    """The median high-water mark of the cells whose peak is a bracket."""
    if not analysis.has(PEAK, MARK):
        return {}
    peaks, marks = analysis.medians(PEAK).to_dict(), analysis.medians(MARK).to_dict()
    return {tuple(c): m for c, m in marks.items() if m > peaks.get(c, m)}  # type: ignore[arg-type]


def with_upper_end(text: str, metric: str, cell: tuple[Any, ...], ends: Ends) -> str:
    """`text`, the printed value of `metric` in a cell; of a bracket both ends."""
    if metric != PEAK or cell not in ends:
        return text
    return f"{text} to {units.quantity(ends[cell], 'bytes')}"


def columns(analysis: Analysis, metric: str, rows: pd.DataFrame) -> dict[str, list[str]]:
    """Columns for a table of `metric` with these rows: the upper end, and the ratio of high-water
    marks; none where no peak is a bracket.
    """
    ends = upper_ends(analysis)
    if metric != PEAK or not ends:
        return {}
    marks = analysis.metric_table(MARK)
    ratios = marks[marks["n"] >= MIN_PAIRS].set_index(_KEY)["ratio"].to_dict()
    cells = list(rows[_KEY].itertuples(index=False, name=None))
    concerned = [c in ends or (*c[:-1], analysis.baseline) in ends for c in cells]
    pairs = list(zip(cells, concerned, strict=True))
    return {
        "at most": [units.quantity(ends.get(c, float("nan")), "bytes") for c in cells],
        "ratio of marks": [
            units.ratio(ratios.get(c, float("nan"))) if shown else "–" for c, shown in pairs
        ],
    }


def note(analysis: Analysis, metric: str) -> list[str]:
    """A sentence on the cells whose peak is a bracket, for tables that show one number for each."""
    ends = upper_ends(analysis)
    if metric != PEAK or not ends:
        return []
    cases = Counter(cell[-1] for cell in ends)
    names = ", ".join(f"{name} ({count} cases)" for name, count in cases.items())
    return [
        f"LazyFree was not 0 with {names}: these peaks lie between the value and {MARK}, whose table "
        "has the ratios of the upper ends."
    ]
