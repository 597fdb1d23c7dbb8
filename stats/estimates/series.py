"""The series of one typical process per allocator, thinned for drawing."""

from __future__ import annotations

import numpy as np
import pandas as pd

from records.record import Record
from stats.estimates.analysis import Analysis
from stats.tidy.labels import Case

POINTS = 240


def thin(table: pd.DataFrame, column: str, points: int = POINTS) -> pd.DataFrame:
    """At most `points` rows of `table`, with the extremes of `column` in each interval kept."""
    if len(table) <= points:
        return table
    kept = {0, len(table) - 1}
    values = table[column].to_numpy()
    for part in np.array_split(np.arange(len(table)), max(1, points // 2 - 1)):
        kept |= {int(part[values[part].argmin()]), int(part[values[part].argmax()])}
    return table.iloc[sorted(kept)]


def typical(records: list[Record], metric: str) -> Record | None:
    """The process whose `metric` is the (lower) median, of those that have a series."""
    known = sorted(
        (r for r in records if metric in r["metrics"] and r.get("series")),
        key=lambda r: r["metrics"][metric],
    )
    return known[(len(known) - 1) // 2] if known else None


def series_by_allocator(
    analysis: Analysis, pass_name: str, case: Case, metric: str
) -> dict[str, pd.DataFrame]:
    """The series of each allocator's typical process in `case`, in the order of the allocators."""
    records = analysis.records(pass_name, case)
    found: dict[str, pd.DataFrame] = {}
    for allocator in analysis.allocators:
        record = typical([r for r in records if r["allocator"] == allocator], metric)
        table = analysis.run.series(record) if record else None
        if table is not None:
            found[allocator] = table
    return found


def case_with_most_threads(analysis: Analysis) -> Case:
    """What a figure shows that has room for one case of its workload."""
    return max(analysis.cases, key=lambda case: case[2])
