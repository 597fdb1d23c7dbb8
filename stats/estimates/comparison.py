"""One comparison of a run: pairs, estimates, headlines, and the verdicts on both in two stages.

Stage 1 tests headlines, one per contestant, by Holm's procedure; stage 2 tests rows by that of
Benjamini and Hochberg. Each stage has half of alpha. The primary metrics are one family in each
stage; every other metric is a family of its own, and secondary.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from stats.estimates.checks import with_checks
from stats.estimates.headline import counts_of_verdicts, headlines
from stats.estimates.influence import Influence
from stats.estimates.paired_ratio import Ratios, estimate
from stats.estimates.pairing import Pairs, Partner, pair
from stats.estimates.procedure import HEADLINES, ROWS
from stats.estimates.verdict import Limits, judged
from stats.tidy.metrics import Registry

PRIMARY_FAMILY = "primary metrics"


@dataclass(frozen=True)
class Comparison:
    """`rows`, in the order of `influence`, and `headlines`, both with verdicts."""

    rows: pd.DataFrame
    headlines: pd.DataFrame
    influence: Influence


def family_of(metrics: pd.Series, registry: Registry) -> pd.Series:
    """The family that each metric's tests belong to."""
    return metrics.map({m.name: PRIMARY_FAMILY if m.primary else m.name for m in registry})


def compare(
    work: pd.DataFrame,
    partner: Partner,
    registry: Registry,
    limits: Limits,
    without_verdict: dict[str, str] | None = None,
) -> Comparison:
    """Compares the allocators of `work` (values of own passes) with those that `partner` names.

    Allocators in `without_verdict` (name -> the word to print) get that word instead of a verdict.
    """
    pairs = pair(work, partner)
    found = judge(pairs, registry, limits, without_verdict)
    return replace(found, rows=with_checks(found.rows, pairs, found.influence))


def judge(
    pairs: Pairs,
    registry: Registry,
    limits: Limits,
    without_verdict: dict[str, str] | None = None,
) -> Comparison:
    """The whole procedure: estimates of pairs, headlines, and the verdicts of both stages."""
    ratios = estimate(pairs)
    lower = {m.name: m.direction == "lower" for m in registry}
    words = without_verdict or {}

    def with_verdicts(table: pd.DataFrame, stage: int) -> pd.DataFrame:
        family = family_of(table["metric"], registry).mask(table["allocator"].isin(list(words)))
        procedure = HEADLINES if stage == 1 else ROWS
        better = table["metric"].map(lower)
        found = judged(table, family.astype(object), better, procedure, limits)
        own = found["allocator"].map(words)
        return found.assign(verdict=own.where(own.notna(), found["verdict"]).astype(object))

    rows = with_verdicts(ratios.table, 2)
    heads = with_verdicts(headlines(Ratios(rows, ratios.influence), lower), 1)
    counted = counts_of_verdicts(rows).reset_index()
    heads = heads.merge(counted, on=["metric", "allocator"], how="left")
    return Comparison(rows, heads, ratios.influence)
