"""How many replicates a run needs."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from stats.estimates.analysis import Analysis
from stats.estimates.paired_ratio import estimate
from stats.estimates.power import detectable_with, replicates_needed
from stats.estimates.verdict import Limits
from stats.tables.power import power_table
from tests.stats.simulation import pairs_of


def rows_of(noise: float, replicates: int, rows: int = 300) -> pd.DataFrame:
    d = np.random.default_rng(1).normal(0, noise, (rows, replicates))
    return estimate(pairs_of(d)).table.assign(level=0.01)


def test_a_forecast_from_few_replicates_is_what_many_give() -> None:
    forecast = np.median(detectable_with(rows_of(0.1, 20), 80, Limits()))
    measured = np.median(detectable_with(rows_of(0.1, 80), 80, Limits()))
    assert forecast == pytest.approx(measured, rel=0.05)


def test_the_replicates_needed_are_the_fewest_that_do() -> None:
    rows = rows_of(0.1, 20)
    needed = int(replicates_needed(rows, 0.05, 0.5, Limits()))
    shares = [np.mean(detectable_with(rows, n, Limits()) <= 0.05) for n in (needed - 1, needed)]
    assert shares[0] < 0.5 <= shares[1]
    assert replicates_needed(rows_of(0.001, 20), 0.05, 0.5, Limits()) == 15
    assert math.isinf(replicates_needed(rows_of(5.0, 20), 0.05, 0.5, Limits()))


def test_nothing_below_delta_is_ever_found() -> None:
    assert math.isinf(replicates_needed(rows_of(0.01, 20), 0.019, 0.5, Limits()))


def test_the_table_counts_rows_and_names_the_replicates(planted: Analysis) -> None:
    table = power_table(planted, "wall_s", 0.05)
    assert table.frame["replicates"].tolist()[:2] == ["15", "20"]
    assert table.frame["rows that find 5.0 %"].iloc[0] == "100 %"
    assert table.notes[1] == "To find 5.0 % in 50 % of the rows takes 15 replicates."
    medians = table.raw["median row"]
    assert medians.is_monotonic_decreasing
