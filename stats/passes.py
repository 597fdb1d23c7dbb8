"""What each instrument costs: a pass's wall time beside that of the time pass, which has nothing
attached.
"""

from __future__ import annotations

import pandas as pd

from stats.load import CELL
from stats.net import EMPTY

UNDISTURBED = "time"


def _wall_per_work(rows: pd.DataFrame) -> pd.DataFrame:
    """Median wall time by situation and allocator (rows) and pass (columns), at the time pass's
    amount of work.

    A pass may run a smaller job than the time pass (an experiment's override); where both report
    their mallocs the wall time is scaled by them.
    """
    index = [*CELL, "allocator", "pass"]
    wide = rows.pivot_table(index=index, columns="metric", values="value", aggfunc="median")
    wide = wide.reindex(columns=["wall_s", "mallocs"])
    wall = pd.DataFrame(wide["wall_s"].unstack("pass"))
    mallocs = pd.DataFrame(wide["mallocs"].where(wide["mallocs"] > 0).unstack("pass"))
    return wall * (1 / mallocs.div(mallocs[UNDISTURBED], axis=0)).fillna(1)


def pass_costs(tidy: pd.DataFrame) -> pd.DataFrame:
    """One row per pass: processes, and slowdown_median, slowdown_min, slowdown_max against the time
    pass.

    A slowdown is the ratio of one allocator's median wall times in one situation; the numbers are
    over all of them. Empty when there was no time pass.
    """
    rows = tidy[(tidy["workload"] != EMPTY) & tidy["metric"].isin(["wall_s", "mallocs"])]
    if UNDISTURBED not in set(rows["pass"]):
        return pd.DataFrame(columns=["pass", "processes"])
    wall = _wall_per_work(rows)
    slowdown = wall.div(wall[UNDISTURBED], axis=0)
    table = slowdown.agg(["median", "min", "max"]).T.add_prefix("slowdown_")
    processes = rows[rows["metric"] == "wall_s"].groupby("pass")["run"].nunique()
    table.insert(0, "processes", processes)
    return table.sort_values("slowdown_median").reset_index(names="pass")


def sentence(row: pd.Series) -> str:
    """One row of `pass_costs` in words."""
    start = f"{row['pass']}: {row['processes']:.0f} processes"
    if row["pass"] == UNDISTURBED:
        return f"{start} with nothing attached; the other passes are measured against it."
    spread = f"{row['slowdown_min']:.2f} to {row['slowdown_max']:.2f}"
    change = _change(row["slowdown_median"])
    return f"{start}, {change} in the median case (over all cases {spread} times)."


def _change(factor: float) -> str:
    if factor >= 2:
        return f"{factor:.1f} times slower"
    return f"{abs(factor - 1):.1%} {'slower' if factor >= 1 else 'faster'}"
