"""The torture: it finds planted bugs, tells how to replay them, and repeats a run by seed."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

BIN = Path(__file__).resolve().parents[3] / "build" / "tests" / "conformance"


def torture(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / "torture", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("bug", "finding"),
    [
        ("overlap", "overlap"),
        ("misaligned", "not aligned"),
        ("null", "NULL"),
        ("dirty", "dirty memory"),
        ("lost", "lost content"),
    ],
)
def test_a_planted_bug_is_found_and_the_seed_is_told(bug: str, finding: str) -> None:
    done = torture("--seconds", "20", "--seed", "3", LD_PRELOAD=f"{BIN}/libfaulty.so", FAULTY=bug)
    assert done.returncode == -6
    assert finding in done.stderr
    assert "--seed 3" in done.stderr


def test_the_planted_library_without_a_bug_passes() -> None:
    done = torture("--seconds", "1", LD_PRELOAD=f"{BIN}/libfaulty.so")
    assert done.returncode == 0, done.stderr


def test_one_thread_and_a_seed_repeat_the_run() -> None:
    calls = [
        json.loads(torture("--threads", "1", "--ops", "100000", "--seed", seed).stdout)["calls"]
        for seed in ("5", "5", "6")
    ]
    assert calls[0] == calls[1] != calls[2]


def test_a_wrong_option_teaches_the_usage() -> None:
    done = torture("--threads", "0")
    assert done.returncode == 2
    assert "usage: torture" in done.stderr
