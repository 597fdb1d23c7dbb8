"""What a run says about itself: the A/A copy must not differ, the positive control must be found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from stats.estimates.comparison import Comparison
from stats.estimates.procedure import holm
from stats.estimates.verdict import (
    BEHIND,
    CLAIMS,
    MIN_PAIRS,
    NOT_COMPARED,
    POWER,
    Limits,
    detectable,
)
from stats.tidy.metrics import Registry

ALARM = 0.01  # the share of sound runs in which one of these tests raises an alarm
SMALL_P = 0.05
CONTROL_METRIC = "cpu_s"

FOUND, MISSED, TOO_SMALL = "found", "missed", "could not have been found"
NOT_JUDGED = "not judged"
SOUND, DIFFERS = "no difference", "differs"


@dataclass(frozen=True)
class Finding:
    """One judgement: of the A/A copy or the control `allocator`, in `metric`."""

    kind: str
    allocator: str
    metric: str
    outcome: str
    text: str
    is_alarm: bool = False


def judge_copies(copies: Comparison, registry: Registry, limits: Limits) -> list[Finding]:
    """Judges each A/A copy in each primary metric, by its headline and by its number of small p.

    The headline raises an alarm if it would be claimed at ALARM (Holm over all copies and metrics);
    the rows do if more of them have p below SMALL_P than a binomial count exceeds with ALARM, shared
    out likewise.
    """
    heads = _primary(copies.headlines, registry)
    compared = heads[heads["verdict"] != NOT_COMPARED]
    adjusted = dict(zip(compared.index, holm(compared["p"].to_numpy(float)), strict=True))
    return [
        _judge_copy(head, copies.rows, adjusted.get(i), ALARM / max(1, len(compared)), limits)
        for i, head in heads.iterrows()
    ]


def _judge_copy(
    head: pd.Series, rows: pd.DataFrame, p: float | None, share: float, limits: Limits
) -> Finding:
    who = ("A/A", str(head["allocator"]), str(head["metric"]))
    if p is None:
        return Finding(*who, NOT_JUDGED, f"no case has {MIN_PAIRS} pairs")
    own = _of(rows, head)
    p_values = own.loc[own["n"] >= MIN_PAIRS, "p"].dropna()
    small = int((p_values < SMALL_P).sum())
    most = int(stats.binom.ppf(1 - share, len(p_values), SMALL_P))
    moved = p < ALARM and abs(head["effect"]) > np.log1p(limits.delta)
    text = (
        f"geometric mean {head['ratio']:.3f} [{head['low']:.3f}, {head['high']:.3f}]; {small} of "
        f"{len(p_values)} rows have p below {SMALL_P:g}, where chance gives up to {most}"
    )
    alarm = bool(moved or small > most)
    return Finding(*who, DIFFERS if alarm else SOUND, text, alarm)


def judge_controls(
    controls: Comparison, slowdowns: dict[str, float], registry: Registry, limits: Limits
) -> list[Finding]:
    """Judges each slowed allocator in each primary metric.

    Found: its headline is behind. Could not have been found: the slowdown is smaller than what this
    run would find for certain (with power 1 - ALARM). Else it was missed. It is slowed by a share of
    its processor time, so only a miss in CONTROL_METRIC is an alarm: other metrics count waiting.
    """
    heads = _primary(controls.headlines, registry)
    return [
        _judge_control(head, controls.rows, slowdowns.get(str(head["allocator"]), np.nan), limits)
        for _, head in heads.iterrows()
    ]


def _judge_control(head: pd.Series, rows: pd.DataFrame, slowdown: float, limits: Limits) -> Finding:
    who = ("control", str(head["allocator"]), str(head["metric"]))
    if head["verdict"] == NOT_COMPARED:
        return Finding(*who, NOT_JUDGED, f"no case has {MIN_PAIRS} pairs")
    own = _of(rows, head)
    able = own[own["detectable"] <= slowdown]
    found = int((able["verdict"] == BEHIND).sum())
    error, freedom, level = (np.array([head[c]]) for c in ("error", "freedom", "level"))
    certain = float(detectable(error, freedom, level, limits.delta, 1 - ALARM)[0])
    text = (
        f"slowed by {slowdown:.0%}; geometric mean {head['ratio']:.3f} [{head['low']:.3f}, "
        f"{head['high']:.3f}], surely found from {certain:.1%}; behind in {found} of the "
        f"{len(able)} rows that find such an effect with power {POWER:g}"
    ).replace("%", " %")
    if head["verdict"] == BEHIND:
        return Finding(*who, FOUND, text)
    if head["verdict"] not in CLAIMS and not certain <= slowdown:
        return Finding(*who, TOO_SMALL, text)
    return Finding(*who, MISSED, text, head["metric"] == CONTROL_METRIC)


def _primary(heads: pd.DataFrame, registry: Registry) -> pd.DataFrame:
    return heads[heads["metric"].isin([m.name for m in registry if m.primary])]


def _of(rows: pd.DataFrame, head: pd.Series) -> pd.DataFrame:
    return rows[(rows["metric"] == head["metric"]) & (rows["allocator"] == head["allocator"])]
