"""Which verdict an estimate gets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from stats.estimates.analysis import Analysis
from stats.estimates.comparison import PRIMARY_FAMILY, family_of
from stats.estimates.procedure import HEADLINES, ROWS, Procedure
from stats.estimates.verdict import (
    AHEAD,
    BEHIND,
    EQUIVALENT,
    NOT_COMPARED,
    UNDECIDED,
    Limits,
    detectable,
    judged,
)
from stats.tidy.metrics import registry

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=30)


def row(ratio: float, error: float, n: int = 20, p: float | None = None) -> dict[str, float]:
    """One estimate: a ratio and the standard error of its log."""
    effect, freedom = float(np.log(ratio)), 11.0
    tested = float(2 * stats.t.sf(abs(effect) / error, freedom)) if p is None else p
    return {"effect": effect, "error": error, "freedom": freedom, "n": n, "p": tested}


def verdicts(*rows: dict[str, float], lower: bool = True, family: str = "f") -> pd.DataFrame:
    table = pd.DataFrame(rows)
    families = pd.Series(family, table.index, dtype=object)
    return judged(table, families, pd.Series(lower, table.index), ROWS, Limits())


@pytest.mark.parametrize(
    ("estimate", "verdict"),
    [
        (row(0.90, 0.01), AHEAD),
        (row(1.10, 0.01), BEHIND),
        (row(0.90, 0.01, n=14), NOT_COMPARED),
        (row(1.00, 0.005, n=14), NOT_COMPARED),
        (row(1.015, 0.002), EQUIVALENT),  # certain, but under delta
        (row(1.035, 0.002), BEHIND),  # inside the margin, but a claim is more than an equivalence
        (row(1.015, 0.02), UNDECIDED),
        (row(1.10, 0.08), UNDECIDED),
        (row(1.00, 0.01), EQUIVALENT),
        (row(1.00, 0.03), UNDECIDED),
    ],
)
def test_verdict(estimate: dict[str, float], verdict: str) -> None:
    assert verdicts(estimate)["verdict"][0] == verdict


def test_where_more_is_better_more_is_ahead() -> None:
    assert verdicts(row(1.1, 0.01), lower=False)["verdict"][0] == AHEAD


def test_noise_makes_a_row_undecided_and_never_equivalent() -> None:
    table = verdicts(row(1.01, 0.002), row(1.01, 0.03), row(1.10, 0.06))
    assert list(table["verdict"]) == [EQUIVALENT, UNDECIDED, UNDECIDED]


def test_a_row_without_family_is_not_tested_and_adds_nothing_to_one() -> None:
    table = pd.DataFrame([row(0.9, 0.01, p=0.01), row(0.5, 0.01, p=0.01)])
    family = pd.Series(["f", np.nan], dtype=object)
    found = judged(table, family, pd.Series([True, True]), ROWS, Limits())
    assert found["p_adj"][0] == 0.01
    assert np.isnan(found["p_adj"][1])
    assert found["verdict"][1] == ""


@settings(max_examples=20, deadline=None)
@given(P_VALUES)
def test_the_procedures_are_those_of_statsmodels(p: list[float]) -> None:
    values = np.array(p)
    assert HEADLINES.adjusted(values) == pytest.approx(multipletests(values, method="holm")[1])
    assert ROWS.adjusted(values) == pytest.approx(multipletests(values, method="fdr_bh")[1])


@settings(max_examples=50, deadline=None)
@given(P_VALUES, st.sampled_from([HEADLINES, ROWS]))
def test_a_p_value_below_the_reached_level_is_rejected(p: list[float], use: Procedure) -> None:
    values = np.array(p)
    adjusted = use.adjusted(values)
    reached = use.reached(adjusted)
    assert reached >= use.level / len(p)
    if (adjusted < use.level).any():
        assert (adjusted[values < reached * (1 - 1e-9)] <= use.level * (1 + 1e-9)).all()


def test_missing_p_values_do_not_count() -> None:
    adjusted = HEADLINES.adjusted(np.array([0.01, np.nan, 0.02]))
    assert adjusted == pytest.approx([0.02, np.nan, 0.02], nan_ok=True)


def test_the_primary_metrics_are_one_family_and_each_other_is_its_own() -> None:
    metrics = pd.Series(["wall_s", "cpu_s", "minor_faults", "sys_s"])
    expected = [PRIMARY_FAMILY, PRIMARY_FAMILY, "minor_faults", "sys_s"]
    assert list(family_of(metrics, registry())) == expected


@pytest.mark.parametrize("level", [0.025, 0.001])
@pytest.mark.parametrize("error", [0.002, 0.02, 0.05])
def test_the_detectable_effect_is_found_with_power_0_8(level: float, error: float) -> None:
    freedom = np.array([11.0])
    size = float(detectable(np.array([error]), freedom, np.array([level]))[0])
    random = np.random.default_rng(5)
    spread = error * np.sqrt(random.chisquare(11.0, 40_000) / 11.0)
    effect = np.log1p(size) + error * random.normal(size=40_000)
    p = 2 * stats.t.sf(np.abs(effect / spread), 11.0)
    found = ((p < level) & (effect > np.log1p(0.02))).mean()
    assert 0.76 <= found <= 0.84


def test_the_planted_run_gets_the_right_verdicts(planted: Analysis) -> None:
    rows = planted.metric_table("wall_s")
    found = {name: set(group["verdict"]) for name, group in rows.groupby("allocator")}
    assert found["jemalloc"] == found["slotmalloc"] == {AHEAD}
    assert found["mimalloc"] == {BEHIND}  # also where one replicate was lost to the planted crash
    assert found["ptmalloc#2"] == {"(A/A copy)"}
    assert found["bump"] == {"(reference)"}


def test_a_lost_baseline_does_not_silence_a_case(planted: Analysis) -> None:
    rows = planted.metric_table("wall_s")
    assert sorted(set(rows[rows["allocator"] == "mimalloc"]["n"])) == [19, 20]


def test_one_replicate_is_not_compared(planted: Analysis) -> None:
    rows = planted.contestants(planted.metric_table("kernel_memory_calls"))
    assert set(rows["verdict"]) == {NOT_COMPARED}
    heads = planted.headline_table("kernel_memory_calls")
    assert set(planted.contestants(heads)["verdict"]) == {NOT_COMPARED}
    assert heads["ratio"].isna().all()
