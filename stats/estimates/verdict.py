"""From estimates to verdicts: faster, slower, same, inconclusive and their like."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from stats.estimates.noise_floor import floor_of
from stats.tidy.metrics import Registry

DELTA = 0.02  # the smallest effect that a verdict may claim, as a relative change
ALPHA = 0.05
MIN_REPLICATES = 20
SAME_AT_MOST = 0.05  # where a noise floor raises delta above this, no verdict is "same"
SAME = "same"
INCONCLUSIVE = "inconclusive"
TOO_FEW = f"inconclusive (n<{MIN_REPLICATES})"
CLAIMS = ("faster", "slower", "smaller", "larger", "fewer", "more", "lower", "higher")


def adjust(p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """p values adjusted after Holm (Scandinavian Journal of Statistics 6, 1979): the smallest times
    their number, the next times one less, never below the one before, at most 1.

    A test compares it with statsmodels' multipletests, which takes longer: each call of it runs a
    garbage collection.
    """
    order = np.argsort(p)
    scaled = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(scaled, 1.0)
    return adjusted


def holm(table: pd.DataFrame, family: pd.Series) -> pd.Series:
    """Adjusted p inside each metric's table; rows outside `family` (a boolean column) get NaN."""
    tested = table.loc[family & table["p"].notna()]
    adjusted = tested.groupby("metric")["p"].transform(lambda p: adjust(p.to_numpy(float)))
    return adjusted.reindex(table.index)


def withheld(estimates: pd.DataFrame) -> int:
    """How many of one metric's rows would be claims without Holm's correction."""
    apart = (estimates["low"] > 1) | (estimates["high"] < 1)
    beyond = estimates["effect"].abs() > np.log1p(estimates["delta"])
    return int((apart & beyond & (estimates["p"] < ALPHA) & (estimates["p_adj"] >= ALPHA)).sum())


def _disagreeing(table: pd.DataFrame) -> pd.Series:
    """For each claim the tests with p of 0.05 or more, separated by commas; else an empty string."""
    claimed = table["verdict"].isin(CLAIMS)
    yuen = np.where(claimed & (table["p_yuen"] >= ALPHA), "Yuen", "")
    ranks = np.where(claimed & (table["p_wilcoxon"] >= ALPHA), "Wilcoxon", "")
    return pd.Series(
        [", ".join(filter(None, pair)) for pair in zip(yuen, ranks, strict=True)], index=table.index
    )


@dataclass(frozen=True)
class Verdicts:
    """Adds p_adj, delta, verdict, good and checks to a table of estimates (of `PairedLogRatio`).

    The family of Holm's correction is one metric's table of contestants with enough replicates. `delta`
    is the smallest effect that may be claimed in that metric and case: the nominal one or the noise
    floor of the case's own A/A pair, whichever is larger; above SAME_AT_MOST no verdict is `same`.
    Allocators in `without_verdict` (name -> the word to print) get that word instead of a verdict.

    `good` is +1 for a claimed improvement, -1 for a claimed loss, else 0. `checks` names the tests
    that disagree with a claim.
    """

    metrics: Registry
    floors: pd.Series = field(default_factory=lambda: pd.Series(dtype=float))
    without_verdict: dict[str, str] = field(default_factory=dict)
    delta: float = DELTA
    min_replicates: int = MIN_REPLICATES

    def __call__(self, estimates: pd.DataFrame) -> pd.DataFrame:
        table = estimates.copy()
        tested = ~table["allocator"].isin(list(self.without_verdict))
        table["p_adj"] = holm(table, tested & (table["n"] >= self.min_replicates))
        table["delta"] = floor_of(table, self.floors).clip(lower=self.delta)
        table["verdict"] = self._verdicts(table)
        table["good"] = self._directions(table)
        table["checks"] = _disagreeing(table)
        return table

    def _verdicts(self, table: pd.DataFrame) -> list[str]:
        limit = np.log1p(table["delta"])
        enough = table["n"] >= self.min_replicates
        apart = (table["low"] > 1) | (table["high"] < 1)
        claim = enough & apart & (table["p_adj"] < ALPHA) & (table["effect"].abs() > limit)
        inside = (table["low90"] > np.exp(-limit)) & (table["high90"] < np.exp(limit))
        same = enough & inside & (table["delta"] <= max(self.delta, SAME_AT_MOST))
        words = [
            self.metrics[m].word(e) for m, e in zip(table["metric"], table["effect"], strict=True)
        ]
        verdicts = np.select(
            [~enough, claim, same], [TOO_FEW, np.array(words, dtype=object), SAME], INCONCLUSIVE
        )
        return [
            self.without_verdict.get(a, v)
            for a, v in zip(table["allocator"], verdicts, strict=True)
        ]

    def _directions(self, table: pd.DataFrame) -> list[int]:
        rows = zip(table["metric"], table["effect"], table["verdict"], strict=True)
        return [(1 if self.metrics[m].is_good(e) else -1) if v in CLAIMS else 0 for m, e, v in rows]
