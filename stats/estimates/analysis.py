"""A run with everything that is derived from it, computed once and handed to tables, figures and
the report.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from records.record import Record, case_of
from stats.errors import DataError
from stats.estimates.noise_floor import floors
from stats.estimates.paired_ratio import PairedLogRatio
from stats.estimates.pairing import Pairing, home_values
from stats.estimates.verdict import DELTA, Judge
from stats.load import CELL, Run, read_run, tidy
from stats.tidy.allocators import LIMIT_WORD, TWIN_WORD, Actor, cast_of
from stats.tidy.labels import Case, Cell, case_labels, cell_labels
from stats.tidy.metrics import Registry, registry
from stats.tidy.net import EMPTY, net_rows

DEFAULT_BASELINE = "ptmalloc"


@dataclass(frozen=True)
class Study:
    """One run, analysed, or (after `only`) the part of it that is about one workload.

    table   the whole run's tidy table with the `_net` rows
    work    the tidy rows of home passes, without the `empty` calibration program
    judged  estimates with verdicts;  twins, floors: those of the A/A cells
    cast    every allocator of the run, in the order of tables and legends
    cells, cases   labels of the situations, and of the (workload, params), in this view
    """

    run: Run
    metrics: Registry
    table: pd.DataFrame
    work: pd.DataFrame
    judged: pd.DataFrame
    twins: pd.DataFrame
    floors: pd.Series
    baseline: str
    delta: float
    cast: dict[str, Actor]
    cells: dict[Cell, str]
    cases: dict[Case, str]

    def only(self, case: Case) -> Study:
        """The same study narrowed to one (workload, params); verdicts stay those of the whole run."""
        return self._narrowed[case]

    @cached_property
    def _narrowed(self) -> dict[Case, Study]:
        records: dict[Case, list[Record]] = {case: [] for case in self.cases}
        for record in self.run.records:
            if record["workload"] != EMPTY:
                records[record["workload"], record["params"]].append(record)
        work, judged = _by_case(self.work), _by_case(self.judged)
        return {
            case: replace(
                self,
                run=replace(self.run, records=records[case]),
                work=work.get(case, self.work.head(0)),
                judged=judged.get(case, self.judged.head(0)),
                cells={cell: name for cell, name in self.cells.items() if cell[:2] == case},
                cases={case: label},
            )
            for case, label in self.cases.items()
        }

    def records(self, pass_name: str, cell: Cell | None = None) -> list[Record]:
        """The ok records of a pass in this view, or in one cell of it."""
        shown = [r for r in self.run.ok(pass_name) if r["workload"] != EMPTY]
        return [r for r in shown if cell in (None, case_of(r))]

    def metric_table(self, name: str) -> pd.DataFrame:
        """This view's estimates of one metric, in the order of cells and cast."""
        return self.in_order(self.judged[self.judged["metric"] == name])

    def contestants(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Those of `rows` that are about allocators on which verdicts are passed."""
        names = [actor.name for actor in self.cast.values() if actor.is_contestant]
        return rows[rows["allocator"].isin(names)]

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
        """Median of a metric over the blocks, by (workload, params, threads, allocator)."""
        rows = self.work[self.work["metric"] == name]
        return rows.groupby([*CELL, "allocator"], sort=False)["value"].median()

    def has(self, *names: str) -> bool:
        """Whether this view holds values of all these metrics."""
        return set(names) <= self._measured

    @cached_property
    def _measured(self) -> set[str]:
        return set(self.work["metric"].unique())


def _by_case(rows: pd.DataFrame) -> dict[Case, pd.DataFrame]:
    grouped = rows.groupby(["workload", "params"], sort=False)
    return {(str(w), str(p)): part for (w, p), part in grouped}


def _situations(run: Run) -> pd.DataFrame:
    """The cells of a run in the order of its experiment's file: blocks run them in random order."""
    definition = run.manifest.get("definition") or {}
    planned = [*definition.get("workload", []), *definition.get("command", [])]
    place = {entry.get("name"): i for i, entry in reversed(list(enumerate(planned)))}
    cells = {case_of(r) for r in run.records if r["workload"] != EMPTY}
    ordered = sorted(cells, key=lambda cell: (place.get(cell[0], len(place)), *cell))
    return pd.DataFrame(ordered, columns=CELL)


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
    return analyse(run, baseline, float(planned) if delta is None else delta)


def analyse(run: Run, baseline: str | None = None, delta: float = DELTA) -> Study:
    """Everything that can be estimated from `run`. Raises DataError for a metric that metrics.toml
    does not know.
    """
    metrics = registry()
    table = tidy(run.records, metrics)
    table = pd.concat([table, net_rows(table, metrics)], ignore_index=True)
    base = choose_baseline(run, baseline)
    cast = cast_of([r["allocator"] for r in run.records], base, run.manifest)
    work = home_values(table[table["workload"] != EMPTY], metrics)
    judged_values = work[work["metric"].isin([m.name for m in metrics if m.judged])]
    estimator = PairedLogRatio()
    twins = estimator(Pairing(base, twins=True)(judged_values))
    noise = floors(twins)
    judge = Judge(metrics, noise, not_judged(cast), delta)
    judged = judge(estimator(Pairing(base)(judged_values)))
    cells = cell_labels(_situations(run))
    cases = case_labels(cell[:2] for cell in cells)
    return Study(run, metrics, table, work, judged, twins, noise, base, delta, cast, cells, cases)
