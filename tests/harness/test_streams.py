"""What is printed reaches every terminal and pipe, or ends in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from common import streams
from tests.harness.conftest import ROOT, records_of

REFERENCE = ROOT / "results" / "reference" / "rnbench"
HARNESS = [sys.executable, "-I", str(ROOT / "harness" / "__main__.py")]
TABLE = f"{ROOT}/stats.py table {REFERENCE} --metric wall_s"
LIST = f"{sys.executable} -I {ROOT}/harness/__main__.py --list"


def shell(command: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        env={**os.environ, **variables},
        capture_output=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp437"])
def test_letters_that_an_encoding_lacks_are_replaced_by_their_like(encoding: str) -> None:
    program = (
        "from common import streams; streams.prepare(); "
        "print('0.98 \\u2713 1.2 \\u2717 \\u2013 \\u221e \\u4e2d \\udcff')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        cwd=ROOT,
        capture_output=True,
        timeout=60,
        check=False,
    )
    infinite = "\u221e" if encoding == "cp437" else "inf"
    assert done.stderr == b""
    assert done.stdout.decode(encoding) == f"0.98 + 1.2 x - {infinite} ? \\xff\n"


def test_every_sign_of_the_tables_has_its_like() -> None:
    for letter, plain in streams.PLAIN.items():
        assert plain.isascii()
        assert "?" not in plain, letter


@pytest.mark.parametrize(
    "variables",
    [
        {"LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
        {"COLUMNS": "1"},
        {"NO_COLOR": "1", "TERM": "dumb"},
    ],
)
@pytest.mark.parametrize("command", [TABLE, LIST])
def test_tables_and_lists_come_in_every_locale(command: str, variables: dict[str, str]) -> None:
    done = shell(command, **variables)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("command", [TABLE, LIST])
def test_a_closed_pipe_is_no_fault(command: str) -> None:
    done = shell(f"{command} | true")
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("command", [TABLE, LIST])
def test_a_full_disk_is_one_line_and_an_exit_code(command: str) -> None:
    done = shell(f"{command} >/dev/full")
    assert done.returncode in (1, 2)
    assert done.stderr.count(b"\n") == 1
    assert b"No space left" in done.stderr


def test_closed_standard_streams_do_not_lead_into_the_records(tmp_path: Path) -> None:
    out = tmp_path / "o"
    words = f"tiny --passes time --allocators ptmalloc --no-report --out {out}"
    done = shell(f"{' '.join(HARNESS)} {words} <&- >&- 2>&-")
    assert done.returncode == 0
    assert {r["status"] for r in records_of(out)} == {"ok"}


def test_a_library_whose_path_the_loader_cannot_take_is_refused_in_one_line(
    tmp_path: Path,
) -> None:
    library = tmp_path / "a folder" / "x.so"
    command = [*HARNESS, "tiny", "--allocator", f"x={library}", "--dry-run"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "cannot hold a space" in done.stderr
