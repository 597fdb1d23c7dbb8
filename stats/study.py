"""A run with everything that is derived from it, computed once and handed to tables, figures and
the report.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from stats.cast import LIMIT_WORD, TWIN_WORD, Actor, cast_of
from stats.errors import DataError
from stats.estimate import PairedLogRatio
from stats.labels import Case, Cell, case_labels, cell_labels
from stats.load import CELL, Run, read_run, tidy
from stats.metrics import Registry, registry
from stats.net import EMPTY, net_rows
from stats.noise import floors
from stats.pairing import Pairing, home_values
from stats.records import Record
from stats.verdict import DELTA, Judge

DEFAULT_BASELINE = "ptmalloc"


@dataclass(frozen=True)
class Study:
    """One run, analysed. `table` is the tidy table with the `_net` rows; `only` narrows the view to
    one workload's case.
    """

    run: Run
    metrics: Registry
    table: pd.DataFrame
    baseline: str
    judged: pd.DataFrame
    twins: pd.DataFrame
    floors: pd.Series
    delta: float = DELTA
    case: Case | None = None

    @cached_property
    def work(self) -> pd.DataFrame:
        """The tidy rows of home passes without the `empty` calibration program, of this view's
        case.
        """
        return self._narrow(home_values(self.table[self.table["workload"] != EMPTY], self.metrics))

    @cached_property
    def estimates(self) -> pd.DataFrame:
        """The judged estimates of this view."""
        return self._narrow(self.judged)

    @cached_property
    def cast(self) -> dict[str, Actor]:
        """Every allocator of the run, in the order of tables and legends."""
        return cast_of([r["allocator"] for r in self.run.records], self.baseline, self.run.manifest)

    @cached_property
    def cells(self) -> dict[Cell, str]:
        """Labels of the situations in this view."""
        every = cell_labels(_situations(self.run.records))
        return {cell: label for cell, label in every.items() if self.case in (None, cell[:2])}

    @cached_property
    def cases(self) -> dict[Case, str]:
        """Labels of the (workload, params) in this view."""
        every = case_labels((w, p) for w, p, _ in cell_labels(_situations(self.run.records)))
        return {case: label for case, label in every.items() if self.case in (None, case)}

    def only(self, case: Case) -> Study:
        """The same study narrowed to one (workload, params); verdicts stay those of the whole run."""
        return replace(self, case=case)

    def records(self, pass_name: str, cell: Cell | None = None) -> list[Record]:
        """The ok records of a pass in this view, or in one cell."""
        return [
            r for r in self.run.ok(pass_name) if r["workload"] != EMPTY and self._shows(r, cell)
        ]

    def metric_table(self, name: str) -> pd.DataFrame:
        """This view's estimates of one metric, in the order of cells and cast."""
        rows = self.estimates[self.estimates["metric"] == name]
        return self.in_order(rows)

    def in_order(self, rows: pd.DataFrame) -> pd.DataFrame:
        """`rows` (with cell and allocator columns) sorted by cell, then by cast."""
        place = {c: i for i, c in enumerate(self.cells)}
        actor = {a: i for i, a in enumerate(self.cast)}
        keys = [
            (place.get((w, p, t), len(place)), actor.get(a, len(actor)))
            for w, p, t, a in rows[[*CELL, "allocator"]].itertuples(index=False)
        ]
        return rows.iloc[sorted(range(len(keys)), key=keys.__getitem__)]

    def medians(self, name: str) -> pd.Series:
        """Median of a metric over the blocks of its home pass, by (workload, params, threads,
        allocator).
        """
        rows = self.work[self.work["metric"] == name]
        return rows.groupby([*CELL, "allocator"], sort=False)["value"].median()

    def has(self, *names: str) -> bool:
        """Whether this view holds values of all these metrics."""
        return set(names) <= set(self.work["metric"].unique())

    def _shows(self, record: Record, cell: Cell | None) -> bool:
        where = (record["workload"], record["params"], record["threads"])
        return where == cell if cell else self.case in (None, where[:2])

    def _narrow(self, rows: pd.DataFrame) -> pd.DataFrame:
        if self.case is None:
            return rows
        workload, params = self.case
        return rows[(rows["workload"] == workload) & (rows["params"] == params)]


def _situations(records: list[Record]) -> pd.DataFrame:
    rows = [[r[c] for c in CELL] for r in records if r["workload"] != EMPTY]
    return pd.DataFrame(rows, columns=CELL)


def choose_baseline(run: Run, asked: str | None = None) -> str:
    """The denominator of ratios: what was asked for, else the experiment's, else ptmalloc, else the
    first allocator.
    """
    names = list(dict.fromkeys(r["allocator"] for r in run.records))
    planned = run.manifest.get("baseline")
    return next((str(n) for n in (asked, planned, DEFAULT_BASELINE) if n in names), names[0])


def not_judged(cast: dict[str, Actor]) -> dict[str, str]:
    """The allocators that get no verdict, and the word that stands in its place."""
    return {
        a.name: LIMIT_WORD if a.is_limit else TWIN_WORD
        for a in cast.values()
        if not a.is_contestant
    }


def open_study(path: Path, baseline: str | None = None, delta: float | None = None) -> Study:
    """Read and analyse a run directory; `delta` None means the experiment's, else 2 %. Raises
    DataError.
    """
    run = read_run(path)
    names = {r["allocator"] for r in run.records}
    if baseline and baseline not in names:
        raise DataError(
            f"{path} has no allocator '{baseline}'. Cure: pick one of {', '.join(sorted(names))}"
        )
    planned = (run.manifest.get("definition") or {}).get("delta", DELTA)
    return analyse(run, baseline, delta or float(planned))


def analyse(run: Run, baseline: str | None = None, delta: float = DELTA) -> Study:
    """Everything that can be estimated from `run`. Raises DataError for a metric that metrics.toml
    does not know.
    """
    metrics = registry()
    table = tidy(run.records, metrics)
    table = pd.concat([table, net_rows(table, metrics)], ignore_index=True)
    base = choose_baseline(run, baseline)
    judged_values = home_values(table[table["workload"] != EMPTY], metrics)
    judged_values = judged_values[judged_values["metric"].map(lambda name: metrics[name].judged)]
    estimator = PairedLogRatio()
    twins = estimator(Pairing(base, twins=True)(judged_values))
    noise = floors(twins)
    cast = cast_of([r["allocator"] for r in run.records], base, run.manifest)
    judge = Judge(metrics, noise, not_judged(cast), delta)
    judged = judge(estimator(Pairing(base)(judged_values)))
    return Study(run, metrics, table, base, judged, twins, noise, delta)
