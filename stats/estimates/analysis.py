"""A run with its tidy table, estimates and verdicts, computed once for tables, figures and report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from records.record import EMPTY, Record, case_of
from stats import units
from stats.errors import DataError
from stats.estimates.comparison import Comparison, compare
from stats.estimates.driver import with_driver
from stats.estimates.pairing import (
    control_with_undelayed,
    copy_with_original,
    values_of_own_pass,
    with_baseline,
)
from stats.estimates.selftest import Finding, judge_controls, judge_copies
from stats.estimates.verdict import DELTA, MARGIN, Limits
from stats.tidy.allocators import Allocator, allocators_of, slowdowns_in
from stats.tidy.labels import Case, Setting, case_labels, setting_labels
from stats.tidy.marks import chosen_afterwards
from stats.tidy.metrics import Registry, registry
from stats.tidy.net import net_rows
from stats.tidy.run import CASE, Run, read_run, tidy

DEFAULT_BASELINE = "ptmalloc"
CLOCK_STEP = "clock_quantum_ns"


@dataclass(frozen=True)
class Analysis:
    """One run, analysed, or (after `only`) the part of it that is about one workload setting.

    table       the whole run's tidy table with the `_net` rows
    work        the rows of `table` that are compared: of each metric's own pass, without `empty`
    compared    the values of `work` that ratios are made of
    estimates   ratios to the baseline with intervals and verdicts
    headlines   the geometric means of those ratios with intervals and verdicts, of the whole run
    copies      the A/A copies against their originals, judged by the same procedure
    controls    the slowed allocators against the same ones without delay, likewise
    limits      the smallest effect that is claimed and the margin of equivalence
    allocators  every allocator of the run, in the order of tables and legends
    cases       the label of each (workload, params, threads) in this view
    settings    the label of each (workload, params) in this view
    """

    run: Run
    metrics: Registry
    table: pd.DataFrame
    work: pd.DataFrame
    compared: pd.DataFrame
    estimates: pd.DataFrame
    headlines: pd.DataFrame
    copies: Comparison
    controls: Comparison
    baseline: str
    limits: Limits
    allocators: dict[str, Allocator]
    cases: dict[Case, str]
    settings: dict[Setting, str]

    def only(self, setting: Setting) -> Analysis:
        """The part about one (workload, params); verdicts stay those of the whole run."""
        return self._by_setting[setting]

    @cached_property
    def _by_setting(self) -> dict[Setting, Analysis]:
        records: dict[Setting, list[Record]] = {setting: [] for setting in self.settings}
        for record in self.run.records:
            if record["workload"] != EMPTY:
                records[record["workload"], record["params"]].append(record)
        work, estimates = _split(self.work), _split(self.estimates)
        return {
            setting: replace(
                self,
                run=replace(self.run, records=records[setting]),
                work=work.get(setting, self.work.head(0)),
                estimates=estimates.get(setting, self.estimates.head(0)),
                cases={case: name for case, name in self.cases.items() if case[:2] == setting},
                settings={setting: label},
            )
            for setting, label in self.settings.items()
        }

    def records(self, pass_name: str, case: Case | None = None) -> list[Record]:
        """The ok records of a pass in this view, or in one case of it."""
        shown = [r for r in self.run.ok(pass_name) if r["workload"] != EMPTY]
        return [r for r in shown if case in (None, case_of(r))]

    def metric_table(self, name: str) -> pd.DataFrame:
        """This view's estimates of one metric, in the order of cases and allocators."""
        return self.in_order(self.estimates[self.estimates["metric"] == name])

    def headline_table(self, name: str) -> pd.DataFrame:
        """The run's headlines of one metric, in the order of allocators."""
        rows = self.headlines[self.headlines["metric"] == name]
        rank = {allocator: i for i, allocator in enumerate(self.allocators)}
        return rows.sort_values("allocator", key=lambda names: names.map(rank), kind="stable")

    @cached_property
    def findings(self) -> list[Finding]:
        """What the A/A copy and the positive control say about this run."""
        slowdowns = slowdowns_in(self.run.manifest)
        return [
            *judge_copies(self.copies, self.metrics, self.limits),
            *judge_controls(self.controls, slowdowns, self.metrics, self.limits),
        ]

    def contestants(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Those of `rows` that are about allocators that get verdicts."""
        names = [a.name for a in self.allocators.values() if a.is_contestant]
        return rows[rows["allocator"].isin(names)]

    def in_order(self, rows: pd.DataFrame) -> pd.DataFrame:
        """`rows` (with the columns of a case and `allocator`) sorted by case, then by allocator."""
        place = {case: i for i, case in enumerate(self.cases)}
        rank = {name: i for i, name in enumerate(self.allocators)}
        keys = [
            (place.get((w, p, t), len(place)), rank.get(a, len(rank)))
            for w, p, t, a in rows[[*CASE, "allocator"]].itertuples(index=False)
        ]
        return rows.iloc[sorted(range(len(keys)), key=keys.__getitem__)]

    def medians(self, name: str) -> pd.Series:
        """Median of a metric over replicates, by (workload, params, threads, allocator)."""
        rows = self.work[self.work["metric"] == name]
        return rows.groupby([*CASE, "allocator"], sort=False)["value"].median()

    def text(self, name: str, value: float) -> str:
        """A value of the metric `name` with its unit; '< 10 ns' where the clock cannot tell it from
        zero.
        """
        metric = self.metrics[name]
        step = self.clock_step_ns if metric.is_single_time else 0.0
        return units.quantity(value, metric.unit, at_least=step)

    @cached_property
    def clock_step_ns(self) -> float:
        """The step of the clock that timed single operations; 0 where the run does not tell."""
        steps = self.table.loc[self.table["metric"] == CLOCK_STEP, "value"]
        return float(steps.median()) if len(steps) else 0.0

    def has(self, *names: str) -> bool:
        """Whether this view holds values of all these metrics."""
        return set(names) <= self._measured

    @cached_property
    def _measured(self) -> set[str]:
        return set(self.work["metric"].unique())


def _split(rows: pd.DataFrame) -> dict[Setting, pd.DataFrame]:
    grouped = rows.groupby(["workload", "params"], sort=False)
    return {(str(w), str(p)): part for (w, p), part in grouped}


def _cases(run: Run) -> pd.DataFrame:
    """The cases of a run in the order of its experiment's file; records are in random order."""
    definition = run.manifest.get("definition") or {}
    planned = [*definition.get("workload", []), *definition.get("command", [])]
    place = {entry.get("name"): i for i, entry in reversed(list(enumerate(planned)))}
    cases = {case_of(r) for r in run.records if r["workload"] != EMPTY}
    ordered = sorted(cases, key=lambda case: (place.get(case[0], len(place)), *case))
    return pd.DataFrame(ordered, columns=CASE)


def choose_baseline(run: Run, asked: str | None = None) -> str:
    """The denominator of ratios: what was asked for, else the experiment's, else ptmalloc, else the
    first allocator.
    """
    names = list(dict.fromkeys(r["allocator"] for r in run.records))
    planned = run.manifest.get("baseline")
    return next((str(n) for n in (asked, planned, DEFAULT_BASELINE) if n in names), names[0])


def limits_of(run: Run, delta: float | None = None) -> Limits:
    """The experiment's delta (or `delta`) and margin, else the usual ones."""
    planned = run.manifest.get("definition") or {}
    chosen = planned.get("delta", DELTA) if delta is None else delta
    return Limits(float(chosen), float(planned.get("margin", MARGIN)))


def open_analysis(
    path: Path,
    baseline: str | None = None,
    delta: float | None = None,
    accept_changed: bool = False,
) -> Analysis:
    """Read and analyse a run directory; `delta` None means the experiment's, else 2 %. A choice that
    differs from the experiment's marks the run; `accept_changed` as for `read_run`. Raises DataError.
    """
    run = read_run(path, accept_changed)
    names = {r["allocator"] for r in run.records}
    if baseline and baseline not in names:
        raise DataError(
            f"{path} has no allocator '{baseline}'; help: pick one of {', '.join(sorted(names))}"
        )
    marks = chosen_afterwards(
        run.manifest,
        {"baseline": choose_baseline(run), "delta": limits_of(run).delta},
        {"baseline": baseline, "delta": delta},
    )
    return analyse(replace(run, marks=[*run.marks, *marks]), baseline, delta)


def analyse(run: Run, baseline: str | None = None, delta: float | None = None) -> Analysis:
    """Everything that can be estimated from `run`. Raises DataError for a metric that metrics.toml
    does not know.
    """
    metrics = registry()
    table = tidy(run.records, metrics)
    table = pd.concat([table, net_rows(table, metrics)], ignore_index=True)
    base = choose_baseline(run, baseline)
    allocators = allocators_of([r["allocator"] for r in run.records], base, run.manifest)
    work = values_of_own_pass(table[table["workload"] != EMPTY], metrics)
    compared = work[work["metric"].isin([m.name for m in metrics if m.compared])]
    limits = limits_of(run, delta)
    words = {a.name: a.word for a in allocators.values() if not a.is_contestant}
    with_base = compare(compared, with_baseline(base), metrics, limits, words)
    primary = [m.name for m in metrics if m.primary]
    estimates = with_driver(with_base.rows, compared, base, primary)
    copies, controls = (
        compare(compared, partner, metrics, limits)
        for partner in (copy_with_original, control_with_undelayed)
    )
    cases = case_labels(_cases(run))
    settings = setting_labels(case[:2] for case in cases)
    return Analysis(
        run, metrics, table, work, compared, estimates, with_base.headlines, copies, controls,
        base, limits, allocators, cases, settings,
    )  # fmt: skip
