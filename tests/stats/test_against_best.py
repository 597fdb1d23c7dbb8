"""One allocator against the best of the others."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stats.errors import DataError
from stats.estimates.analysis import Analysis, analyse
from stats.tables.against_best import (
    against_best,
    compared_metrics,
    counts,
    rows_table,
    summary_table,
)
from stats.tidy.run import Run
from tests.stats.synthetic import base_record


def study_of(path: Path, metric: str, levels: dict[str, list[float]], pass_name: str) -> Analysis:
    """A run of one case in which each allocator has these values, one per replicate."""
    records = [
        base_record(f"{name}-{replicate}", replicate, name, "w", "", 1, pass_name)
        | {"metrics": {metric: value}}
        for name, values in levels.items()
        for replicate, value in enumerate(values)
    ]
    return analyse(Run(path, {}, {}, records))


def test_each_case_has_its_own_best(planted: Analysis) -> None:
    rows = against_best(planted, "slotmalloc", planted.metrics["wall_s"])
    assert list(rows["best"]) == ["jemalloc"] * len(planted.cases)
    assert (rows["low"] < 0.6 / 0.7).all()
    assert (rows["high"] > 0.6 / 0.7).all()
    assert rows["ratio"].to_numpy() == pytest.approx(0.6 / 0.7, rel=0.02)


def test_reference_allocators_and_copies_do_not_take_part(planted: Analysis) -> None:
    rows = against_best(planted, "jemalloc", planted.metrics["wall_s"])
    assert set(rows["best"]) == {"slotmalloc"}  # and not bump, which is faster
    with pytest.raises(DataError, match=r"no contestant 'bump'"):
        against_best(planted, "bump", planted.metrics["wall_s"])


def test_pairing_removes_what_a_replicate_shares(tmp_path: Path) -> None:
    drift = np.array([1.0, 3.0, 10.0, 0.2])
    levels = {"ptmalloc": list(2 * drift), "mine": list(3 * drift), "other": list(4 * drift)}
    analysis = study_of(tmp_path, "wall_s", levels, "time")
    row = against_best(analysis, "mine", analysis.metrics["wall_s"]).iloc[0]
    assert (row["best"], row["n"]) == ("ptmalloc", 4)
    assert [row["low"], row["ratio"], row["high"]] == pytest.approx([1.5, 1.5, 1.5])


def test_where_more_is_better_a_ratio_above_one_is_a_loss_too(tmp_path: Path) -> None:
    levels = {"ptmalloc": [50.0, 51.0], "mine": [100.0, 102.0], "other": [200.0, 204.0]}
    analysis = study_of(tmp_path, "ops_per_s", levels, "time")
    row = against_best(analysis, "mine", analysis.metrics["ops_per_s"]).iloc[0]
    assert (row["best"], row["ratio"]) == ("other", pytest.approx(2.0))


@pytest.mark.parametrize(
    ("mine", "other", "ratio"), [(5.0, 0.0, math.inf), (0.0, 0.0, 1.0), (0.0, 5.0, 0.0)]
)
def test_zero_is_the_best_that_there_is(
    tmp_path: Path, mine: float, other: float, ratio: float
) -> None:
    levels = {"ptmalloc": [9.0, 9.0], "mine": [mine, mine], "other": [other, other]}
    analysis = study_of(tmp_path, "minor_faults", levels, "time")
    row = against_best(analysis, "mine", analysis.metrics["minor_faults"]).iloc[0]
    assert (row["best"], row["ratio"]) == ("other", ratio)
    assert math.isnan(row["low"])


def test_wins_ties_and_losses_are_counted_and_the_mean_leaves_infinities_out() -> None:
    rows = pd.DataFrame(
        {
            "ratio": [0.5, 0.9, 1.04, 0.96, 1.2, 2.0, math.inf],
            "low": [0.4, 0.8, 1.03, 0.9, 0.9, 1.5, math.nan],
            "high": [0.6, 1.1, 1.05, 1.1, 1.6, 2.6, math.nan],
        }
    )
    counted = counts(rows)
    assert [counted[k] for k in ("cases", "wins", "close", "losses")] == [7, 2, 2, 3]
    assert (counted["sure_wins"], counted["sure_losses"]) == (1, 1)
    expected = np.prod(rows["ratio"][:6]) ** (1 / 6)
    assert (counted["geomean"], counted["left_out"]) == (pytest.approx(expected), 1)
    assert counted["worst"]["ratio"] == math.inf


def test_the_tables_name_the_worst_row_and_the_bias(planted: Analysis) -> None:
    metrics = compared_metrics(planted)
    table = summary_table(planted, "mimalloc", metrics)
    wall = table.frame[table.frame["metric"] == "wall_s"].iloc[0]
    assert (wall["wins"], wall["within 5 %"], wall["losses"]) == ("0 (0)", "0", "4 (4)")
    assert wall["worst row"].endswith("slotmalloc")
    assert "biased against mimalloc" in table.notes[1]
    assert len(rows_table(planted, "mimalloc", metrics).frame) == 4 * len(metrics)
