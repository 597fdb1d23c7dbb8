"""Code layouts: memtest and the project's own malloc, linked in other orders.

At which addresses functions lie changes the run time by more than many a design decision does
(Mytkowicz et al., ASPLOS 2009; Curtsinger and Berger, ASPLOS 2013). So replicate b of a run uses
layout b mod N for every allocator: differences between layouts become part of the noise that each
interval shows. A library that comes as a package is one binary and has one layout; the memtest that
it runs with has many.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from harness.allocators import Allocator
from harness.errors import HarnessError

PLACE = Path("build") / "layouts"


def build(root: Path, allocators: Sequence[Allocator], count: int) -> None:
    """Links what is missing or out of date of `count` layouts. Raises HarnessError with make's
    message if it fails.
    """
    if count < 2:
        return
    binaries = dict.fromkeys(Path(a.binary).name for a in allocators if a.available)
    names = " ".join(name.removeprefix("memtest-") for name in binaries)
    make = ["make", "--no-print-directory", "-s", f"-j{os.cpu_count() or 1}", "layouts"]
    command = [*make, f"LAYOUTS={count}", f"LAYOUT_ALLOCATORS={names}"]
    without = "(layouts = 1 in the experiment does without)"
    try:
        (root / PLACE).mkdir(parents=True, exist_ok=True)
        with (root / PLACE / ".lock").open("w") as lock:  # another run may link in the same tree
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    except OSError as error:
        raise HarnessError(f"{PLACE} cannot be written: {error.strerror} {without}") from error
    if done.returncode != 0:
        raise HarnessError(f"`make layouts` failed: {done.stderr.strip()[-500:]} {without}")
