"""One allocator against the best of the others."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from stats.errors import DataError
from stats.estimates.analysis import Analysis
from stats.estimates.best_other import against_others, geometric_mean_to_pick, leaders
from stats.estimates.verdict import (
    AHEAD,
    BEHIND,
    CLAIMS,
    EQUIVALENT,
    NOT_COMPARED,
    UNDECIDED,
    Limits,
)
from stats.tables.against_best import (
    against_best,
    compared_metrics,
    counts,
    rows_table,
    summary_table,
)
from stats.tidy.metrics import registry
from tests.stats.tidy_tables import tidy_of

REPLICATES = 20


def against(values: dict[str, np.ndarray], metric: str = "wall_s") -> pd.DataFrame:
    """The table of `mine` against all others in `values`."""
    others = [name for name in values if name != "mine"]
    table = tidy_of(values, metric)
    return against_others(table, "mine", others, registry()[metric], Limits())


def noisy(levels: dict[str, float], noise: float = 0.01, cases: int = 1) -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)
    return {
        name: level * np.exp(random.normal(0, noise, (cases, REPLICATES)))
        for name, level in levels.items()
    }


@pytest.mark.parametrize(
    ("levels", "verdict"),
    [
        ({"mine": 1.0, "a": 1.2, "b": 1.5}, AHEAD),
        ({"mine": 1.0, "a": 0.8, "b": 1.5}, BEHIND),
        ({"mine": 1.0, "a": 1.0, "b": 1.5}, EQUIVALENT),
        ({"mine": 1.0, "a": 1.0, "b": 0.8}, BEHIND),
        ({"mine": 1.0, "a": 1.051, "b": 1.5}, AHEAD),
    ],
)
def test_the_verdict_is_about_all_others(levels: dict[str, float], verdict: str) -> None:
    assert against(noisy(levels))["verdict"][0] == verdict


def test_noise_is_undecided_and_few_pairs_are_not_compared() -> None:
    values = noisy({"mine": 1.0, "a": 1.02, "b": 1.5}, noise=0.2)
    assert against(values)["verdict"][0] == UNDECIDED
    few = {name: matrix[:, :14] for name, matrix in values.items()}
    row = against(few).iloc[0]
    assert (row["verdict"], row["others"]) == (NOT_COMPARED, 0)
    assert math.isnan(row["ratio"])


def test_pairing_removes_what_a_replicate_shares() -> None:
    drift = np.exp(np.random.default_rng(2).normal(0, 1, (1, REPLICATES)))
    row = against({"mine": 3 * drift, "a": 2 * drift, "b": 4 * drift}).iloc[0]
    assert (row["best"], row["verdict"]) == ("a", BEHIND)
    assert [row["low"], row["ratio"], row["high"]] == pytest.approx([1.5, 1.5, 1.5])


def test_where_more_is_better_a_ratio_above_one_is_a_loss_too() -> None:
    row = against(noisy({"mine": 100, "a": 50, "b": 200}), "ops_per_s").iloc[0]
    assert (row["best"], row["verdict"]) == ("b", BEHIND)
    assert row["ratio"] == pytest.approx(2.0, rel=0.02)


def test_zero_is_the_best_that_there_is() -> None:
    full = np.full((1, REPLICATES), 5.0)
    row = against({"mine": full, "a": 0 * full, "b": 2 * full}, "minor_faults").iloc[0]
    assert (row["best"], row["ratio"], row["verdict"]) == ("a", math.inf, BEHIND)


def test_equal_allocators_are_rarely_claimed_and_the_interval_holds() -> None:
    """The one that looks best of nine equals is not a winner."""
    names = ["mine", *(f"a{i}" for i in range(8))]
    random = np.random.default_rng(3)
    values = {name: np.exp(random.normal(0, 0.05, (400, REPLICATES))) for name in names}
    table = against(values)
    assert table["verdict"].isin(CLAIMS).sum() <= 2
    assert ((table["low"] <= 1) & (table["high"] >= 1)).mean() >= 0.95
    found = leaders(tidy_of(values), names, registry()["wall_s"], Limits())
    assert sum(leader.row["verdict"] in CLAIMS for leader in found.values()) <= 2


def test_the_geometric_mean_to_the_pick_is_not_biased_by_the_pick() -> None:
    names = ["mine", *(f"a{i}" for i in range(8))]
    random = np.random.default_rng(4)
    values = {name: np.exp(random.normal(0, 0.2, (400, REPLICATES))) for name in names}
    mean, low, high = geometric_mean_to_pick(
        tidy_of(values), "mine", names[1:], registry()["wall_s"]
    )
    assert low < 1 < high
    assert mean == pytest.approx(1.0, abs=0.02)
    assert against(values)["ratio"].mean() > 1.05  # what picking by the same data would give


def test_a_clear_leader_is_ahead_of_all_others() -> None:
    values = noisy({"mine": 0.8, "a": 1.0, "b": 1.5}, cases=3)
    found = leaders(tidy_of(values), list(values), registry()["wall_s"], Limits())
    assert [(x.allocator, x.row["verdict"]) for x in found.values()] == [("mine", AHEAD)] * 3
    others = found["w0", "", 1].others.set_index("allocator")
    assert others["ratio"]["b"] == pytest.approx(1.5 / 0.8, rel=0.02)


def test_each_case_has_its_own_best(planted: Analysis) -> None:
    rows = against_best(planted, "slotmalloc", planted.metrics["wall_s"])
    assert list(rows["best"]) == ["jemalloc"] * len(planted.cases)
    assert set(rows["verdict"]) == {AHEAD}
    assert rows["ratio"].to_numpy() == pytest.approx(0.6 / 0.7, rel=0.02)


def test_reference_allocators_and_copies_do_not_take_part(planted: Analysis) -> None:
    rows = against_best(planted, "jemalloc", planted.metrics["wall_s"])
    assert set(rows["best"]) == {"slotmalloc"}  # and not bump, which is faster
    with pytest.raises(DataError, match=r"no contestant 'bump'"):
        against_best(planted, "bump", planted.metrics["wall_s"])


def test_the_tables_count_verdicts_and_name_the_worst_row(planted: Analysis) -> None:
    metrics = compared_metrics(planted)
    table = summary_table(planted, "mimalloc", metrics)
    wall = table.frame[table.frame["metric"] == "wall_s"].iloc[0]
    assert (wall["ahead"], wall["equivalent"], wall["behind"]) == ("0", "0", "4")
    assert wall["worst row"].endswith("slotmalloc")
    calls = table.frame[table.frame["metric"] == "kernel_memory_calls"].iloc[0]
    assert (calls["compared cases"], calls["geometric mean"]) == ("0 of 4", "–")  # one replicate
    assert len(rows_table(planted, "mimalloc", metrics).frame) == 4 * len(metrics)
    rows = against_best(planted, "mimalloc", planted.metrics["wall_s"])
    assert counts(rows) == {"cases": 4, AHEAD: 0, EQUIVALENT: 0, BEHIND: 4, UNDECIDED: 0}
