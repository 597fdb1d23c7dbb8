"""How shm-bench's rounds become the numbers of the shared-memory figures."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from stats.figures import _shm
from stats.frames import each


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("allocation touched 16K", ("allocation", "touched", 16384)),
        ("allocation reuse 1M", ("allocation", "reuse", 1 << 20)),
        ("lookup 100", ("lookup", "", 100)),
        ("concurrent processes 8", ("concurrent", "processes", 8)),
        ("steady", None),
        ("perl", None),
        ("gcc -O2", None),
    ],
)
def test_a_cells_name_tells_its_place(name: str, place: tuple[str, str, int] | None) -> None:
    assert _shm._place(name) == place


@pytest.mark.parametrize(
    ("column", "named"),
    [
        ("ns_write_per_allocation", ("ns_write", "per_allocation")),
        ("ops_per_s_arena", ("ops_per_s", "arena")),
        ("free_ns_boost", ("free_ns", "boost")),
        ("wall_s", None),
        ("live_bytes", None),
    ],
)
def test_a_column_tells_quantity_and_way(column: str, named: tuple[str, str] | None) -> None:
    assert _shm._named(column) == named


def table(cell: tuple[str, str, int, str], **ways: list[float]) -> pd.DataFrame:
    """Measurements of one cell: a list of values, one per process, for each way."""
    bench, mode, x, what = cell
    rows = [
        [bench, mode, x, block, what, way, value]
        for way, values in ways.items()
        for block, value in enumerate(values)
    ]
    return pd.DataFrame(rows, columns=_shm._COLUMNS)


def test_a_gain_is_the_geometric_mean_of_paired_ratios() -> None:
    cell = ("allocation", "untouched", 4096, "ns")
    (row,) = each(
        _shm.gains(table(cell, per_allocation=[100.0, 400.0], arena=[1.0, 1.0], boost=[7.0, 7.0]))
    )
    assert row.gain == pytest.approx(200)
    # t(0.975, 1 degree of freedom) = 12.706; standard error of (ln 100, ln 400) = ln(4) / 2
    assert math.log(row.high / row.gain) == pytest.approx(12.706 * math.log(4) / 2, rel=1e-4)
    assert row.processes == 2


def test_a_rate_gains_when_it_grows() -> None:
    cell = ("concurrent", "threads", 8, "ops_per_s")
    (row,) = each(_shm.gains(table(cell, per_allocation=[10.0, 10.0], arena=[30.0, 30.0])))
    assert row.gain == pytest.approx(3) and row.low == pytest.approx(3)


def test_lookup_is_compared_with_the_scan() -> None:
    (row,) = each(
        _shm.gains(table(("lookup", "", 100, "ns"), scan=[50.0], arena=[0.5], tree=[5.0]))
    )
    assert row.gain == pytest.approx(100) and math.isnan(row.low)


def test_a_way_that_is_missing_gives_no_gain() -> None:
    assert _shm.gains(table(("allocation", "reuse", 64, "ns"), arena=[1.0])).empty
