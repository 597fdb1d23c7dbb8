"""Pairs inside replicates, and the table of their estimates."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from stats.estimates.checks import rank_test, with_checks
from stats.estimates.paired_ratio import estimate
from stats.estimates.pairing import (
    Pairs,
    control_with_undelayed,
    copy_with_original,
    pair,
    values_of_own_pass,
    with_baseline,
)
from stats.tidy.metrics import registry
from stats.tidy.run import TIDY_COLUMNS
from tests.stats.simulation import pairs_of


def table(*rows: tuple[int, str, float]) -> pd.DataFrame:
    """(block, allocator, value) rows of wall_s as a tidy table."""
    filled = [
        (f"r{i}", b, a, "w", "", 1, "time", "wall_s", v, "s") for i, (b, a, v) in enumerate(rows)
    ]
    return pd.DataFrame(filled, columns=TIDY_COLUMNS)


def test_pairs_are_made_inside_their_replicate() -> None:
    rows = table((0, "base", 1.0), (0, "x", 2.0), (1, "base", 4.0), (1, "x", 8.0))
    pairs = pair(rows, with_baseline("base"))
    assert (pairs.value / pairs.base).tolist() == [[2.0, 2.0]]


def test_a_replicate_in_which_one_is_missing_gives_no_pair() -> None:
    rows = table((0, "base", 1.0), (1, "x", 2.0), (2, "base", 1.0), (2, "x", 3.0))
    pairs = pair(rows, with_baseline("base"))
    assert pairs.value.tolist() == [[3.0]]


def test_each_kind_of_allocator_has_its_own_partner() -> None:
    names = ["base", "base#2", "x", "x#slow0", "x#slow5", "x#slow10"]
    partners = {
        "baseline": [with_baseline("base")(n) for n in names],
        "copy": [copy_with_original(n) for n in names],
        "control": [control_with_undelayed(n) for n in names],
    }
    assert partners == {
        "baseline": [None, "base", "base", None, None, None],
        "copy": [None, "base", None, None, None, None],
        "control": [None, None, None, None, "x#slow0", "x#slow0"],
    }


def test_nothing_to_pair_gives_an_empty_table_with_all_columns() -> None:
    pairs: Pairs = pair(table((0, "base", 1.0)), with_baseline("base"))
    assert {"ratio", "low", "p_wilcoxon"} <= set(checked(pairs).columns)
    assert estimate(pairs).table.empty


def test_only_the_values_of_its_own_pass_are_compared() -> None:
    rows = table((0, "base", 1.0), (0, "x", 2.0))
    both = pd.concat([rows, rows.assign(**{"pass": "memory"})])
    assert len(values_of_own_pass(both, registry())) == 2


def checked(pairs: Pairs) -> pd.DataFrame:
    """The estimates of `pairs` with their checks."""
    found = estimate(pairs)
    return with_checks(found.table.assign(verdict=""), pairs, found.influence)


def estimated(x: list[float], base: list[float]) -> pd.Series:
    """The estimate of x against base, one replicate per value."""
    rows = [(i, "base", b) for i, b in enumerate(base)] + [(i, "x", v) for i, v in enumerate(x)]
    return checked(pair(table(*rows), with_baseline("base"))).iloc[0]


def test_zeros_in_half_of_the_replicates_halve_the_ratio() -> None:
    row = estimated([0.0, 8.0] * 20, [8.0] * 40)
    assert (row["n"], row["zeros"], row["of_means"]) == (40, 20, True)
    assert row["ratio"] == pytest.approx(0.5)
    assert row["low"] < 0.5 < row["high"] < 0.8
    assert (row["value"], row["base"]) == (4.0, 8.0)


def test_zero_everywhere_on_one_side_is_a_ratio_of_zero_or_infinite() -> None:
    assert estimated([0.0] * 30, [8.0] * 30)[["ratio", "low", "high", "p"]].tolist() == [0] * 4
    assert estimated([8.0] * 30, [0.0] * 30)[["ratio", "low"]].tolist() == [math.inf] * 2


def test_zero_everywhere_on_both_sides_is_the_same() -> None:
    assert estimated([0.0] * 30, [0.0] * 30)[["ratio", "low", "high", "p"]].tolist() == [1] * 4


def test_a_mean_below_zero_has_no_ratio_and_its_row_stays() -> None:
    row = estimated([-1.0] * 30, [8.0] * 30)
    assert row["n"] == 30
    assert math.isnan(row["ratio"])


def test_the_shown_values_are_those_of_the_ratio() -> None:
    random = np.random.default_rng(3)
    row = estimated(list(random.lognormal(1, 0.3, 25)), list(random.lognormal(0, 0.3, 25)))
    assert row["value"] / row["base"] == pytest.approx(row["ratio"])


def test_an_outlier_moves_the_untrimmed_ratio_and_not_the_ratio() -> None:
    row = estimated([2.0, 2.1, 1.9, 2.05, 1.95] * 3 + [900.0], [1.0] * 16)
    assert row["ratio"] == pytest.approx(2.0, rel=0.02)
    assert row["untrimmed"] > 2.5


def test_the_checks_are_scipys_tests() -> None:
    d = np.random.default_rng(1).normal(0.1, 0.2, (3, 25))
    found = checked(pairs_of(d))
    assert found["p_mean"].to_numpy() == pytest.approx(stats.ttest_1samp(d, 0, axis=1).pvalue)
    expected = stats.wilcoxon(d, axis=1, method="approx", correction=True).pvalue
    assert found["p_wilcoxon"].to_numpy() == pytest.approx(expected)


def test_ranks_of_rows_with_different_numbers_of_pairs() -> None:
    d = np.random.default_rng(2).normal(0.1, 0.2, (3, 25))
    d[1, 20:] = np.nan
    d[2, 3:] = np.nan
    alone = stats.wilcoxon(d[1, :20], method="approx", correction=True).pvalue
    assert rank_test(d)[1] == pytest.approx(alone)
    assert math.isnan(rank_test(d)[2])
