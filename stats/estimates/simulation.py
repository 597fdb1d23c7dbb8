"""What the whole procedure does on noise of a known kind: false claims, coverage, power.

The noise is that of a run: what its log ratios leave when each row's estimate is subtracted. A
simulated run takes it with a random sign for each replicate, the same for all rows, so that rows
keep what they have in common and every true ratio is known. Then it is put through `judge`, which
judges real runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from stats.estimates.comparison import Comparison, judge
from stats.estimates.influence import Matrix, influence
from stats.estimates.pairing import Pairs
from stats.estimates.verdict import AHEAD, BEHIND, CLAIMS, EQUIVALENT, MIN_PAIRS, Limits
from stats.tidy.metrics import Registry
from stats.tidy.run import CASE

SIZES = (0.02, 0.05, 0.10)  # true differences whose power is counted
ZERO = 1e-9


@dataclass(frozen=True)
class Noise:
    """The rows of a run and what each replicate adds to their log ratios; NaN without a pair."""

    rows: pd.DataFrame
    residuals: Matrix


@dataclass(frozen=True)
class Scenario:
    """How the noise is worsened.

    doubled    the share of processes whose values are all doubled
    uneven     whether rows and replicates differ in their noise by random factors
    counts     whether values are counts with many zeros instead
    """

    name: str
    doubled: float = 0.0
    uneven: bool = False
    counts: bool = False


SCENARIOS = (
    Scenario("noise as measured"),
    Scenario("1 % of values doubled", doubled=0.01),
    Scenario("3 % of values doubled", doubled=0.03),
    Scenario("noise differs between rows and replicates", uneven=True),
    Scenario("counts with zeros", counts=True),
)


def noise_of(pairs: Pairs) -> Noise:
    """The noise of pairs of a run, of the rows that are compared."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(pairs.value) - np.log(pairs.base)
    kept = (np.sum(~np.isnan(logs), axis=1) >= MIN_PAIRS) & ~np.isinf(logs).any(axis=1)
    effect = influence(pairs.value, pairs.base).effect
    residuals = (logs - effect[:, None])[kept]
    return Noise(pairs.rows[kept].reset_index(drop=True), residuals)


@dataclass
class Counts:
    """Sums over simulated runs; `shares` turns them into what is reported."""

    runs: int = 0
    any_claim: int = 0
    false_headline: int = 0
    false_share: float = 0.0
    covered: int = 0
    intervals: int = 0
    false_equivalent: float = 0.0
    found: dict[str, list[int]] = field(default_factory=dict)

    def add_power(self, name: str, found: int, number: int) -> None:
        """Counts `found` of `number` differences of one size."""
        hits = self.found.setdefault(name, [0, 0])
        hits[0] += found
        hits[1] += number

    def power(self, name: str) -> float:
        """The share of differences of this kind and size that was found; NaN where there were none."""
        found, number = self.found.get(name, [0, 0])
        return found / number if number else float("nan")


@dataclass(frozen=True)
class Outcome:
    """One scenario: `null` where nothing differs, `mixed` where half of the contestants do."""

    scenario: Scenario
    null: Counts
    mixed: Counts


def simulate(
    noise: Noise, scenario: Scenario, registry: Registry, limits: Limits, runs: int, seed: int
) -> Outcome:
    """`runs` simulated runs in which nothing differs, and a fourth as many with planted differences."""
    random = np.random.default_rng([seed, SCENARIOS.index(scenario)])
    rows = noise.rows if not scenario.counts else _as_counts(noise.rows)
    outcome = Outcome(scenario, Counts(), Counts())
    for run in range(runs + runs // 4):
        differs = run >= runs
        truth = planted(rows, random) if differs else np.zeros(len(rows))
        pairs = Pairs(rows, *_values(rows, noise.residuals, scenario, truth, random))
        counts = outcome.mixed if differs else outcome.null
        _count(counts, judge(pairs, registry, limits), truth, limits)
    return outcome


def _as_counts(rows: pd.DataFrame) -> pd.DataFrame:
    """One metric's rows under the name of a metric of counts, a family of its own."""
    first = rows[rows["metric"] == rows["metric"].iloc[0]]
    return first.assign(metric="minor_faults").reset_index(drop=True)


def planted(rows: pd.DataFrame, random: np.random.Generator) -> Matrix:
    """True log ratios: of some nine contestants four differ in no case, three in all cases by one of
    SIZES, and the others in half of their cases by a random one of SIZES, up or down.
    """
    names = random.permutation(rows["allocator"].unique())
    kinds = ["none", "none", "none", "none", *SIZES, "some", "some"]
    kind_of = {name: kinds[i * len(kinds) // len(names)] for i, name in enumerate(names)}
    cases = rows.groupby([*CASE, "allocator"], sort=False).ngroup().to_numpy()
    number = cases.max() + 1
    sizes = np.log1p(random.choice(SIZES, number)) * random.choice([-1.0, 1.0], number)
    some = np.where(random.random(number) < 0.5, sizes, 0.0)[cases]
    kind = rows["allocator"].map(kind_of).to_numpy(object)
    truth = np.where(kind == "some", some, 0.0)
    for size in SIZES:
        truth = np.where(kind == size, np.log1p(size), truth)
    return truth


def _values(
    rows: pd.DataFrame,
    residuals: Matrix,
    scenario: Scenario,
    truth: Matrix,
    random: np.random.Generator,
) -> tuple[Matrix, Matrix]:
    """Values and bases of one simulated run."""
    if scenario.counts:
        return _counts(rows, residuals.shape[1], truth, random)
    noise = residuals * random.choice([-1.0, 1.0], residuals.shape[1])
    if scenario.uneven:
        noise = noise * np.exp(random.normal(0, 0.5, (len(noise), 1)))
        noise = noise * random.choice([1.0, 3.0], noise.shape[1], p=[0.9, 0.1])
    double = _per_process(rows, residuals.shape[1], scenario.doubled, random)
    value = np.exp(noise + truth[:, None] + np.log(2) * double[0])
    base = np.where(np.isnan(noise), np.nan, np.exp(np.log(2) * double[1]))
    return value, base


def _per_process(
    rows: pd.DataFrame, replicates: int, share: float, random: np.random.Generator
) -> tuple[Matrix, Matrix]:
    """1 for a `share` of the processes, else 0: of the contestants' and of the baseline's. A process
    has the same in all its metrics, and the baseline's is in all rows of its case.
    """
    both = []
    for keys in ([*CASE, "allocator"], CASE):
        process = rows.groupby(keys, sort=False).ngroup().to_numpy()
        hit = random.random((process.max() + 1, replicates)) < share
        both.append(hit[process].astype(float))
    return both[0], both[1]


def _counts(
    rows: pd.DataFrame, replicates: int, truth: Matrix, random: np.random.Generator
) -> tuple[Matrix, Matrix]:
    """Poisson counts whose means lie between 0.5 and 50, and move together in a replicate."""
    case = rows.groupby(CASE, sort=False).ngroup().to_numpy()
    means = np.exp(random.uniform(np.log(0.5), np.log(50), (case.max() + 1, 1)))
    means = means * random.gamma(10, 0.1, (1, replicates))
    base = random.poisson(means)[case].astype(float)
    return random.poisson(means[case] * np.exp(truth)[:, None]).astype(float), base


def _count(counts: Counts, found: Comparison, truth: Matrix, limits: Limits) -> None:
    """Adds one simulated run; with lower values better, ahead is a ratio below 1."""
    rows, heads = found.rows, found.headlines
    said = np.select([rows["verdict"] == AHEAD, rows["verdict"] == BEHIND], [-1, 1], 0)
    wrong = (said != 0) & (said != np.sign(truth))
    counts.runs += 1
    counts.false_share += wrong.sum() / max(1, np.count_nonzero(said))
    counts.any_claim += bool(np.any(said)) or bool(heads["verdict"].isin(CLAIMS).any())
    counts.false_headline += _false_headlines(heads, rows.assign(truth=truth)) > 0
    with np.errstate(divide="ignore"):
        low, high = np.log(rows["low"]), np.log(rows["high"])
    known = low.notna().to_numpy()
    counts.covered += int(((low <= truth + ZERO) & (high >= truth - ZERO))[known].sum())
    counts.intervals += int(known.sum())
    same = (rows["verdict"] == EQUIVALENT).to_numpy()
    outside = np.abs(truth) >= np.log1p(limits.margin) - ZERO
    counts.false_equivalent += (same & outside).sum() / max(1, same.sum())
    counts.add_power("equivalent", int((same & (truth == 0)).sum()), int((truth == 0).sum()))
    for size, of_size in _by_size(truth):
        counts.add_power(f"row {size}", int((said[of_size] != 0).sum()), int(of_size.sum()))
    _count_headlines(counts, heads, rows.assign(truth=truth))


def _by_size(truth: Matrix) -> Iterator[tuple[float, np.ndarray]]:
    for size in SIZES:
        yield size, np.abs(np.abs(truth) - np.log1p(size)) < ZERO


def _true_means(rows: pd.DataFrame) -> pd.Series:
    return rows.groupby(["metric", "allocator"], sort=False)["truth"].mean()


def _false_headlines(heads: pd.DataFrame, rows: pd.DataFrame) -> int:
    """Headlines that claim a difference where there is none, or the wrong way."""
    means = _true_means(rows).reindex(pd.MultiIndex.from_frame(heads[["metric", "allocator"]]))
    said = np.select([heads["verdict"] == AHEAD, heads["verdict"] == BEHIND], [-1, 1], 0)
    return int(((said != 0) & (said != np.sign(means.to_numpy().round(12)))).sum())


def _count_headlines(counts: Counts, heads: pd.DataFrame, rows: pd.DataFrame) -> None:
    grouped = rows.groupby(["metric", "allocator"], sort=False)["truth"]
    uniform = grouped.first()[grouped.nunique() == 1]
    verdicts = heads.set_index(["metric", "allocator"])["verdict"].reindex(uniform.index)
    claimed = verdicts.isin(CLAIMS).to_numpy()
    for size, of_size in _by_size(uniform.to_numpy(float)):
        counts.add_power(f"headline {size}", int(claimed[of_size].sum()), int(of_size.sum()))
