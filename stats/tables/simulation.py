"""What the procedure does on a run's noise, as a table."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from stats import units
from stats.errors import DataError
from stats.estimates.analysis import Analysis
from stats.estimates.pairing import pair, with_baseline
from stats.estimates.simulation import SCENARIOS, SIZES, Noise, Outcome, noise_of, simulate
from stats.tables.table import Table

SEED = 11
SIZE_TEXTS = ", ".join(f"{100 * size:g}" for size in SIZES)
COLUMNS = [
    "noise",
    "runs with a false claim where nothing differs",
    "runs with a false headline",
    "false among claimed rows",
    "false among equivalent rows",
    "intervals that hold the truth",
    f"rows found at {SIZE_TEXTS} %",
    f"headlines found at {SIZE_TEXTS} %",
]


def noise_of_run(analysis: Analysis) -> Noise:
    """The noise of a run's primary metrics. Raises DataError where no row has enough pairs."""
    names = [a.name for a in analysis.allocators.values() if a.is_contestant]
    primary = [m.name for m in analysis.metrics if m.primary]
    work = analysis.compared
    rows = work[work["metric"].isin(primary) & work["allocator"].isin(names)]
    noise = noise_of(pair(rows, with_baseline(analysis.baseline)))
    if noise.rows.empty:
        raise DataError("the run has too few pairs to take its noise from; help: name another run")
    return noise


def simulation_table(analysis: Analysis, runs: int) -> Table:
    """One row per scenario, from `runs` simulated runs in which nothing differs and a fourth as many
    with planted differences.
    """
    work = partial(
        simulate,
        noise_of_run(analysis),
        registry=analysis.metrics,
        limits=analysis.limits,
        runs=runs,
        seed=SEED,
    )
    with ProcessPoolExecutor(min(len(SCENARIOS), os.cpu_count() or 1)) as pool:
        outcomes = list(pool.map(work, SCENARIOS))
    frame = pd.DataFrame([_texts(outcome) for outcome in outcomes], columns=COLUMNS)
    raw = pd.DataFrame([_numbers(outcome) for outcome in outcomes])
    sure = units.percent(float(np.sqrt(0.05 * 0.95 / runs)))
    notes = [
        f"{runs} simulated runs in which nothing differs and {runs // 4} with planted differences in "
        f"each line; if the first column is 5 %, its standard error is {sure}."
    ]
    return Table("simulation", "False claims and power, simulated", frame, raw, notes)


def _numbers(outcome: Outcome) -> dict[str, Any]:
    null, mixed = outcome.null, outcome.mixed
    found = {
        kind: [mixed.power(f"{kind} {size}") for size in SIZES] for kind in ("row", "headline")
    }
    return {
        "noise": outcome.scenario.name,
        "false_claim": null.any_claim / null.runs,
        "false_headline": (null.false_headline + mixed.false_headline) / (null.runs + mixed.runs),
        "false_share": mixed.false_share / mixed.runs,
        "false_equivalent": mixed.false_equivalent / mixed.runs,
        "coverage": (null.covered + mixed.covered) / (null.intervals + mixed.intervals),
        "rows": found["row"],
        "headlines": found["headline"],
    }


def _texts(outcome: Outcome) -> list[str]:
    numbers = _numbers(outcome)
    texts = [outcome.scenario.name]
    for value in list(numbers.values())[1:]:
        shares = value if isinstance(value, list) else [value]
        texts.append(", ".join(f"{100 * share:.1f}" for share in shares) + " %")
    return texts
