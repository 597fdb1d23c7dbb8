"""Estimates of log ratios as means of influence values, one value per pair.

The mean of a row's influence values is its estimate, and their standard error is that of the
estimate. So whatever is made of estimates (a geometric mean, a difference, a share) gets its error
from the same values, and keeps the correlation of rows that were measured in one replicate.

Two estimators give such values:

- the trimmed mean of the log ratios, 20 % cut from each end, with the error of Yuen (Biometrika 61,
  1974) in the one-sample form of Tukey and McLaughlin (Sankhya A 25, 1963);
- the log of the ratio of means, linearised (Cochran, Sampling Techniques, 3rd ed. 1977, section
  6.4), for rows with zeros, which have no logarithm, and for rows of mostly equal values, of which
  trimming would leave no spread.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

TRIM = 0.2
LESS_FREEDOM = 2  # see `trimmed_mean`


@dataclass(frozen=True)
class Influence:
    """Estimates of rows; matrices have one row each, one column per replicate, NaN without a pair.

    effect   the log ratio of each row
    values   influence values: their mean is `effect`
    freedom  degrees of freedom of Student's t
    kept     the pairs that were not cut
    means    the rows whose ratio is that of means
    """

    effect: Matrix
    values: Matrix
    freedom: Matrix
    kept: Mask
    means: Mask

    @property
    def error(self) -> Matrix:
        """The standard error of each effect; NaN with one pair or none."""
        return standard_error(self.values)


def influence(value: Matrix, base: Matrix) -> Influence:
    """The estimates of log(value / base) from values per row and replicate."""
    present = ~np.isnan(value) & ~np.isnan(base)
    value, base = np.where(present, value, np.nan), np.where(present, base, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(value) - np.log(base)
    means = np.any((value <= 0) | (base <= 0), axis=1)
    found = trimmed_mean(np.where(means[:, None], np.nan, logs))
    means |= _lost_spread(logs, found.values)
    if not means.any():
        return found
    ratios = ratio_of_means(value[means], base[means])
    for name in ("effect", "values", "freedom", "kept"):
        getattr(found, name)[means] = getattr(ratios, name)
    found.means[means] = True
    return found


def trimmed_mean(d: Matrix, trim: float = TRIM) -> Influence:
    """The trimmed mean of each row of `d`, of which int(trim * n) of its n values are cut at each end.

    It has LESS_FREEDOM degrees of freedom fewer than Yuen's. The winsorised spread is sometimes small
    by chance, so that far out Student's t with Yuen's degrees is too light: on a run's noise with
    random signs p lies below 1.6e-5, where a table of 1,500 rows looks for its first claim, some
    three times too often.
    """
    n = np.sum(~np.isnan(d), axis=1)
    cut = np.floor(trim * n + 1e-9).astype(int)
    left = n - 2 * cut
    order = np.argsort(d, axis=1, kind="stable")  # NaN comes last
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(d.shape[1])[None, :], axis=1)
    kept = (rank >= cut[:, None]) & (rank < (n - cut)[:, None])
    effect = _mean(d, kept)
    ordered = np.take_along_axis(d, order, axis=1)
    ends = np.stack([cut, np.maximum(n - cut - 1, 0)], axis=1)
    low, high = np.take_along_axis(ordered, ends, axis=1).T
    winsorised = np.clip(d, low[:, None], high[:, None])
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.where(left > 1, np.sqrt(n * (n - 1) / (left * (left - 1.0))), 1.0)
    centred = winsorised - _mean(winsorised, ~np.isnan(d))[:, None]
    values = effect[:, None] + scale[:, None] * centred
    freedom = np.where(cut > 0, np.maximum(left - 1.0 - LESS_FREEDOM, 1.0), left - 1.0)
    return Influence(effect, values, freedom, kept, np.zeros(len(d), dtype=bool))


def ratio_of_means(value: Matrix, base: Matrix) -> Influence:
    """The log of mean value over mean base of each row.

    Where one side is always zero the effect is infinite, and an influence value as well where the
    pair differs; where a mean is negative there is no ratio (NaN).
    """
    present = ~np.isnan(value)
    over, under = _mean(value, present), _mean(base, present)
    with np.errstate(divide="ignore", invalid="ignore"):
        effect = np.log(over) - np.log(under)
        parts = value / over[:, None] - base / under[:, None]
        values = np.where(present, effect[:, None] + parts, np.nan)
    infinite = (over == 0) ^ (under == 0)
    sign = np.where(over == 0, -np.inf, np.inf)[:, None]
    values = np.where(infinite[:, None] & present, np.where(value == base, 0.0, sign), values)
    nothing = (over == 0) & (under == 0)
    values = np.where(nothing[:, None] & present, 0.0, values)
    effect = np.where(nothing, 0.0, effect)
    return Influence(effect, values, present.sum(axis=1) - 1.0, present, np.ones(len(value), bool))


def standard_error(values: Matrix) -> Matrix:
    """The standard error of each row's mean; 0 where all values are equal, NaN with fewer than two."""
    present = ~np.isnan(values)
    n = present.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        centred = np.where(present, values - _mean(values, present)[:, None], 0.0)
        error = np.sqrt(np.sum(centred**2, axis=1) / (n - 1.0) / n)
    return np.where((n > 1) & _all_equal(values), 0.0, np.where(n > 1, error, np.nan))


def mean_of(values: Matrix) -> Matrix:
    """The mean of what is not NaN in each row."""
    return _mean(values, ~np.isnan(values))


def _mean(values: Matrix, chosen: Mask) -> Matrix:
    with np.errstate(divide="ignore", invalid="ignore"):
        total: Matrix = np.sum(np.where(chosen, values, 0.0), axis=1)
        return total / chosen.sum(axis=1)


def _all_equal(values: Matrix) -> Mask:
    """Whether all that is not NaN in a row is equal."""
    filled = [np.where(np.isnan(values), end, values) for end in (np.inf, -np.inf)]
    return np.asarray(filled[0].min(axis=1) == filled[1].max(axis=1))


def _lost_spread(logs: Matrix, values: Matrix) -> Mask:
    """The rows that differ, but not in what trimming leaves."""
    return _all_equal(values) & ~_all_equal(logs) & (np.sum(~np.isnan(logs), axis=1) > 1)
