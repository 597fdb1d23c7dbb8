"""From an estimate to a word, and when no word may be said."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from stats.estimates.noise_floor import floor_of
from stats.tidy.metrics import Registry

DELTA = 0.02  # the smallest effect worth a word, as a relative change
ALPHA = 0.05
MIN_BLOCKS = 20
SAME_AT_MOST = 0.05  # a noise floor may raise delta; within more than this nothing is "the same"
SAME = "same"
INCONCLUSIVE = "inconclusive"
TOO_FEW = f"inconclusive (n<{MIN_BLOCKS})"
CLAIMS = ("faster", "slower", "smaller", "larger", "fewer", "more", "lower", "higher")


def adjust(p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """p values adjusted after Holm (Scandinavian Journal of Statistics 6, 1979): the smallest times
    their number, the next times one less, never below the one before, at most 1.

    statsmodels' multipletests gives the same (a test holds it to that) and collects garbage at each
    call.
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


def withheld(judged: pd.DataFrame) -> int:
    """How many rows of one metric's judged contestants would be claims but for Holm's correction."""
    apart = (judged["low"] > 1) | (judged["high"] < 1)
    beyond = judged["effect"].abs() > np.log1p(judged["delta"])
    return int((apart & beyond & (judged["p"] < ALPHA) & (judged["p_adj"] >= ALPHA)).sum())


def _disagreeing(table: pd.DataFrame) -> pd.Series:
    """For each claim the names of the tests that do not share it at the 5 % level, otherwise an
    empty string.
    """
    claimed = table["verdict"].isin(CLAIMS)
    yuen = np.where(claimed & (table["p_yuen"] >= ALPHA), "Yuen", "")
    ranks = np.where(claimed & (table["p_wilcoxon"] >= ALPHA), "Wilcoxon", "")
    return pd.Series(
        [", ".join(filter(None, pair)) for pair in zip(yuen, ranks, strict=True)], index=table.index
    )


@dataclass(frozen=True)
class Judge:
    """Adds p_adj, delta, verdict, good and checks to a table of estimates (of `PairedLogRatio`).

    The family of Holm's correction is one metric's table of contestants with enough blocks. `delta`
    is the smallest effect that may be claimed in that metric and cell: the nominal one or the noise
    floor of the cell's own A/A pair, whichever is larger; where the floor raises it above SAME_AT_MOST, nothing is called the
    same either. Allocators in `not_judged` (limits, the A/A copy; name -> what to print) get that
    word for a verdict.

    `good` is +1 for a claimed improvement, -1 for a claimed loss, else 0. `checks` names the tests
    that disagree with a claim.
    """

    metrics: Registry
    floors: pd.Series = field(default_factory=lambda: pd.Series(dtype=float))
    not_judged: dict[str, str] = field(default_factory=dict)
    delta: float = DELTA
    min_blocks: int = MIN_BLOCKS

    def __call__(self, estimates: pd.DataFrame) -> pd.DataFrame:
        table = estimates.copy()
        judged = ~table["allocator"].isin(list(self.not_judged))
        table["p_adj"] = holm(table, judged & (table["n"] >= self.min_blocks))
        table["delta"] = floor_of(table, self.floors).clip(lower=self.delta)
        table["verdict"] = self._verdicts(table)
        table["good"] = self._directions(table)
        table["checks"] = _disagreeing(table)
        return table

    def _verdicts(self, table: pd.DataFrame) -> list[str]:
        limit = np.log1p(table["delta"])
        enough = table["n"] >= self.min_blocks
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
            self.not_judged.get(a, v) for a, v in zip(table["allocator"], verdicts, strict=True)
        ]

    def _directions(self, table: pd.DataFrame) -> list[int]:
        rows = zip(table["metric"], table["effect"], table["verdict"], strict=True)
        return [(1 if self.metrics[m].is_good(e) else -1) if v in CLAIMS else 0 for m, e, v in rows]
