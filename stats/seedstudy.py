"""The seed study's numbers, computed its way, and beside them what it left out.

The definitions and what is wrong with them stand in docs/seed-study.md.
"""

from __future__ import annotations

import pandas as pd

from stats.load import CELL

STUDY = ["mallocs_per_mmap", "kernel_s_per_malloc", "mapped_fragmentation"]
LEFT_OUT = ["mallocs_per_kernel_call", "mapped_brk_fragmentation"]
CALLS = ["mmap_calls", "munmap_calls", "brk_calls", "madvise_calls"]
COLUMNS = [*STUDY, *LEFT_OUT, *CALLS]
_STUDY_SECONDS = ["mmap_s", "munmap_s"]  # what the study counted as the kernel's part
_PEAKS = ["mmap_peak_bytes", "mapped_peak_bytes", "live_peak_bytes"]
_NEEDED = ["mallocs", "kernel_memory_calls", *_STUDY_SECONDS, *_PEAKS, *CALLS]


def seed_table(tidy: pd.DataFrame) -> pd.DataFrame:
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
