"""The seed study's numbers, computed its way, and beside them what it left out.

The definitions and what is wrong with them stand in docs/seed-study.md.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from stats.load import CELL

COLUMNS = [
    "mallocs_per_mmap",
    "kernel_s_per_malloc",
    "mapped_fragmentation",
    "mallocs_per_kernel_call",
    "mmap_calls",
    "munmap_calls",
    "brk_calls",
    "madvise_calls",
]
# What the study counted as the kernel's part of an allocation.
_STUDY_CALLS = ("mmap_s", "munmap_s")


def _ratio(over: pd.Series, under: pd.Series) -> pd.Series:
    """over / under, infinite where nothing was called (0 mmap calls serve any number of mallocs).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return over / under


def seed_table(tidy: pd.DataFrame) -> pd.DataFrame:
    """One row per cell and allocator of the syscalls pass, columns COLUMNS (medians over its
    processes).

    mallocs_per_mmap, kernel_s_per_malloc and mapped_fragmentation are the study's;
    mallocs_per_kernel_call counts all six memory calls. A cell whose program does not report its
    mallocs (a real program) is absent.
    """
    rows = tidy[tidy["pass"] == "syscalls"]
    wide = rows.pivot_table(
        index=[*CELL, "allocator"], columns="metric", values="value", aggfunc="median", sort=False
    )
    if "mallocs" not in wide:
        return pd.DataFrame(columns=[*CELL, "allocator", *COLUMNS])
    wide = wide[wide["mallocs"] > 0].reindex(columns=[*wide.columns.union(_needed(), sort=False)])
    out = wide[["mmap_calls", "munmap_calls", "brk_calls", "madvise_calls"]].copy()
    out["mallocs_per_mmap"] = _ratio(wide["mallocs"], wide["mmap_calls"])
    out["kernel_s_per_malloc"] = _ratio(wide[list(_STUDY_CALLS)].sum(axis=1), wide["mallocs"])
    out["mapped_fragmentation"] = _ratio(wide["mmap_bytes"], wide["requested_bytes"])
    out["mallocs_per_kernel_call"] = _ratio(wide["mallocs"], wide["kernel_memory_calls"])
    return out[COLUMNS].reset_index()


def _needed() -> list[str]:
    calls = [f"{call}_calls" for call in ("mmap", "munmap", "brk", "madvise")]
    return [
        "mallocs",
        "requested_bytes",
        "mmap_bytes",
        "kernel_memory_calls",
        *_STUDY_CALLS,
        *calls,
    ]
