"""The remote-free protocol, explored exhaustively by spin; and the search sees planted bugs.

test_remote_model.c shows that the model's steps are the code's.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

MODEL = Path(__file__).parent / "model" / "remote.pml"

# What is explored to the end: slots, blocks in each, threads that free, steps of each owner.
SIZES = [(1, 2, 2, 3), (2, 1, 1, 3)]

BUGS = [
    "PUSH_ALWAYS",  # the sender does not look whether the slot is queued already
    "TAKE_CLEARS_QUEUED",  # taking a chain early turns QUEUED off
    "RELEASE_QUEUED",  # the re-check of QUEUED before a release is dropped
    "LINK_READ_LATE",  # the link is read after QUEUED went off
    "NO_FORWARD",  # whoever drains a slot of another heap keeps it
    "DRAIN_LOADS_THEN_STORES",  # two steps instead of one exchange
]


def explore(folder: Path, size: tuple[int, int, int, int], bug: str = "") -> str:
    """Runs the search for one size of the model and returns what the verifier says."""
    if shutil.which("spin") is None:
        pytest.skip("spin is not installed")
    slots, blocks, freers, steps = size
    defines = [f"-DSLOTS={slots}", f"-DBLOCKS={blocks}", f"-DFREERS={freers}", f"-DSTEPS={steps}"]
    defines += [f"-DBUG_{bug}"] if bug else []
    subprocess.run(["spin", "-a", *defines, MODEL], cwd=folder, check=True, capture_output=True)
    limits = ["-DSAFETY", "-DCOLLAPSE", "-DVECTORSZ=1024", "-DMEMLIM=2000"]
    effort = "-O0" if bug else "-O2"  # a bug is found long before an optimiser pays
    subprocess.run(["gcc", effort, *limits, "-w", "-o", "pan", "pan.c"], cwd=folder, check=True)
    done = subprocess.run(
        ["./pan", "-m100000"], cwd=folder, capture_output=True, text=True, timeout=200
    )
    return done.stdout


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "-".join(map(str, size)))
def test_every_interleaving_keeps_every_block(
    size: tuple[int, int, int, int], tmp_path: Path
) -> None:
    said = explore(tmp_path, size)
    assert "errors: 0" in said, said
    assert "Search not completed" not in said and "max search depth too small" not in said
    states = re.search(r"([\d.e+]+) states, stored", said)
    assert states is not None and float(states[1]) > 10_000


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_makes_the_search_fail(bug: str, tmp_path: Path) -> None:
    said = explore(tmp_path, (1, 2, 2, 3), bug)
    assert "errors: 1" in said, said
