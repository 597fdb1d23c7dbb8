"""What a run says, in sentences: for the head of the report and the end of the terminal's output."""

from __future__ import annotations

from collections import Counter

import pandas as pd

from stats.estimates.analysis import Study
from stats.estimates.noise_floor import differences
from stats.estimates.verdict import MIN_BLOCKS, withheld
from stats.tables.ratios import floor_note
from stats.tidy.metrics import Metric


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
    text = f"{metric.name}: of {_counted(len(rows), 'comparison')} {spread}.{doubt}"
    return f"{text} {_family_sentence(rows)}"


def _family_sentence(rows: pd.DataFrame) -> str:
    """How many comparisons Holm's correction pays for, and what that cost."""
    family = int(rows["p_adj"].notna().sum())
    lost = withheld(rows)
    cost = f"{_counted(lost, 'row')} would be claims without it" if lost else "it cost no claim"
    return f"Holm’s correction is over these {family}; {cost}."


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
