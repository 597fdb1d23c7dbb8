"""The example in docs/add-a-workload.md compiles as it stands, registers itself and runs."""

import json
import subprocess
from pathlib import Path

from tests.memtest.driver import ROOT


def example_source() -> str:
    """The indented C block of the page."""
    lines = (ROOT / "docs" / "add-a-workload.md").read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("    #include"))
    end = next(i for i, line in enumerate(lines) if "REGISTER_WORKLOAD(stacks)" in line)
    return "\n".join(line[4:] for line in lines[start : end + 1]) + "\n"


def test_the_example_workload_runs(tmp_path: Path) -> None:
    source, binary = tmp_path / "stacks.c", tmp_path / "memtest"
    source.write_text(example_source())
    objects = sorted((ROOT / "build" / "obj" / "memtest").glob("**/*.o"))
    subprocess.run(
        [
            *("cc", "-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wpedantic", "-Werror"),
            *("-iquote", str(ROOT / "memtest" / "workloads"), "-o", str(binary), str(source)),
            *(str(each) for each in objects),
            *("-pthread", "-lm", "-lz"),
        ],
        check=True,
        timeout=120,
    )
    done = subprocess.run(
        [str(binary), "stacks", "--threads", "2", "--verify", "full", "--scale", "0.0001"],
        check=True,
        timeout=60,
        capture_output=True,
        text=True,
    )
    end = json.loads(done.stdout.splitlines()[-1])
    assert end["mallocs"] == end["frees"] == 2 * 1000 * 64
