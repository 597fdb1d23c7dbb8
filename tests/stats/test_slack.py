"""Experiments plan more replicates than a claim needs: a failed process silences no case."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from stats.estimates.analysis import analyse
from stats.estimates.verdict import MIN_PAIRS
from stats.tidy.run import CASE, read_run
from tests.stats.synthetic import Plan, write_run

EXPERIMENTS = sorted((Path(__file__).parents[2] / "experiments").glob("*.toml"))
SLACK = 2


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_a_pass_that_may_claim_has_replicates_to_spare(path: Path) -> None:
    counts = tomllib.loads(path.read_text(encoding="utf-8"))["replicates"]
    for name, count in counts.items():
        assert count < MIN_PAIRS or count >= MIN_PAIRS + SLACK, name


@pytest.mark.parametrize("status", ["crash", "oom", "timeout"])
def test_a_failed_baseline_costs_one_pair_of_its_case(tmp_path: Path, status: str) -> None:
    plan = Plan(passes={"time": MIN_PAIRS + SLACK}, failures={"ptmalloc": status})
    analysis = analyse(read_run(write_run(tmp_path / "run", plan)))
    rows = analysis.contestants(analysis.metric_table("wall_s"))
    pairs = rows.groupby(CASE)["n"].agg(["min", "max"])
    assert sorted(pairs["min"]) == [MIN_PAIRS + SLACK - 1, *[MIN_PAIRS + SLACK] * (len(pairs) - 1)]
    assert (pairs["min"] == pairs["max"]).all()
    assert not rows["verdict"].str.contains("not compared").any()
