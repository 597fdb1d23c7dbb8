"""Rows of DataFrames as plain Python values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd


def each(table: pd.DataFrame) -> Iterator[Any]:
    """The rows of `table` as named tuples, one attribute per column, without the index."""
    return table.itertuples(index=False)
