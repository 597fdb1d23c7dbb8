"""Does an instrument work on this machine at all? Tried once on a program that does nothing."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache

TIMEOUT_S = 20


@cache
def reason_it_fails(*command: str) -> str:
    """Why `command` does not run here, or "". Containers forbid what strace and perf need as often
    as not, and an allocator must not be blamed for that.
    """
    if not shutil.which(command[0]):
        return f"{command[0]} is not installed; ./install.sh fetches it"
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"{command[0]} hangs on this machine"
    if done.returncode == 0:
        return ""
    words = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
    return f"{command[0]} does not work on this machine: {words[0]}"
