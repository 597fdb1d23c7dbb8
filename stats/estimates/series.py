"""Curves over time, thinned for drawing."""

from __future__ import annotations

import numpy as np
import pandas as pd

from records.record import Record
from stats.estimates.analysis import Study
from stats.tidy.labels import Cell

POINTS = 240


def thin(table: pd.DataFrame, column: str, points: int = POINTS) -> pd.DataFrame:
    """At most `points` rows of `table`, in which the extremes of `column` inside each stretch are
    kept.
    """
    if len(table) <= points:
        return table
    kept = {0, len(table) - 1}
    values = table[column].to_numpy()
    for stretch in np.array_split(np.arange(len(table)), max(1, points // 2 - 1)):
        kept |= {int(stretch[values[stretch].argmin()]), int(stretch[values[stretch].argmax()])}
    return table.iloc[sorted(kept)]


def typical(records: list[Record], metric: str) -> Record | None:
    """Of one allocator's processes the one whose `metric` is the (lower) median: one real process,
    not an average.
    """
    known = sorted(
        (r for r in records if metric in r["metrics"] and r.get("series")),
        key=lambda r: r["metrics"][metric],
    )
    return known[(len(known) - 1) // 2] if known else None


def series_by_allocator(
    study: Study, pass_name: str, cell: Cell, metric: str
) -> dict[str, pd.DataFrame]:
    """The series of each allocator's typical process in `cell`, in the order of the cast."""
    records = study.records(pass_name, cell)
    found: dict[str, pd.DataFrame] = {}
    for allocator in study.cast:
        record = typical([r for r in records if r["allocator"] == allocator], metric)
        table = study.run.series(record) if record else None
        if table is not None:
            found[allocator] = table
    return found


def busiest_cells(study: Study) -> list[Cell]:
    """Of each (workload, params) the cell with the most threads, in order: what a figure shows that
    cannot show all.
    """
    best: dict[tuple[str, str], Cell] = {}
    for cell in study.cells:
        if cell[:2] not in best or cell[2] > best[cell[:2]][2]:
            best[cell[:2]] = cell
    return list(best.values())
