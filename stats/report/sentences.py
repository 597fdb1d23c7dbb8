"""The results of a run in sentences, for the head of the report and the terminal."""

from __future__ import annotations

from collections import Counter

from stats import units
from stats.estimates.analysis import Analysis
from stats.estimates.verdict import AHEAD, BEHIND, EQUIVALENT, MIN_PAIRS, UNDECIDED, VERDICTS
from stats.frames import each
from stats.tables.ratios import power_note
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


def headline_sentence(analysis: Analysis, metric: Metric) -> str:
    """Which contestants' geometric means are ahead, equivalent, behind or undecided."""
    heads = analysis.contestants(analysis.headline_table(metric.name))
    if heads.empty:
        return f"{metric.name}: nothing to compare with {analysis.baseline}."
    if heads["n"].max() < MIN_PAIRS:
        return f"{metric.name}: {power_note(analysis, metric)}"
    phrases = {
        AHEAD: f"ahead of {analysis.baseline} (above {analysis.limits.delta_text})",
        EQUIVALENT: f"equivalent to {analysis.baseline} (within {analysis.limits.margin_text})",
        BEHIND: f"behind {analysis.baseline} (above {analysis.limits.delta_text})",
        UNDECIDED: "undecided",
    }
    parts = []
    for word, phrase in phrases.items():
        named = [
            f"{row.allocator} {units.ratio(row.ratio)} {units.interval(row.low, row.high)}"
            for row in each(heads[heads["verdict"] == word])
        ]
        parts += [f"{phrase}: {', '.join(named)}"] if named else []
    compared = heads[heads["n"] >= MIN_PAIRS]
    cases = f"{units.span((compared['cases'] - compared['left_out']).astype(int))} cases"
    replicates = f"{units.span(compared['n'].astype(int))} replicates"
    what = f"geometric mean over {cases} with its 95 % interval over {replicates}"
    return f"{metric.name}, {what}: {'; '.join(parts)}."


def verdict_sentence(analysis: Analysis, metric: Metric) -> str:
    """How many rows of one metric have each verdict, and what could be found."""
    rows = analysis.contestants(analysis.metric_table(metric.name))
    if rows.empty or rows["n"].max() < MIN_PAIRS:
        return ""
    counts = Counter(rows["verdict"])
    others = [word for word in counts if word not in VERDICTS]
    limits = {EQUIVALENT: f" (within {analysis.limits.margin_text})"}
    verdicts = ", ".join(
        f"{counts[w]} {w}{limits.get(w, '')}" for w in (*VERDICTS, *others) if counts[w]
    )
    doubts = int((rows["checks"] != "").sum())
    doubt = f" A check disagrees with {_counted(doubts, 'claim')}." if doubts else ""
    text = f"{metric.name}: of {_counted(len(rows), 'row')} {verdicts}; "
    return text + power_note(analysis, metric) + doubt


def selftest_sentences(analysis: Analysis) -> list[str]:
    """What the A/A copy and the positive control say, alarms first."""
    findings = sorted(analysis.findings, key=lambda f: not f.is_alarm)
    told = [
        f"{'ALARM: ' if f.is_alarm else ''}{f.kind} {f.allocator}, {f.metric}: {f.outcome}; {f.text}."
        for f in findings
    ]
    kinds = {f.kind for f in findings}
    if "A/A" not in kinds:
        told.append(
            "No allocator ran twice (A/A), so nothing shows that equal allocators look equal."
        )
    elif not any(f.allocator.split("#")[0] == analysis.baseline for f in findings):
        told.append(f"The A/A copy is not of the baseline {analysis.baseline}.")
    if "control" not in kinds:
        told.append(
            "No positive control ran, so nothing shows that this run finds a known slowdown."
        )
    return told


def status_sentence(analysis: Analysis) -> str:
    """How many processes are ok, and the status of the others."""
    counts = Counter(r["status"] for r in analysis.run.records)
    total = sum(counts.values())
    bad = ", ".join(f"{n} {status}" for status, n in counts.most_common() if status != "ok")
    return f"{counts['ok']} of {total} processes are ok" + (
        f"; {bad}. Only ok processes enter estimates." if bad else "."
    )
