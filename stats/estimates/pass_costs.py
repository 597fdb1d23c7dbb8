"""How much each pass slows the measured program: its wall time over that of the time pass."""

from __future__ import annotations

import pandas as pd

from records.record import EMPTY, OK, Record, case_of
from stats.tidy.run import CASE

UNDISTURBED = "time"  # the pass with no instrument attached
_COLUMNS = ["processes", "compared", "slowdown_median", "slowdown_min", "slowdown_max"]


def _walls(records: list[Record]) -> pd.DataFrame:
    """One row per ok process; equal `work` means the same operations (checksum)."""
    rows = [
        (
            r["pass"],
            *case_of(r),
            r["allocator"],
            r["block"],
            r["checksum"],
            r["metrics"]["wall_s"],
        )
        for r in records
        if r["status"] == OK and r["workload"] != EMPTY and "wall_s" in r["metrics"]
    ]
    return pd.DataFrame(rows, columns=["pass", *CASE, "allocator", "block", "work", "wall_s"])


def pass_costs(records: list[Record]) -> pd.DataFrame:
    """One row per pass: processes, compared (pairs), and slowdown_median, _min, _max against the
    time pass.

    A slowdown is the ratio of wall times of one allocator in one replicate of a case, where both
    processes did the same work: a pass may have larger parameters. Median, minimum and maximum are
    over the medians of cells (case and allocator). NaN where nothing can be compared.
    """
    walls = _walls(records)
    keys = [*CASE, "allocator", "block", "work"]
    bare = walls[walls["pass"] == UNDISTURBED].drop(columns="pass")
    pairs = walls.merge(bare, on=keys, suffixes=("", "_bare"))
    pairs = pairs.assign(slowdown=pairs["wall_s"] / pairs["wall_s_bare"])
    by_cell = pairs.groupby(["pass", *CASE, "allocator"])["slowdown"].median().groupby("pass")
    table = by_cell.agg(["median", "min", "max"]).add_prefix("slowdown_")
    table = table.reindex(walls["pass"].unique())
    table["processes"] = walls.groupby("pass").size()
    table["compared"] = pairs.groupby("pass").size()
    table["compared"] = table["compared"].fillna(0)
    table = table[_COLUMNS].sort_values("slowdown_median").reset_index(names="pass")
    return table.sort_values("pass", key=lambda names: names != UNDISTURBED, kind="stable")


def sentence(row: pd.Series) -> str:
    """One row of `pass_costs` in words."""
    start = f"{row['pass']}: {row['processes']:.0f} processes"
    if row["pass"] == UNDISTURBED:
        return f"{start} with nothing attached; the other passes are measured against it."
    if row["compared"] == 0:
        return f"{start}; none did the same work as a process of the time pass, so there is no comparison."
    spread = f"{row['slowdown_min']:.2f} to {row['slowdown_max']:.2f}"
    change = _change(row["slowdown_median"])
    return f"{start}, {change} in the median cell (from {spread} times the wall time)."


def _change(factor: float) -> str:
    if factor >= 2:
        return f"{factor:.1f} times slower"
    return f"{abs(factor - 1):.1%} {'slower' if factor >= 1 else 'faster'}"
