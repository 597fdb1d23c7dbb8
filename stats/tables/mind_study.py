"""The MIND study's measures by its own definitions, and beside them the calls that it did not count.

docs/mind-study.md gives the definitions and their limits.
"""

from __future__ import annotations

import pandas as pd

from stats import units
from stats.errors import DataError
from stats.estimates.analysis import Analysis
from stats.tables.ratios import case_column
from stats.tables.table import Table
from stats.tidy.run import CASE

MEASURES = ["mallocs_per_mmap", "kernel_s_per_malloc", "mapped_fragmentation"]
ADDED = ["mallocs_per_kernel_call", "mapped_brk_fragmentation"]
CALLS = ["mmap_calls", "munmap_calls", "brk_calls", "madvise_calls"]
COLUMNS = [*MEASURES, *ADDED, *CALLS]
_STUDY_SECONDS = ["mmap_s", "munmap_s"]  # the calls whose time the study counted
_PEAKS = ["mmap_peak_bytes", "mapped_peak_bytes", "live_peak_bytes"]
_NEEDED = ["mallocs", "kernel_memory_calls", *_STUDY_SECONDS, *_PEAKS, *CALLS]


def mind_measures(tidy: pd.DataFrame) -> pd.DataFrame:
    """One row per case and allocator of the syscalls pass, columns CASE, allocator, COLUMNS
    (medians over processes), processes.

    A ratio over zero (no mmap at all) is infinite; one whose values were not measured is NaN. A program that does not count its mallocs (a real program) is absent.
    """
    rows = tidy[tidy["pass"] == "syscalls"]
    index = [*CASE, "allocator"]
    wide = rows.pivot_table(
        index=index, columns="metric", values="value", aggfunc="median", sort=False
    )
    wide = wide.reindex(columns=_NEEDED).astype(float)
    wide = wide[wide["mallocs"] > 0]
    out = wide[CALLS].assign(
        processes=rows[rows["metric"] == "mallocs"].groupby(index, sort=False).size(),
        mallocs_per_mmap=wide["mallocs"] / wide["mmap_calls"],
        kernel_s_per_malloc=wide[_STUDY_SECONDS].sum(axis=1) / wide["mallocs"],
        mapped_fragmentation=wide["mmap_peak_bytes"] / wide["live_peak_bytes"],
        mallocs_per_kernel_call=wide["mallocs"] / wide["kernel_memory_calls"],
        mapped_brk_fragmentation=wide["mapped_peak_bytes"] / wide["live_peak_bytes"],
    )
    return out[[*COLUMNS, "processes"]].reset_index()


def mind_table(analysis: Analysis) -> Table:
    """The MIND study's measures beside those that it lacks (docs/mind-study.md)."""
    raw = analysis.in_order(
        mind_measures(
            analysis.table[analysis.table["workload"].isin({c[0] for c in analysis.cases})]
        )
    )
    frame = pd.DataFrame({"workload · threads": case_column(analysis, raw)})
    frame["allocator"] = raw["allocator"].to_numpy()
    for column in COLUMNS:
        unit = "s" if column == "kernel_s_per_malloc" else "ratio"
        frame[column] = [units.quantity(v, unit) for v in raw[column]]
    frame["processes"] = raw["processes"].astype(str).to_numpy()
    notes = [
        "Medians over processes; the calls of one process are counted, not sampled.",
        f"{', '.join(MEASURES)} are the MIND study's measures; the columns after them "
        "are what it left out (docs/mind-study.md).",
    ]
    return Table("mind_study", "The MIND study's measures", frame, raw, notes, text_columns=2)


def mind_table_or_fail(analysis: Analysis) -> Table:
    """`mind_table`; raises DataError where it would be empty."""
    table = mind_table(analysis)
    if table.frame.empty:
        raise DataError(
            "the run has no syscalls pass of a workload that counts its mallocs; "
            "help: run ./harness.sh mind"
        )
    return table
