"""The plan: which process runs when, drawn from one seed before the first of them starts, and
kept in plan.json.

A replicate runs every allocator once in every case, in random order, with the same seed for all
allocators of a case, so that ratios can be paired inside the replicate. Each process gets a random
amount of environment padding of its own: where the stack lies then varies as it would from user to
user (Mytkowicz et al., ASPLOS 2009). Replicates take turns with the code layouts (layouts.py).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from harness.allocators import DERIVED, NULL, Allocator
from harness.experiment import Case, Experiment, select
from records.record import RecordError
from records.store import write_whole

# The names of fields in stored plans and records, where they differ from those here.
STORED_AS = {"id": "run", "pass_name": "pass", "replicate": "block"}

REPEATED = "-r"  # in the name of a process that was measured again, before the repetition's number

MAX_PADDING = 4096  # bytes of environment; one OS page of stack offset


@dataclass(frozen=True)
class PlannedProcess:
    """One process to start; `id` is unique in the run."""

    id: str
    pass_name: str
    replicate: int
    order: int
    allocator: str
    workload: str
    params: str
    threads: int
    seed: int
    padding: int
    layout: int = 0

    @property
    def case_key(self) -> tuple[str, str, int]:
        """The case of the experiment that this process belongs to (Case.key)."""
        return (self.workload, self.params, self.threads)

    def as_entry(self) -> dict[str, Any]:
        """The fields as plan.json and records hold them."""
        return {STORED_AS.get(key, key): value for key, value in dataclasses.asdict(self).items()}

    def again(self) -> PlannedProcess:
        """The same process, for one more repetition of its replicate."""
        return dataclasses.replace(self, id=next_attempt(self.id))

    @staticmethod
    def from_entry(entry: Mapping[str, Any]) -> PlannedProcess:
        """The way back from `as_entry`."""
        known = {stored: key for key, stored in STORED_AS.items()}
        return PlannedProcess(**{known.get(key, key): value for key, value in entry.items()})

    @property
    def group(self) -> tuple[Any, ...]:
        """The processes that do the same work and may be compared with each other: one case of one
        replicate of one pass.
        """
        return (self.pass_name, self.replicate, *self.case_key)


def next_attempt(name: str) -> str:
    """The name of a process, when its replicate is measured once more."""
    first, _, attempt = name.partition(REPEATED)
    return f"{first}{REPEATED}{int(attempt or 0) + 1}"


def replicates_of(
    experiment: Experiment, limit: int | None, passes: Sequence[str]
) -> dict[str, int]:
    """Replicates per pass. The time pass gets `limit` (--replicates), the others at most that."""
    chosen = {p: n for p, n in experiment.replicates.items() if not passes or p in passes}
    if limit is None:
        return chosen
    return {p: limit if p == "time" else min(n, limit) for p, n in chosen.items()}


def layouts_of(plan: Sequence[PlannedProcess]) -> int:
    """How many code layouts the plan needs."""
    return 1 + max((process.layout for process in plan), default=0)


def make_plan(
    experiment: Experiment,
    cases: Sequence[Case],
    allocators: Sequence[Allocator],
    replicates: Mapping[str, int],
    seed: int,
) -> list[PlannedProcess]:
    """All processes in the order in which they will start; the same arguments give the same plan on
    any machine.

    Passes alternate replicate by replicate, so that a slow drift of the machine affects all alike.
    """
    plan: list[PlannedProcess] = []
    for replicate in range(max(replicates.values(), default=0)):
        for pass_name, count in replicates.items():
            if replicate < count:
                plan += _replicate(experiment, cases, allocators, pass_name, replicate, seed)
    return plan


def _replicate(
    experiment: Experiment,
    cases: Sequence[Case],
    allocators: Sequence[Allocator],
    pass_name: str,
    replicate: int,
    seed: int,
) -> list[PlannedProcess]:
    random = Random(f"{seed}/{pass_name}/{replicate}")
    ours = [case for case in cases if pass_name in (case.passes or experiment.replicates)]
    random.shuffle(ours)
    processes: list[PlannedProcess] = []
    for case in ours:
        # The seed does not depend on the pass: strace counts the same work that was timed.
        work_seed = Random(f"{seed}/{replicate}/{case.key}").randrange(1, 2**31)
        order = [a.name for a in allocators if _takes_part(a, case, pass_name)]
        random.shuffle(order)
        for name in order:
            processes.append(
                PlannedProcess(
                    id=f"{pass_name}-{replicate:03}-{len(processes):03}",
                    pass_name=pass_name,
                    replicate=replicate,
                    order=len(processes),
                    allocator=name,
                    workload=case.workload,
                    params=case.params,
                    threads=case.threads,
                    seed=work_seed,
                    padding=random.randrange(MAX_PADDING),
                    layout=replicate % experiment.layouts,
                )
            )
    return processes


def _takes_part(allocator: Allocator, case: Case, pass_name: str) -> bool:
    """An A/A twin and a control go where the allocator goes that they were derived from."""
    original = allocator.name.partition(DERIVED)[0]
    if allocator.passes and pass_name not in allocator.passes:
        return False
    if original == NULL and case.reads_blocks(pass_name):
        return False
    return bool(select(case.allocators or ("*",), [original]))


def save_plan(
    path: Path, plan: Sequence[PlannedProcess], seed: int, experiment: Experiment
) -> None:
    """Writes plan.json, with the experiment as it was read: --resume must not depend on a file that
    may change.
    """
    body = {
        "schema": 1,
        "experiment": experiment.name,
        "seed": seed,
        "definition": experiment.raw,
        "runs": [planned.as_entry() for planned in plan],
    }
    write_whole(path, json.dumps(body, indent=1) + "\n")


def load_plan(path: Path) -> tuple[list[PlannedProcess], dict[str, Any]]:
    """The processes of a plan.json and the rest of the file. Raises RecordError when it is missing
    or damaged.
    """
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        plan = [PlannedProcess.from_entry(entry) for entry in body.pop("runs")]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RecordError(f"{path}: cannot be read as a plan: {error}") from error
    return plan, body
