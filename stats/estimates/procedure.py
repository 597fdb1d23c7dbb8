"""Two procedures for many tests at once: Holm for headlines, Benjamini and Hochberg for rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from stats.estimates.influence import Matrix

ALPHA = 0.05  # of a run's claims in one family: half of it for headlines, half for rows


def holm(p: Matrix) -> Matrix:
    """p values adjusted after Holm (Scandinavian Journal of Statistics 6, 1979): the smallest times
    their number, the next times one less, never below the one before, at most 1.
    """
    order = np.argsort(p)
    scaled = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(scaled, 1.0)
    return adjusted


def benjamini_hochberg(p: Matrix) -> Matrix:
    """p values adjusted after Benjamini and Hochberg (Journal of the Royal Statistical Society B 57,
    1995): below q, the expected share of false claims among the claims is at most q.
    """
    adjusted: Matrix = stats.false_discovery_control(p, method="bh") if len(p) else p
    return adjusted


@dataclass(frozen=True)
class Procedure:
    """How the p values of a family are adjusted, and the level that adjusted ones are held against."""

    name: str
    level: float

    def adjusted(self, p: Matrix) -> Matrix:
        """The adjusted p values of one family; NaN stays, and does not count."""
        known = ~np.isnan(p)
        out = np.full(len(p), np.nan)
        out[known] = holm(p[known]) if self.name == "Holm" else benjamini_hochberg(p[known])
        return out

    def reached(self, adjusted: Matrix) -> float:
        """The level that a single p value is held against, given what the family's others gave.

        Holm tests the next one at level / (those not rejected); Benjamini and Hochberg reject what
        is below (number rejected) / (number) of the level, and one at least is counted.
        """
        size = int(np.sum(~np.isnan(adjusted)))
        with np.errstate(invalid="ignore"):
            rejected = int(np.sum(adjusted < self.level))
        if size == 0:
            return float("nan")
        if self.name == "Holm":
            return self.level / max(1, size - rejected)
        return self.level * max(1, rejected) / size


HEADLINES = Procedure("Holm", ALPHA / 2)
ROWS = Procedure("BH", ALPHA / 2)
