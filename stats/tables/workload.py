"""The table of one workload setting: time and counters of each allocator by threads."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd

from records.record import case_of
from stats import units
from stats.estimates.analysis import Analysis
from stats.estimates.verdict import MIN_PAIRS
from stats.frames import each
from stats.tables.brackets import upper_ends, with_upper_end
from stats.tables.counters import TIME, columns, counter_medians
from stats.tables.ratios import missing_notes
from stats.tables.table import Table, file_name, legend, mark
from stats.tidy.run import CASE


def workload(analysis: Analysis) -> Table:
    """Time and counters of one setting (an analysis narrowed by `only`), the time's ratio to the
    baseline with its interval, and in brackets the ratios of faults and peak footprint.
    """
    raw = counter_medians(analysis)
    frame = pd.DataFrame({"threads": raw["threads"].astype(str), "allocator": raw["allocator"]})
    estimates = {
        (row.metric, row.workload, row.params, row.threads, row.allocator): row
        for row in each(analysis.estimates)
    }
    keys = [tuple(key) for key in raw[[*CASE, "allocator"]].itertuples(index=False)]
    ends = upper_ends(analysis)
    for counter, name in columns(analysis):
        found = [estimates.get((name, *key)) for key in keys]
        values = [analysis.text(name, value) for value in raw[name]]
        if name == TIME or counter.with_ratio:
            pairs = zip(values, found, strict=True)
            values = [analysis.text(name, row.value) if row else v for v, row in pairs]
        values = [
            with_upper_end(value, name, key, ends) for value, key in zip(values, keys, strict=True)
        ]
        if name == TIME:
            frame[counter.heading] = values
            frame[analysis.baseline] = [analysis.text(name, r.base) if r else "–" for r in found]
            frame["ratio"] = [_ratio(row) for row in found]
            frame["95 % interval"] = [_interval(row) for row in found]
        elif counter.with_ratio:
            pairs = zip(values, found, strict=True)
            frame[counter.heading] = [
                v + (f" ({_ratio(r)})" if r and r.n >= MIN_PAIRS else "") for v, r in pairs
            ]
        else:
            frame[counter.heading] = values
    label = next(iter(analysis.settings.values()))
    notes = [
        f"Times, and values with a ratio in brackets, are geometric means over the pairs that the ratio "
        f"to {analysis.baseline} is made of, with its own time in these pairs; other values are medians. "
        "Kernel calls are less those of an empty program where that was measured.",
        _processes_note(analysis),
        legend(analysis.limits),
        *(note for _, name in columns(analysis) for note in missing_notes(analysis, name)),
    ]
    return Table(f"workload_{file_name(label)}", label, frame, raw, notes, text_columns=2)


def _processes_note(analysis: Analysis) -> str:
    """How many processes of each pass stand behind the values."""
    names = dict.fromkeys(analysis.metrics[name].pass_name for _, name in columns(analysis))
    counts = {
        name: Counter((case_of(r), r["allocator"]) for r in analysis.records(name)).values()
        for name in names
    }
    texts = [f"{name} {units.span(found)}" for name, found in counts.items()]
    return f"Processes of a row, by pass: {', '.join(texts)}. Intervals: 95 %."


def _ratio(row: Any) -> str:
    if row is None or row.n < MIN_PAIRS:
        return "–"
    return f"{units.ratio(row.ratio)} {mark(row.verdict)}".strip()


def _interval(row: Any) -> str:
    return "–" if row is None or row.n < MIN_PAIRS else units.interval(row.low, row.high)
