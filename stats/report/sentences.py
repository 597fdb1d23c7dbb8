"""The results of a run in sentences, for the head of the report and the terminal."""

from __future__ import annotations

from collections import Counter

import pandas as pd

from stats.estimates.analysis import Analysis
from stats.estimates.noise_floor import differences
from stats.estimates.verdict import MIN_REPLICATES, withheld
from stats.tables.ratios import floor_note
from stats.tidy.metrics import Metric


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def comparison_sentence(analysis: Analysis) -> str:
    """Which allocators are compared with which baseline."""
    allocators = list(analysis.allocators.values())
    rivals = [a.name for a in allocators if a.is_contestant and a.name != analysis.baseline]
    references = [a.name for a in allocators if a.is_reference]
    cases = _counted(len(analysis.cases), "case")
    text = f"{', '.join(rivals) or 'Nothing'} against {analysis.baseline}, over {cases}"
    return text + (f"; {' and '.join(references)} for reference only." if references else ".")


def verdict_sentence(analysis: Analysis, metric: Metric) -> str:
    """How many verdicts of each kind one metric has."""
    rows = analysis.contestants(analysis.metric_table(metric.name))
    if rows.empty:
        return f"{metric.name}: nothing to compare with {analysis.baseline}."
    if rows["n"].max() < MIN_REPLICATES:
        most = int(rows["n"].max())
        return f"{metric.name}: no verdicts, since a claim takes {MIN_REPLICATES} replicates, not {most}."
    counts = Counter(rows["verdict"])
    verdicts = ", ".join(f"{n} {word}" for word, n in counts.most_common())
    doubts = int((rows["checks"] != "").sum())
    doubt = f" Yuen or Wilcoxon disagree with {_counted(doubts, 'claim')}." if doubts else ""
    text = f"{metric.name}: of {_counted(len(rows), 'comparison')} {verdicts}.{doubt}"
    return f"{text} {_family_sentence(rows)}"


def _family_sentence(rows: pd.DataFrame) -> str:
    """The number of comparisons that Holm's correction covers, and the claims that it withholds."""
    family = int(rows["p_adj"].notna().sum())
    lost = withheld(rows)
    cost = (
        f"without it {_counted(lost, 'more row')} would be claims"
        if lost
        else "it withholds no claim"
    )
    return f"Holm’s correction covers {_counted(family, 'comparison')}; {cost}."


def noise_sentence(analysis: Analysis, metric: Metric) -> str:
    """The noise floor of one metric, with a warning where an A/A pair differs."""
    rows = analysis.aa_pairs[analysis.aa_pairs["metric"] == metric.name]
    seen = differences(rows, analysis.delta)
    cases = int(seen["differs"].sum())
    warning = f" The A/A copy differs in {_counted(cases, 'case')} of {len(seen)}." if cases else ""
    return f"{metric.name}: {floor_note(analysis, metric)}{warning}"


def status_sentence(analysis: Analysis) -> str:
    """How many processes are ok, and the status of the others."""
    counts = Counter(r["status"] for r in analysis.run.records)
    total = sum(counts.values())
    bad = ", ".join(f"{n} {status}" for status, n in counts.most_common() if status != "ok")
    return f"{counts['ok']} of {total} processes are ok" + (
        f"; {bad}. Only ok processes enter estimates." if bad else "."
    )
