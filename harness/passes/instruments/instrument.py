"""What every pass shares: the hooks around one process, and what is read when it has ended."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from harness.experiment import Case
from harness.memtest import Output, work_metrics
from harness.passes.instruments.live_file import LiveFile
from harness.process import Observer, Outcome
from records.record import Tally

TRIAL_TIMEOUT_S = 20  # of a program that does nothing


@dataclass(frozen=True)
class Surroundings:
    """What an instrument may need to know: the case it looks at, and the experiment's linger_s."""

    case: Case
    linger_s: float = 0.0


@dataclass
class Readings:
    """What one process gave: metrics by name, reasons for missing ones, and the parts that are no
    single number.

    series is the text of a CSV file, or "".
    """

    metrics: dict[str, float] = field(default_factory=dict)
    unavailable: dict[str, str] = field(default_factory=dict)
    latency: dict[str, Any] | None = None
    syscalls: dict[str, Tally] | None = None
    series: str = ""


class Instrument:
    """The bare instrument: nothing attached. Others override what they need.

    Use: `with Instrument(surroundings) as it`, start the process with the changes that it asks for,
    then `read`.
    """

    observer: Observer | None = None

    def __init__(self, surroundings: Surroundings) -> None:
        self.surroundings = surroundings

    def __enter__(self) -> Instrument:
        return self

    def __exit__(self, *error: object) -> None:
        """Gives files and memory back."""

    def memtest_options(self) -> list[str]:
        """Options that memtest gets in this pass only."""
        return []

    def wrap(self, argv: Sequence[str], env: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
        """The command that starts argv under the instrument, and its environment."""
        return list(argv), dict(env)

    def read(self, outcome: Outcome, output: Output) -> Readings:
        """What the pass has found out; called only when the process ended well."""
        return Readings(metrics=process_metrics(outcome, output))


def process_metrics(outcome: Outcome, output: Output) -> dict[str, float]:
    """The measured region's metrics as memtest reports them; of a program that reports nothing,
    those of the process.
    """
    if output.end:
        return work_metrics(output.end)
    return {
        "wall_s": outcome.wall_s,
        "user_s": outcome.user_s,
        "sys_s": outcome.sys_s,
        "cpu_s": outcome.user_s + outcome.sys_s,
        "minor_faults": outcome.minor_faults,
        "major_faults": outcome.major_faults,
    }


def only(metrics: Mapping[str, float], names: Sequence[str]) -> dict[str, float]:
    """Those metrics of `names` that are there: what an instrument slowed down must not be reported
    by its pass.
    """
    return {name: metrics[name] for name in names if name in metrics}


def with_live_file(live: LiveFile) -> list[str]:
    """memtest's option that makes it share its live bytes."""
    return ["--live-file", live.path]


def inner_environment(env: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Splits LD_PRELOAD off, for instruments that are programs themselves and must not get the
    allocator.

    Returns the words to set in front of the measured program (`env LD_PRELOAD=...`, or none) and
    the other variables.
    """
    outer = {key: value for key, value in env.items() if key != "LD_PRELOAD"}
    preload = env.get("LD_PRELOAD")
    return (["env", f"LD_PRELOAD={preload}"] if preload else []), outer


@cache
def reason_it_fails(*command: str) -> str:
    """Why the instrument `command`, tried once on a program that does nothing, does not work on this
    machine, or "". Containers often forbid what strace and perf need; that is no allocator's fault.
    """
    if not shutil.which(command[0]):
        return f"{command[0]} is not installed; ./install.sh fetches it"
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TRIAL_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"{command[0]} hangs on this machine"
    if done.returncode == 0:
        return ""
    words = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
    return f"{command[0]} does not work on this machine: {words[0]}"
