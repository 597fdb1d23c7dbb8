"""Which verdict an estimate gets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from stats.estimates.analysis import Analysis
from stats.estimates.noise_floor import KEY, differences, noise_floors
from stats.estimates.paired_ratio import PairedLogRatio
from stats.estimates.verdict import SAME, TOO_FEW, Verdicts, adjust, holm, withheld
from stats.tidy.metrics import parse_registry, registry
from tests.stats.simulation import pairs_of

CASE = {"params": "", "threads": 1, "workload": "w"}


def estimate(
    ratio: float, half: float, n: int = 20, p: float = 1e-6, **changes: object
) -> dict[str, object]:
    """One row as `PairedLogRatio` gives it: a log interval of +-`half` around `ratio`."""
    effect = np.log(ratio)
    ends = {
        "low": effect - half,
        "high": effect + half,
        "low90": effect - 0.83 * half,
        "high90": effect + 0.83 * half,
    }
    row = {"metric": "wall_s", **CASE, "allocator": "x", "n": n, "effect": effect, "ratio": ratio}
    row |= {k: np.exp(v) for k, v in ends.items()} | {"p": p, "p_yuen": p, "p_wilcoxon": p}
    return row | changes


def floor_at(value: float, **where: object) -> pd.Series:
    """A noise floor as `floors` gives it, of the metric and case that `estimate` has by default."""
    key = {"metric": "wall_s", **CASE} | where
    return pd.Series([value], pd.MultiIndex.from_tuples([tuple(key[k] for k in KEY)], names=KEY))


def with_verdicts(*rows: dict[str, object], **options: object) -> pd.DataFrame:
    return Verdicts(registry(), **options)(pd.DataFrame(rows))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("row", "verdict", "good"),
    [
        (estimate(0.9, 0.01), "faster", 1),
        (estimate(1.1, 0.01), "slower", -1),
        (estimate(1.1, 0.01, metric="ops_per_s"), "faster", 1),
        (estimate(1.1, 0.01, metric="rss_peak_bytes"), "larger", -1),
        (estimate(0.9, 0.01, metric="kernel_memory_calls"), "fewer", 1),
        (estimate(0.9, 0.01, n=19), TOO_FEW, 0),
        (estimate(1.0, 0.005, n=19, p=0.9), TOO_FEW, 0),
        (estimate(1.015, 0.004), SAME, 0),  # certain, but under delta
        (
            estimate(1.018, 0.010),
            "inconclusive",
            0,
        ),  # certain, under delta, and not surely inside it
        (estimate(1.1, 0.2), "inconclusive", 0),  # the interval holds 1
        (estimate(1.1, 0.01, p=0.2), "inconclusive", 0),  # the p value is not small
        (estimate(1.0, 0.01, p=0.9), SAME, 0),
        (estimate(1.0, 0.03, p=0.9), "inconclusive", 0),
    ],
)
def test_verdict(row: dict[str, object], verdict: str, good: int) -> None:
    table = with_verdicts(row)
    assert (table["verdict"][0], table["good"][0]) == (verdict, good)


def test_the_noise_floor_forbids_smaller_claims() -> None:
    row = estimate(1.05, 0.01)
    floor = floor_at(0.06)
    assert with_verdicts(row)["verdict"][0] == "slower"
    assert with_verdicts(row, floors=floor)["verdict"][0] == "inconclusive"
    assert with_verdicts(row, floors=floor)["delta"][0] == 0.06
    assert with_verdicts(row, floors=floor_at(0.06, metric="sys_s"))["verdict"][0] == "slower"
    assert with_verdicts(row, floors=floor_at(0.06, threads=2))["verdict"][0] == "slower"


def test_same_is_given_within_a_raised_delta_up_to_a_bound() -> None:
    row = estimate(1.018, 0.005)
    assert with_verdicts(row)["verdict"][0] == "inconclusive"
    assert with_verdicts(row, floors=floor_at(0.04))["verdict"][0] == SAME
    assert with_verdicts(row, floors=floor_at(0.5))["verdict"][0] == "inconclusive"


def test_a_floor_under_delta_does_not_lower_it() -> None:
    assert with_verdicts(estimate(1.015, 0.001), floors=floor_at(0.001))["verdict"][0] == SAME


def test_reference_allocators_and_the_copy_get_their_own_word() -> None:
    table = with_verdicts(
        estimate(0.5, 0.01, allocator="bump"), without_verdict={"bump": "(reference)"}
    )
    assert table["verdict"][0] == "(reference)"
    assert np.isnan(table["p_adj"][0])


def test_holm_multiplies_by_the_number_of_hypotheses_left() -> None:
    table = pd.DataFrame({"metric": "wall_s", "p": [0.01, 0.02, 0.04, 0.001]})
    adjusted = holm(table, pd.Series([True, True, True, False]))
    assert list(adjusted[:3]) == pytest.approx([0.03, 0.04, 0.04])
    assert np.isnan(adjusted[3])


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_is_that_of_statsmodels(p: list[float]) -> None:
    values = np.array(p)
    assert adjust(values) == pytest.approx(multipletests(values, method="holm")[1])


def test_each_metric_is_a_family_of_its_own() -> None:
    rows = [estimate(0.9, 0.01, p=0.03, allocator=f"a{i}") for i in range(3)]
    rows.append(estimate(0.9, 0.01, p=0.03, metric="sys_s"))
    assert list(with_verdicts(*rows)["p_adj"]) == pytest.approx([0.09, 0.09, 0.09, 0.03])


def test_a_test_that_contradicts_a_claim_is_named() -> None:
    table = with_verdicts(estimate(0.9, 0.01, p_yuen=0.3), estimate(0.9, 0.01, allocator="y"))
    assert list(table["checks"]) == ["Yuen", ""]


def test_a_floor_is_the_larger_interval_end_of_its_cell() -> None:
    aa_pairs = pd.DataFrame(
        [
            estimate(1.0, 0.01),
            estimate(1.02, 0.02, workload="v"),
            estimate(1.0, np.nan, metric="sys_s"),
        ]
    )
    found = noise_floors(aa_pairs)
    assert found["wall_s", "v"].item() == pytest.approx(1.02 * np.exp(0.02) - 1)
    assert found["wall_s", "w"].item() == pytest.approx(np.exp(0.01) - 1)
    assert "sys_s" not in found


def test_a_copy_that_differs_is_reported() -> None:
    aa_pairs = pd.DataFrame([estimate(1.05, 0.01), estimate(1.0, 0.01, p=0.9)])
    assert list(differences(aa_pairs, 0.02)["differs"]) == [True, False]


def test_the_planted_run_gets_the_right_verdicts(planted: Analysis) -> None:
    rows = planted.metric_table("wall_s")
    verdicts = {name: set(group["verdict"]) for name, group in rows.groupby("allocator")}
    assert verdicts["jemalloc"] == verdicts["slotmalloc"] == {"faster"}
    assert verdicts["mimalloc"] == {
        "slower",
        TOO_FEW,
    }  # one replicate was lost to the planted crash
    assert verdicts["ptmalloc#2"] == {"(A/A copy)"}
    assert verdicts["bump"] == {"(reference)"}


def test_equal_allocators_are_claimed_to_differ_in_few_runs() -> None:
    """400 runs of 12 equal contestants and an A/A pair: some claim is made in fewer than 5 % of
    them.

    Each run is a metric of its own, since a metric is the family of Holm's correction.
    """
    runs, contestants, replicates = 400, 12, 20
    entry = 'unit="s"\npass="time"\ndirection="lower"\nmeaning="."\n'
    metrics = parse_registry("".join(f"[metric.m{i}_s]\n{entry}" for i in range(runs)))
    d = np.random.default_rng(11).normal(0, 0.014, (runs * (contestants + 1), replicates))
    pairs = pairs_of(d)
    case = np.repeat(np.arange(len(d)), replicates)
    pairs["metric"] = [f"m{i}_s" for i in case // (contestants + 1)]
    pairs["allocator"] = [f"a{i}" for i in case % (contestants + 1)]
    estimates = PairedLogRatio()(pairs.assign(workload="w"))
    is_copy = estimates["allocator"] == f"a{contestants}"
    table = Verdicts(metrics, noise_floors(estimates[is_copy]))(estimates[~is_copy])
    claims = table.groupby("metric")["good"].any()
    assert len(claims) == runs
    assert claims.mean() < 0.05


def test_what_only_the_correction_withholds_is_counted() -> None:
    rows = [
        estimate(0.9, 0.01, p=1e-9, workload="sure"),
        estimate(0.9, 0.05, p=0.03, workload="lost"),  # 0.06 among the two that are left
        estimate(0.999, 0.0005, p=0.03, workload="too small to be lost"),
    ]
    assert withheld(with_verdicts(*rows)) == 1
    assert withheld(with_verdicts(rows[1])) == 0
