"""The table of one workload's page: every allocator by threads, its time and its counters."""

from __future__ import annotations

from typing import Any

import pandas as pd

from stats import units
from stats.estimates.analysis import Study
from stats.load import CELL
from stats.tables.counters import TIME, columns, counter_medians
from stats.tables.table import LEGEND, Table, file_name, mark


def workload(study: Study) -> Table:
    """One case (a study narrowed by `only`): medians of time and counters, the time's ratio to the
    baseline with its interval, and in brackets the ratios of faults and peak footprint.
    """
    raw = counter_medians(study)
    frame = pd.DataFrame({"threads": raw["threads"].astype(str), "allocator": raw["allocator"]})
    estimates: dict[tuple[Any, ...], dict[Any, Any]] = {
        (row["metric"], *(row[c] for c in CELL), row["allocator"]): row
        for row in study.judged.to_dict("records")
    }
    keys = [tuple(key) for key in raw[[*CELL, "allocator"]].itertuples(index=False)]
    for counter, name in columns(study):
        found = [estimates.get((name, *key)) for key in keys]
        values = [units.quantity(value, study.metrics[name].unit) for value in raw[name]]
        if name == TIME:
            frame[counter.heading] = values
            frame["ratio"] = [_ratio(row) for row in found]
            frame["95 % interval"] = [_interval(row) for row in found]
        elif counter.with_ratio:
            pairs = zip(values, found, strict=True)
            frame[counter.heading] = [v + (f" ({_ratio(r)})" if r else "") for v, r in pairs]
        else:
            frame[counter.heading] = values
    label = next(iter(study.cases.values()))
    notes = [
        f"Medians over the blocks. Ratio and brackets: against {study.baseline}, paired. "
        "Kernel calls are less those of an empty program where that was measured.",
        LEGEND,
    ]
    return Table(f"workload_{file_name(label)}", label, frame, raw, notes, text_columns=2)


def _ratio(row: dict[Any, Any] | None) -> str:
    if row is None:
        return "–"
    sign = mark(row["verdict"], row["good"])
    return f"{units.ratio(row['ratio'])} {'' if sign == '·' else sign}".strip()


def _interval(row: dict[Any, Any] | None) -> str:
    return "–" if row is None else units.interval(row["low"], row["high"])
