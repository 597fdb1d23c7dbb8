"""The `_net` metrics: a process's kernel calls less those of an empty program under the same
allocator.

The raw counts cover a process from exec to exit, the dynamic loader included. The workload `empty`
does nothing, so its calls are those of process start and end.
"""

from __future__ import annotations

import pandas as pd

from records.record import EMPTY
from stats.tidy.metrics import NET_SUFFIX, Registry


def net_rows(tidy: pd.DataFrame, metrics: Registry) -> pd.DataFrame:
    """The `_net` rows for `tidy` (same columns); none for an allocator that never ran the empty
    program.

    The median over that allocator's `empty` processes is subtracted. A net value can be negative by
    noise; it is not cut at zero, since that would bias means.
    """
    wanted = tidy[tidy["metric"].isin([m.name for m in metrics if m.net])]
    empty = wanted[wanted["workload"] == EMPTY].groupby(["allocator", "metric"])["value"].median()
    rows = wanted[wanted["workload"] != EMPTY].join(
        empty.rename("of_empty"), on=["allocator", "metric"], how="inner"
    )
    rows = rows.assign(value=rows["value"] - rows["of_empty"], metric=rows["metric"] + NET_SUFFIX)
    return rows[tidy.columns]
