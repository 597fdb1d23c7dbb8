"""False claims, coverage and power of the whole procedure on the noise of a stored run."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from scipy import stats

from records.record import Record
from stats.estimates.procedure import Procedure
from stats.estimates.simulation import SCENARIOS, Noise, Outcome, Scenario, planted, simulate
from stats.estimates.verdict import Limits
from stats.tables.simulation import COLUMNS, noise_of_run
from stats.tidy.metrics import registry

TREE = Path(__file__).parents[2]
RUNS = 40


@pytest.fixture(scope="module")
def noise() -> Noise:
    """The noise of wall and CPU time in the reference suite."""
    from stats.estimates.analysis import analyse
    from stats.tidy.run import read_run

    run = read_run(TREE / "results/reference/suite")
    primary = {m.name for m in registry() if m.primary}
    records = [
        {**record, "metrics": {k: v for k, v in record["metrics"].items() if k in primary}}
        for record in run.records
        if record["pass"] == "time"
    ]
    return noise_of_run(analyse(replace(run, records=cast(list[Record], records))))


run_scenario = partial(simulate, registry=registry(), limits=Limits(), seed=5)


def at_most(share: float, runs: int) -> int:
    """What a count of runs exceeds in one test of a thousand if its true share is `share`."""
    return int(stats.binom.ppf(0.999, runs, share))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.name)
def test_false_claims_are_rare_and_intervals_hold(noise: Noise, scenario: Scenario) -> None:
    outcome: Outcome = run_scenario(noise, scenario, runs=RUNS)
    null, mixed = outcome.null, outcome.mixed
    assert null.any_claim <= at_most(0.05, RUNS)
    assert null.false_headline + mixed.false_headline <= at_most(0.05, RUNS + RUNS // 4)
    assert mixed.false_share / mixed.runs <= 0.05
    assert mixed.false_equivalent / mixed.runs <= 0.05
    covered = (null.covered + mixed.covered) / (null.intervals + mixed.intervals)
    assert 0.93 <= covered <= 0.97


def test_the_simulation_sees_a_procedure_that_corrects_nothing(
    noise: Noise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Procedure, "adjusted", lambda _, p: p)
    outcome = run_scenario(noise, SCENARIOS[0], runs=8)
    assert outcome.null.any_claim == 8
    assert outcome.mixed.false_share / outcome.mixed.runs > 0.03


def test_the_simulation_sees_intervals_that_are_too_short(
    noise: Noise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stats.estimates.paired_ratio.CONFIDENCE", 0.90)
    null = run_scenario(noise, SCENARIOS[0], runs=4).null
    assert null.covered / null.intervals < 0.93


def test_planted_differences_are_of_every_kind(noise: Noise) -> None:
    truth = planted(noise.rows, np.random.default_rng(1))
    by_allocator = noise.rows.assign(truth=truth).groupby("allocator")["truth"]
    uniform = by_allocator.first()[by_allocator.nunique() == 1]
    assert sorted(np.expm1(uniform).round(6)) == [0, 0, 0, 0, 0.02, 0.05, 0.10]
    assert (by_allocator.nunique() > 3).sum() == 2
    twice = noise.rows.assign(truth=truth).groupby(["workload", "params", "threads", "allocator"])
    assert (twice["truth"].nunique() == 1).all()  # wall and CPU time of a cell differ alike


def test_the_table_in_the_document_keeps_what_the_method_promises() -> None:
    text = (TREE / "docs/method.md").read_text(encoding="utf-8")
    names = [scenario.name for scenario in SCENARIOS]
    rows = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("| ")]
    table = {row[0].strip(): row for row in rows if row[0].strip() in names}
    assert sorted(table) == sorted(names)
    for row in table.values():
        assert len(row) == len(COLUMNS)
        numbers = [float(found[0]) for cell in row[1:6] if (found := re.search(r"[\d.]+", cell))]
        *false, coverage = numbers
        assert max(false) <= 5.0
        assert 93 <= coverage <= 97
