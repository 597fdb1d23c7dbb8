"""Pairs inside replicates."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from stats.estimates.paired_ratio import PairedLogRatio
from stats.estimates.pairing import Pairing, values_of_own_pass
from stats.tidy.metrics import registry
from stats.tidy.run import TIDY_COLUMNS


def table(*rows: tuple[int, str, float]) -> pd.DataFrame:
    """(block, allocator, value) rows of wall_s as a tidy table."""
    filled = [
        (f"r{i}", b, a, "w", "", 1, "time", "wall_s", v, "s") for i, (b, a, v) in enumerate(rows)
    ]
    return pd.DataFrame(filled, columns=TIDY_COLUMNS)


def test_pairs_are_made_inside_their_replicate() -> None:
    pairs = Pairing("base")(table((0, "base", 1.0), (0, "x", 2.0), (1, "base", 4.0), (1, "x", 2.0)))
    assert list(pairs["d"]) == pytest.approx([math.log(2), math.log(0.5)])


def test_a_replicate_in_which_one_is_missing_gives_no_pair() -> None:
    pairs = Pairing("base")(table((0, "base", 1.0), (1, "x", 2.0), (2, "base", 1.0), (2, "x", 3.0)))
    assert list(pairs["block"]) == [2]


def test_a_zero_has_no_logarithm_and_is_still_a_pair() -> None:
    pairs = Pairing("base")(table((0, "base", 0.0), (0, "x", 2.0)))
    assert list(pairs["d"]) == [math.inf]


def test_the_copy_is_paired_with_its_original_and_not_the_baseline() -> None:
    rows = table((0, "base", 1.0), (0, "x", 2.0), (0, "x#2", 2.0))
    assert list(Pairing("base", aa=True)(rows)["d"]) == [0.0]
    assert set(Pairing("base")(rows)["allocator"]) == {"x", "x#2"}


def test_only_the_values_of_its_own_pass_are_compared() -> None:
    rows = table((0, "base", 1.0), (0, "x", 2.0))
    other = rows.assign(**{"pass": "memory"})
    both = pd.concat([rows, other])
    assert len(values_of_own_pass(both, registry())) == 2


def estimate(x: list[float], base: list[float]) -> pd.Series:
    """The estimate of x against base, one replicate per value."""
    rows = [(i, "base", b) for i, b in enumerate(base)] + [(i, "x", v) for i, v in enumerate(x)]
    (_, row), *_ = PairedLogRatio()(Pairing("base")(table(*rows))).iterrows()
    return row


def test_zeros_in_half_of_the_replicates_halve_the_ratio() -> None:
    row = estimate([0.0, 8.0] * 20, [8.0] * 40)
    assert (row["n"], row["zeros"]) == (40, 20)
    assert row["ratio"] == pytest.approx(0.5)
    assert row["low"] < 0.5 < row["high"] < 0.8
    assert (row["value"], row["base"]) == (4.0, 8.0)


def test_the_interval_of_a_ratio_with_zeros_has_its_nominal_coverage() -> None:
    random = np.random.default_rng(7)
    covered = 0
    for _ in range(200):
        x = random.poisson(0.8, 40).astype(float)
        base = random.poisson(1.6, 40).astype(float)
        row = estimate(list(x), list(base))
        covered += row["low"] <= 0.5 <= row["high"]
    assert 180 <= covered <= 199


def test_zero_everywhere_on_one_side_is_a_ratio_of_zero_or_infinite() -> None:
    assert estimate([0.0] * 30, [8.0] * 30)[["ratio", "low", "high", "p"]].tolist() == [0] * 4
    assert estimate([8.0] * 30, [0.0] * 30)[["ratio", "low"]].tolist() == [math.inf] * 2


def test_one_occurrence_against_none_has_no_interval() -> None:
    row = estimate([0.0] * 30, [8.0] + [0.0] * 29)
    assert row["ratio"] == 0
    assert math.isnan(row["low"])
    assert math.isnan(row["p"])


def test_zero_everywhere_on_both_sides_is_the_same() -> None:
    assert estimate([0.0] * 30, [0.0] * 30)[["ratio", "low", "high", "p"]].tolist() == [1] * 4


def test_a_mean_below_zero_has_no_ratio_and_its_row_stays() -> None:
    row = estimate([-1.0] * 30, [8.0] * 30)
    assert row["n"] == 30
    assert math.isnan(row["ratio"])


def test_pairs_without_zeros_keep_their_log_ratios() -> None:
    row = estimate([2.0, 3.0, 4.0], [1.0, 1.0, 1.0])
    assert row["ratio"] == pytest.approx(24 ** (1 / 3))
    assert (row["zeros"], row["value"]) == (0, 3.0)
