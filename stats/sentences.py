"""What a run says, in sentences: for the head of the report and the end of the terminal's output."""

from __future__ import annotations

from collections import Counter

import pandas as pd

from stats import units
from stats.frames import each
from stats.labels import threads_label
from stats.load import CELL
from stats.metrics import Metric
from stats.noise import differences
from stats.study import Study
from stats.tables import floor_note
from stats.verdict import MIN_BLOCKS, SAME


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def cast_sentence(study: Study) -> str:
    """Who is compared with whom."""
    actors = list(study.cast.values())
    rivals = [a.name for a in actors if a.is_contestant and a.name != study.baseline]
    limits = [a.name for a in actors if a.is_limit]
    cases = _counted(len(study.cells), "case")
    text = f"{', '.join(rivals) or 'Nothing'} against {study.baseline}, over {cases}"
    return text + (f"; {' and '.join(limits)} show limits and do not compete." if limits else ".")


def verdict_sentence(study: Study, metric: Metric) -> str:
    """How the verdicts on one metric are spread."""
    rows = study.contestants(study.metric_table(metric.name))
    if rows.empty:
        return f"{metric.name}: nothing to compare with {study.baseline}."
    if rows["n"].max() < MIN_BLOCKS:
        blocks = int(rows["n"].max())
        return f"{metric.name}: {blocks} blocks, and a claim needs {MIN_BLOCKS}: no verdicts here."
    counts = Counter(rows["verdict"])
    spread = ", ".join(f"{n} {word}" for word, n in counts.most_common())
    doubts = int((rows["checks"] != "").sum())
    doubt = f" Yuen or Wilcoxon disagree with {_counted(doubts, 'claim')}." if doubts else ""
    return f"{metric.name}: of {_counted(len(rows), 'comparison')} {spread}.{doubt}"


def noise_sentence(study: Study, metric: Metric) -> str:
    """What the A/A cell says about one metric."""
    rows = study.twins[study.twins["metric"] == metric.name]
    seen = differences(rows, study.delta)
    cells = int(seen["differs"].sum())
    warning = (
        f" The A/A copy shows a difference in {_counted(cells, 'case')} of {len(seen)}."
        if cells
        else ""
    )
    return f"{metric.name}: {floor_note(study, metric)}{warning}"


def status_sentence(study: Study) -> str:
    """How many processes ended well, and how the others did."""
    counts = Counter(r["status"] for r in study.run.records)
    total = sum(counts.values())
    bad = ", ".join(f"{n} {status}" for status, n in counts.most_common() if status != "ok")
    return f"{counts['ok']} of {total} processes ended well" + (
        f"; {bad}, in no estimate." if bad else "."
    )


def cell_sentences(study: Study, metric: Metric) -> list[str]:
    """For each cell of this view who was claimed better, the same, worse, in the order of the
    ratios.
    """
    rows = study.contestants(study.metric_table(metric.name))
    by_cell = dict(list(rows.groupby(CELL, sort=False)))
    return [
        _cell_sentence(cell[2], by_cell[cell], metric) for cell in study.cells if cell in by_cell
    ]


def _cell_sentence(threads: int, rows: pd.DataFrame, metric: Metric) -> str:
    groups: dict[str, list[str]] = {}
    for row in each(rows.sort_values("ratio")):
        groups.setdefault(row.verdict, []).append(f"{row.allocator} {units.ratio(row.ratio)}")
    claimed = [v for v in groups if v in (metric.word(-1.0), metric.word(1.0))]
    order = [*claimed, *(v for v in (SAME,) if v in groups)]
    order += [v for v in groups if v not in order]
    return (
        f"{threads_label(threads)}: "
        + "; ".join(f"{v}: {', '.join(groups[v])}" for v in order)
        + "."
    )
