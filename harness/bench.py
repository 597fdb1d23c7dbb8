"""What all processes of a run have in common, and what is done once for many of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import provider
from harness.allocators import Allocator
from harness.environment import passed_on
from harness.experiment import Case, Experiment
from harness.passes import discover
from harness.pinning import Processors
from harness.plan import PlannedProcess
from harness.process import Job, Outcome, run
from harness.provider import Proof
from harness.warm import Warmer


@dataclass
class Bench:
    """Everything that is the same for all processes of a run."""

    root: Path
    run_dir: Path
    experiment: Experiment
    cases: dict[tuple[str, str, int], Case]
    allocators: dict[str, Allocator]
    processors: Processors
    should_stop: Callable[[], bool] = lambda: False
    passes: dict[str, Any] = field(default_factory=discover)
    warmer: Warmer = field(init=False)
    _proofs: dict[tuple[str, str, str], tuple[Proof, Outcome]] = field(default_factory=dict)
    _prepared: dict[tuple[str, ...], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.warmer = Warmer(self.experiment.warm_bytes)

    def allocator_of(self, planned: PlannedProcess) -> Allocator:
        """The allocator of a process, with the files of its code layout."""
        return self.allocators[planned.allocator].in_layout(planned.layout)

    def plain(self, text: str) -> str:
        """A message without the path of the checkout: records must not depend on it."""
        return text.replace(f"{self.root}/", "")

    def execute(self, job: Job) -> Outcome:
        """Runs a job that is not measured."""
        return run(job, should_stop=self.should_stop)

    def prepare(self, case: Case) -> str:
        """Makes a real program's input, once per run; "" or why that failed."""
        if case.prepare and case.prepare not in self._prepared:
            self._prepared[case.prepare] = self._make_input(case.prepare)
        return self._prepared.get(case.prepare, "")

    def _make_input(self, argv: tuple[str, ...]) -> str:
        env = passed_on()
        limits, cpus = self.experiment, self.processors.everything
        cap = limits.memory_cap_bytes
        done = self.execute(Job(argv, env, cpus, limits.timeout_s, cap, self.root))
        last_words = done.stderr.splitlines()[-1] if done.stderr else done.why
        return "" if done.status == "ok" else f"its input cannot be made: {last_words}"

    def command_proof(self, allocator: Allocator, case: Case, job: Job) -> tuple[Proof, Outcome]:
        """The proof for a real program, obtained once per library and program."""
        key = (allocator.name, allocator.shared_object, case.params)
        if key not in self._proofs:
            self._proofs[key] = provider.probe_command(allocator, job, self.execute)
        return self._proofs[key]
