"""What the harness itself prints: the plan, the count of how processes ended. Tables and figures
are stats.py's.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.experiment import Experiment
from harness.plan import PlannedProcess, layouts_of
from records.record import STATUSES, Record


def plan_line(experiment: Experiment, plan: Sequence[PlannedProcess], run_dir: Path) -> str:
    """One line at the start of a run."""
    names = len({planned.allocator for planned in plan})
    count = layouts_of(plan)
    layouts = f" in {count} code layouts (linked now, where they are not yet)" if count > 1 else ""
    what = f"{len(plan)} processes for {names} allocators{layouts}"
    return f"{experiment.name}: {what}, results in {run_dir}"


def plan_table(experiment: Experiment, plan: Sequence[PlannedProcess], seed: int) -> str:
    """What --dry-run prints: processes by case and pass, and the allocators."""
    passes = list(dict.fromkeys(planned.pass_name for planned in plan))
    counts = Counter((planned.case_key, planned.pass_name) for planned in plan)
    lines = [experiment.title, experiment.question, ""]
    lines.append(f"{'workload':<20}{'threads':>8}" + "".join(f"{name:>14}" for name in passes))
    for key in sorted({planned.case_key for planned in plan}):
        numbers = "".join(f"{counts[(key, name)] or '-':>14}" for name in passes)
        lines.append(f"{key[0]:<20}{key[2]:>8}{numbers}")
        if key[1]:
            lines.append(f"    {key[1]}")
    names = dict.fromkeys(sorted(planned.allocator for planned in plan))
    lines += ["", f"allocators: {', '.join(names)}", f"{len(plan)} processes, seed {seed}"]
    return "\n".join(lines)


def count_line(counts: Mapping[str, int]) -> str:
    """How the processes of a run ended, the good ones first."""
    parts = [f"{counts[status]} {status}" for status in STATUSES if counts.get(status)]
    return "processes: " + ", ".join(parts)


def disturbed_lines(records: Sequence[Record], manifest: Mapping[str, Any]) -> list[str]:
    """How many processes were measured again because the machine was disturbed."""
    again = sum("disturbed" in record for record in records)
    if not again:
        return []
    kept = manifest.get("kept_disturbed", 0)
    more = f"; {kept} replicates of a case were disturbed again and count" if kept else ""
    return [f"{again} processes were measured again, since the machine was disturbed{more}"]


REPORT_WITH_ALARM = 3  # the report is written, but the run's self-test raised an alarm


def make(root: Path, run_dir: Path) -> int:
    """Lets stats.py turn the records into tables, figures and report.html; its exit status."""
    command = [sys.executable, "-I", str(root / "stats.py"), "report", str(run_dir)]
    return subprocess.run(command, check=False).returncode
