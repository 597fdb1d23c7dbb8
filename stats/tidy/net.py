"""The `_net` metrics: a process's kernel calls less what the same allocator needs for an empty
program.

The raw counts cover a process from exec to exit, the dynamic loader included. The workload `empty`
does nothing, so what it still calls is not the work's doing.
"""

from __future__ import annotations

import pandas as pd

from stats.tidy.metrics import NET_SUFFIX, Registry

EMPTY = "empty"


def net_rows(tidy: pd.DataFrame, metrics: Registry) -> pd.DataFrame:
    """The `_net` rows for `tidy` (same columns); none for an allocator that never ran the empty
    program.

    The subtrahend is the median over that allocator's `empty` processes. A net value can be
    negative by noise; it is kept so, since cutting it at zero would bias what is made of it.
    """
    wanted = tidy[tidy["metric"].isin([m.name for m in metrics if m.net])]
    empty = wanted[wanted["workload"] == EMPTY].groupby(["allocator", "metric"])["value"].median()
    rows = wanted[wanted["workload"] != EMPTY].join(
        empty.rename("at_rest"), on=["allocator", "metric"], how="inner"
    )
    rows = rows.assign(value=rows["value"] - rows["at_rest"], metric=rows["metric"] + NET_SUFFIX)
    return rows[tidy.columns]
