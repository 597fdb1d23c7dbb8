"""The table of one workload setting: time and counters of each allocator by threads."""

from __future__ import annotations

from typing import Any

import pandas as pd

from stats import units
from stats.estimates.analysis import Analysis
from stats.tables.counters import TIME, columns, counter_medians
from stats.tables.table import LEGEND, Table, file_name, mark
from stats.tidy.run import CASE


def workload(analysis: Analysis) -> Table:
    """Medians of time and counters of one setting (an analysis narrowed by `only`), the time's ratio to
    the baseline with its interval, and in brackets the ratios of faults and peak footprint.
    """
    raw = counter_medians(analysis)
    frame = pd.DataFrame({"threads": raw["threads"].astype(str), "allocator": raw["allocator"]})
    estimates: dict[tuple[Any, ...], dict[Any, Any]] = {
        (row["metric"], *(row[c] for c in CASE), row["allocator"]): row
        for row in analysis.estimates.to_dict("records")
    }
    keys = [tuple(key) for key in raw[[*CASE, "allocator"]].itertuples(index=False)]
    for counter, name in columns(analysis):
        found = [estimates.get((name, *key)) for key in keys]
        values = [units.quantity(value, analysis.metrics[name].unit) for value in raw[name]]
        if name == TIME:
            frame[counter.heading] = values
            frame["ratio"] = [_ratio(row) for row in found]
            frame["95 % interval"] = [_interval(row) for row in found]
        elif counter.with_ratio:
            pairs = zip(values, found, strict=True)
            frame[counter.heading] = [v + (f" ({_ratio(r)})" if r else "") for v, r in pairs]
        else:
            frame[counter.heading] = values
    label = next(iter(analysis.settings.values()))
    notes = [
        f"Medians over replicates. Ratios, also those in brackets, are paired, to {analysis.baseline}. "
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
