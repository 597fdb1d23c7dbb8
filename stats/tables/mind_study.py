"""The seed study's numbers, computed its way, and beside them what it left out.

The definitions and what is wrong with them stand in docs/mind-study.md.
"""

from __future__ import annotations

import pandas as pd

from stats import units
from stats.errors import DataError
from stats.estimates.analysis import Study
from stats.load import CELL
from stats.tables.ratios import case_column
from stats.tables.table import Table

STUDY = ["mallocs_per_mmap", "kernel_s_per_malloc", "mapped_fragmentation"]
LEFT_OUT = ["mallocs_per_kernel_call", "mapped_brk_fragmentation"]
CALLS = ["mmap_calls", "munmap_calls", "brk_calls", "madvise_calls"]
COLUMNS = [*STUDY, *LEFT_OUT, *CALLS]
_STUDY_SECONDS = ["mmap_s", "munmap_s"]  # what the study counted as the kernel's part
_PEAKS = ["mmap_peak_bytes", "mapped_peak_bytes", "live_peak_bytes"]
_NEEDED = ["mallocs", "kernel_memory_calls", *_STUDY_SECONDS, *_PEAKS, *CALLS]


def mind_measures(tidy: pd.DataFrame) -> pd.DataFrame:
    """One row per cell and allocator of the syscalls pass, columns CELL, allocator, COLUMNS
    (medians over processes).

    A ratio over nothing (mallocs that needed no mmap at all) is infinite; one whose numbers are not
    there is NaN. A program that does not count its mallocs (a real program) is absent.
    """
    rows = tidy[tidy["pass"] == "syscalls"]
    index = [*CELL, "allocator"]
    wide = rows.pivot_table(
        index=index, columns="metric", values="value", aggfunc="median", sort=False
    )
    wide = wide.reindex(columns=_NEEDED).astype(float)
    wide = wide[wide["mallocs"] > 0]
    out = wide[CALLS].assign(
        mallocs_per_mmap=wide["mallocs"] / wide["mmap_calls"],
        kernel_s_per_malloc=wide[_STUDY_SECONDS].sum(axis=1) / wide["mallocs"],
        mapped_fragmentation=wide["mmap_peak_bytes"] / wide["live_peak_bytes"],
        mallocs_per_kernel_call=wide["mallocs"] / wide["kernel_memory_calls"],
        mapped_brk_fragmentation=wide["mapped_peak_bytes"] / wide["live_peak_bytes"],
    )
    return out[COLUMNS].reset_index()


def mind_table(study: Study) -> Table:
    """The seed study's numbers beside what it left out (docs/mind-study.md)."""
    raw = study.in_order(
        mind_measures(study.table[study.table["workload"].isin({c[0] for c in study.cells})])
    )
    frame = pd.DataFrame({"workload · threads": case_column(study, raw)})
    frame["allocator"] = raw["allocator"].to_numpy()
    for column in COLUMNS:
        unit = "s" if column == "kernel_s_per_malloc" else "ratio"
        frame[column] = [units.quantity(v, unit) for v in raw[column]]
    notes = [
        f"{', '.join(STUDY)} are the seed study's measures; the columns after them are "
        "what it left out (docs/mind-study.md)."
    ]
    return Table("seed_study", "The seed study's numbers", frame, raw, notes, text_columns=2)


def mind_table_or_fail(study: Study) -> Table:
    """`mind_table`, or DataError where the run holds nothing that it can be made of."""
    table = mind_table(study)
    if table.frame.empty:
        raise DataError(
            "the run has no syscalls pass of a workload that counts its mallocs. "
            "Cure: run ./harness.sh mind"
        )
    return table
