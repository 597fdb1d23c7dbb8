"""Before the first block: does each allocator start at all, and is it really the one that serves
malloc?

`memtest empty` does nothing, so what fails here fails everywhere; the allocator is then left out at
once instead of costing a time-out in every cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import memtest, provider
from harness.allocators import Allocator
from harness.bench import Bench
from harness.environment import passed_on
from harness.experiment import Cell
from harness.measure import judge
from harness.process import Job
from harness.provider import Proof

LONGEST_S = 10.0
EMPTY = Cell(kind="memtest", workload="empty", threads=1)


@dataclass(frozen=True)
class Check:
    """How the start check of one allocator ended; status "ok" or the status that all its runs will
    get.
    """

    status: str
    why: str
    proof: Proof

    def as_manifest(self, root: Path) -> dict[str, Any]:
        """What the manifest keeps of it."""
        provider = self.proof.as_record(root)
        return {"status": self.status, "why": self.why, "provider": provider}


def check(bench: Bench, allocator: Allocator) -> Check:
    """Starts the allocator once. Raises Interrupted when the person has had enough."""
    nothing = provider.unproven(allocator)
    if not allocator.available:
        return Check("refused", allocator.why_not, nothing)
    binary = bench.root / allocator.binary
    if not binary.is_file():
        return Check("refused", f"{allocator.binary} is not built; run: make all", nothing)
    outcome = bench.execute(_job(bench, allocator))
    report = memtest.parse(outcome.stdout)
    proof = provider.from_memtest(allocator, report.end, outcome.stderr)
    status, why = judge(EMPTY, outcome, report, proof)
    return Check(status, why and f"start check: {bench.plain(why)}", proof)


def _job(bench: Bench, allocator: Allocator) -> Job:
    argv = memtest.command_line(allocator.binary, EMPTY.workload, 1, 1, {})
    env = {**passed_on(), **allocator.env, **allocator.memtest_env}
    limits = bench.experiment
    timeout = min(LONGEST_S, limits.timeout_s)
    return Job(argv, env, bench.processors.single, timeout, limits.memory_cap_bytes, bench.root)


def check_all(bench: Bench) -> dict[str, Check]:
    """The start check of every allocator of the run."""
    return {name: check(bench, allocator) for name, allocator in bench.allocators.items()}


def summary(checks: dict[str, Check]) -> list[str]:
    """One line for each allocator that will not be measured."""
    return [
        f"{name}: {check.status}, {check.why}; its runs are recorded so and not started"
        for name, check in checks.items()
        if check.status != "ok"
    ]
