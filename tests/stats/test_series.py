"""Histograms and series."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats.estimates.histogram import merge, percentile
from stats.estimates.series import thin, typical
from tests.stats.synthetic import base_record

BUCKETS = st.lists(st.tuples(st.integers(1, 1000), st.integers(1, 50)), max_size=20)


@given(st.lists(BUCKETS, max_size=4))
def test_merging_keeps_every_sample_and_percentiles_rise(
    histograms: list[list[tuple[int, int]]],
) -> None:
    merged = merge([{"buckets": [list(b) for b in h]} for h in histograms])
    assert merged["count"].sum() == sum(count for h in histograms for _, count in h)
    if len(merged):
        values = [percentile(merged, q) for q in (0.0, 0.5, 0.9, 1.0)]
        assert values == sorted(values)
        assert values[-1] == max(upper for h in histograms for upper, _ in h)


def test_percentiles_are_those_of_the_samples() -> None:
    merged = merge([{"buckets": [[10, 50]]}, {"buckets": [[20, 40], [30, 10]]}])
    assert [percentile(merged, q) for q in (0.5, 0.51, 0.9, 0.99)] == [10, 20, 20, 30]


def test_no_samples_have_no_percentile() -> None:
    assert np.isnan(percentile(merge([]), 0.5))


def test_thinning_keeps_ends_and_extremes() -> None:
    y = np.zeros(10_000)
    y[1234], y[8765] = 7, -7
    table = pd.DataFrame({"t": np.arange(10_000), "y": y})
    thinned = thin(table, "y", 200)
    assert len(thinned) <= 202
    assert (thinned["y"].min(), thinned["y"].max()) == (-7, 7)
    assert list(thinned["t"].iloc[[0, -1]]) == [0, 9999]
    assert thinned["t"].is_monotonic_increasing


@pytest.mark.parametrize(
    ("values", "chosen"), [([3.0, 1.0, 2.0], 2.0), ([4.0, 1.0], 1.0), ([5.0], 5.0)]
)
def test_the_typical_process_is_the_median_one(values: list[float], chosen: float) -> None:
    blank = base_record("r", 0, "x", "w", "", 1, "memory")
    records = [blank | {"metrics": {"m": v}, "series": "s.csv"} for v in values]
    found = typical([*records, blank | {"metrics": {"m": 0.0}}], "m")
    assert found is not None
    assert found["metrics"]["m"] == chosen
