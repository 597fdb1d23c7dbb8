"""What each instrument costs: a pass's wall time over that of the time pass, which has nothing
attached.
"""

from __future__ import annotations

import pandas as pd

from records.record import Record, case_of
from stats.load import CELL
from stats.tidy.net import EMPTY

UNDISTURBED = "time"
_COLUMNS = ["processes", "compared", "slowdown_median", "slowdown_min", "slowdown_max"]


def _walls(records: list[Record]) -> pd.DataFrame:
    """One row per ok process; `work` tells processes that did exactly the same work from others."""
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
        if r["status"] == "ok" and r["workload"] != EMPTY and "wall_s" in r["metrics"]
    ]
    return pd.DataFrame(rows, columns=["pass", *CELL, "allocator", "block", "work", "wall_s"])


def pass_costs(records: list[Record]) -> pd.DataFrame:
    """One row per pass: processes, compared (pairs), and slowdown_median, _min, _max against the
    time pass.

    A slowdown is the ratio of wall times of one allocator in one block and situation, and only
    where both processes did the same work (equal checksums): a pass may run a larger job. Those of
    one situation are reduced to their median first; the three numbers are over situations. NaN
    where nothing can be compared.
    """
    walls = _walls(records)
    keys = [*CELL, "allocator", "block", "work"]
    bare = walls[walls["pass"] == UNDISTURBED].drop(columns="pass")
    pairs = walls.merge(bare, on=keys, suffixes=("", "_bare"))
    pairs = pairs.assign(slowdown=pairs["wall_s"] / pairs["wall_s_bare"])
    by_situation = pairs.groupby(["pass", *CELL, "allocator"])["slowdown"].median().groupby("pass")
    table = by_situation.agg(["median", "min", "max"]).add_prefix("slowdown_")
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
        return f"{start}; none did the same work as one of the time pass, so nothing to compare."
    spread = f"{row['slowdown_min']:.2f} to {row['slowdown_max']:.2f}"
    change = _change(row["slowdown_median"])
    return f"{start}, {change} in the median case (over all cases {spread} times)."


def _change(factor: float) -> str:
    if factor >= 2:
        return f"{factor:.1f} times slower"
    return f"{abs(factor - 1):.1%} {'slower' if factor >= 1 else 'faster'}"
