"""alloc-record: exit codes, signals, and what is left behind."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.tools.recording import (
    ALLOC_RECORD,
    PROGRAMS,
    SERVER,
    only_traces,
    run_recorder,
    workers,
)


def test_exit_codes_are_those_of_env_and_timeout(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.write_text("no program")
    cases: list[tuple[tuple[str | Path, ...], int]] = [
        (("sh", "-c", "exit 7"), 7),
        (("sh", "-c", "kill -9 $$"), 137),
        ((closed,), 126),
        (("no-such-program",), 127),
        ((tmp_path / "missing",), 127),
    ]
    for command, code in cases:
        output = tmp_path / "t"
        assert run_recorder(output, *command).returncode == code, command
        shutil.rmtree(output)
    assert run_recorder(Path("/proc/nowhere"), "true").returncode == 125


@pytest.mark.parametrize("name", ["CHLD", "INT", "HUP"])
def test_signals_that_the_caller_ignores_stay_ignored(tmp_path: Path, name: str) -> None:
    words = ["env", f"--ignore-signal={name}", str(ALLOC_RECORD), "-o", str(tmp_path / "t"), "--"]
    recorder = subprocess.Popen([*words, str(SERVER), "background", "1"], start_new_session=True)
    if name != "CHLD":
        time.sleep(0.5)
        os.killpg(recorder.pid, getattr(signal, f"SIG{name}"))
    assert recorder.wait(timeout=20) == 0
    assert workers(tmp_path / "t") == 1


def recorder_at_work(output: Path, *command: str | Path) -> int:
    """Starts a recording in a process group of its own, and waits for the work of server.c."""
    words: list[str | Path] = [ALLOC_RECORD, "-o", output, "--", *command]
    recorder = subprocess.Popen(
        words,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 20
    while not list(output.glob("*/raw-*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.3)
    return recorder.pid


def wait_for(pid: int) -> int:
    """The exit code of a child."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("to", ["group", "recorder"])
def test_a_signal_ends_the_program_and_leaves_a_whole_trace(
    tmp_path: Path, number: signal.Signals, to: str
) -> None:
    output = tmp_path / "t"
    pid = recorder_at_work(output, SERVER, "sleep", "30")
    if to == "group":
        os.killpg(pid, number)
    else:
        os.kill(pid, number)
    assert wait_for(pid) == 128 + number
    assert workers(output) == 1
    assert only_traces(output)


def test_a_second_signal_ends_the_wait_for_what_was_left_behind(tmp_path: Path) -> None:
    output = tmp_path / "t"
    pid = recorder_at_work(output, SERVER, "background", "30")
    os.kill(pid, signal.SIGINT)
    assert wait_for(pid) == 125
    assert workers(output) == 1
    assert only_traces(output)
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"{SERVER}\0background" in (process / "cmdline").read_text():
                os.kill(int(process.name), signal.SIGKILL)


def test_an_interruption_while_traces_are_made_leaves_no_half_of_one(tmp_path: Path) -> None:
    output = tmp_path / "t"
    pid = recorder_at_work(output, PROGRAMS / "storm", "exit", "100000")
    deadline = time.monotonic() + 60
    while not list(output.glob("*.part")) and time.monotonic() < deadline:
        time.sleep(0.001)
    os.kill(pid, signal.SIGTERM)
    assert wait_for(pid) == 125
    assert not list(output.glob("*.part"))
    done = subprocess.run([ALLOC_RECORD, "finish", output], capture_output=True, timeout=100)
    assert done.returncode == 0
    assert len(list(output.glob("*.trace"))) == 4
    assert only_traces(output)
