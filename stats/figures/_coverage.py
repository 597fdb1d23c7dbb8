"""What stands behind a figure, which allocators are missing from it, and why.

A figure's `coverage(analysis)` gives a Coverage; `sentences` turns it into the notes below the figure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from records.record import OK, Record, case_of
from stats import units
from stats.estimates.analysis import Analysis
from stats.estimates.verdict import MIN_PAIRS
from stats.tidy.labels import Case
from stats.tidy.reasons import merged
from stats.tidy.run import CASE

T = TypeVar("T")
Cell = tuple[Case, str]  # with the allocator's name
MOST = 6  # names after which a note only counts


@dataclass(frozen=True)
class Coverage:
    """What a figure shows of the cells that it could show.

    cells     the cells that have a mark or a curve, each with the number of values behind it
    passes    the passes whose processes the values come from
    noun      what is counted: pairs, processes
    metrics   the metrics that a cell must have; their `unavailable` says why one is missing
    why       the reason of a cell that is missing though its processes are ok
    asked     the cells that the figure could show; None: all cells of the view without the self-test's
    extra     further sentences
    """

    cells: dict[Cell, int]
    passes: tuple[str, ...]
    noun: str = "processes"
    metrics: tuple[str, ...] = ()
    why: dict[Cell, str] = field(default_factory=dict)
    asked: frozenset[Cell] | None = None
    extra: tuple[str, ...] = ()


def all_cells(
    analysis: Analysis, cases: Iterable[Case] | None = None, with_baseline: bool = True
) -> frozenset[Cell]:
    """The cells of these cases (default: all of the view) and of every allocator but those that only
    the self-test needs.
    """
    names = [a.name for a in analysis.allocators.values() if not a.is_for_selftest]
    names = [n for n in names if with_baseline or n != analysis.baseline]
    return frozenset((c, n) for c in (cases or analysis.cases) for n in names)


def of_ratios(analysis: Analysis, metric: str, log_axis: bool = True) -> Coverage:
    """The coverage of a figure of all ratios of a metric to the baseline. A ratio takes MIN_PAIRS
    pairs, and on a logarithmic axis a value above 0.
    """
    rows = analysis.metric_table(metric)
    columns = [*CASE, "allocator", "n", "ratio"]
    cells, why = {}, {}
    for w, p, t, name, n, ratio in rows[columns].itertuples(index=False):
        cell = (w, p, t), name
        if n < MIN_PAIRS:
            why[cell] = f"not compared, {n} of {MIN_PAIRS} pairs"
        elif log_axis and not 0 < ratio < float("inf"):
            why[cell] = f"a ratio of {units.ratio(ratio)} has no place on this axis"
        else:
            cells[cell] = int(n)
    passes = (analysis.metrics[metric].pass_name,)
    asked = all_cells(analysis, with_baseline=False)
    return Coverage(cells, passes, "pairs", (metric,), why, asked)


def processes_with(analysis: Analysis, *metrics: str) -> dict[Cell, int]:
    """How many processes of each cell have all these metrics: the smallest number of them."""
    found: list[dict[Cell, int]] = []
    for metric in metrics:
        rows = analysis.work[analysis.work["metric"] == metric]
        sizes = rows.groupby([*CASE, "allocator"], sort=False).size().reset_index(name="n")
        found.append(
            {(row[:3], row[3]): row[4] for row in sizes.itertuples(index=False, name=None)}
        )
    return {c: min(f[c] for f in found) for c in found[0] if all(c in f for f in found)}


def sentences(analysis: Analysis, coverage: Coverage) -> list[str]:
    """The notes below a figure."""
    asked = all_cells(analysis) if coverage.asked is None else coverage.asked
    shown = {cell: n for cell, n in coverage.cells.items() if n}
    notes = [f"Behind each mark or curve: {_behind(coverage, shown)}."] if shown else []
    reasons = {c: _reason(analysis, coverage, c) for c in asked if c not in shown}
    if reasons:
        notes.append(f"Not drawn: {_grouped(analysis, reasons, asked)}.")
    failed = {c: text for c in asked if c in shown and (text := _failed(analysis, coverage, c))}
    if failed:
        notes.append(f"Without failed processes: {_grouped(analysis, failed, asked)}.")
    return [*notes, *coverage.extra]


def _behind(coverage: Coverage, shown: dict[Cell, int]) -> str:
    one = set(shown.values()) == {1}
    return "1 process" if one else f"{units.span(shown.values())} {coverage.noun}"


def _reason(analysis: Analysis, coverage: Coverage, cell: Cell) -> str:
    for pass_name in coverage.passes:
        records = _records(analysis, pass_name, cell)
        if not records:
            return f"no process of the {pass_name} pass"
        if all(r["status"] != OK for r in records):
            return _failed(analysis, coverage, cell)
    if cell in coverage.why:
        return coverage.why[cell]
    told = [
        r["unavailable"][m]
        for p in coverage.passes
        for r in _records(analysis, p, cell)
        for m in coverage.metrics
        if m in (r.get("unavailable") or {})
    ]
    return merged(told)[0] if told else "no value"


def _failed(analysis: Analysis, coverage: Coverage, cell: Cell) -> str:
    records = [r for p in coverage.passes for r in _records(analysis, p, cell)]
    bad = [r for r in records if r["status"] != OK]
    if not bad:
        return ""
    words = ", ".join(dict.fromkeys(f"{r['status']}: {r['why']}" for r in bad))
    return f"{len(bad)} of {len(records)} processes, {words}"


def _grouped(analysis: Analysis, reasons: dict[Cell, str], asked: frozenset[Cell]) -> str:
    """'bump, lifo (no process of the memory pass); mimalloc in larson · 2T (…)'."""
    by_reason: dict[str, dict[str, list[Case]]] = {}
    rank = {name: i for i, name in enumerate(analysis.allocators)}
    place = {case: i for i, case in enumerate(analysis.cases)}
    for case, name in sorted(reasons, key=lambda c: (rank[c[1]], place.get(c[0], 0))):
        by_reason.setdefault(reasons[case, name], {}).setdefault(name, []).append(case)
    asked_of: dict[str, int] = {}
    for _, name in asked:
        asked_of[name] = asked_of.get(name, 0) + 1
    return "; ".join(
        f"{_names(analysis, cases_of, asked_of)} ({reason})"
        for reason, cases_of in by_reason.items()
    )


def _names(analysis: Analysis, cases_of: dict[str, list[Case]], asked_of: dict[str, int]) -> str:
    if all(len(cases) == asked_of[name] for name, cases in cases_of.items()):
        return ", ".join(cases_of)
    texts = []
    for name, cases in cases_of.items():
        where = [analysis.cases[case] for case in cases[:MOST]]
        more = [f"{len(cases) - MOST} more"] if len(cases) > MOST else []
        whole = len(cases) == asked_of[name]
        texts.append(name if whole else f"{name} in {', '.join(where + more)}")
    return ", ".join(texts)


def _records(analysis: Analysis, pass_name: str, cell: Cell) -> list[Record]:
    return _by_cell(analysis).get((pass_name, *cell), [])


def remembered(compute: Callable[[Analysis], T]) -> Callable[[Analysis], T]:
    """`compute` with the result of the last analysis kept: a figure, its interactive form and its
    notes are made of the same numbers.
    """
    last: list[tuple[Analysis, T]] = []

    def once(analysis: Analysis) -> T:
        if not last or last[0][0] is not analysis:
            last[:] = [(analysis, compute(analysis))]
        return last[0][1]

    return once


@remembered
def _by_cell(analysis: Analysis) -> dict[tuple[str, Case, str], list[Record]]:
    found: dict[tuple[str, Case, str], list[Record]] = {}
    for record in analysis.run.records:
        key = record["pass"], case_of(record), record["allocator"]
        found.setdefault(key, []).append(record)
    return found


def hidden(points: dict[str, tuple[float, float]], near: float) -> Iterator[tuple[str, str]]:
    """Pairs of names whose points are closer than `near` in both directions."""
    names = list(points)
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            if all(abs(x - y) < near for x, y in zip(points[a], points[b], strict=True)):
                yield a, b
