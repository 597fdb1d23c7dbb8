"""The whole way with real processes: good allocators, planted bad ones, Ctrl-C, full disks."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.harness.conftest import (
    Harness,
    Planted,
    command_line,
    records_of,
    write_experiment,
)

SMALL = '[[workload]]\nname = "random_mixed"\nparams = { working_set = 64, iterations = 2000 }\n'


def test_tiny_runs_every_pass_and_proves_every_allocator(tmp_path: Path, harness: Harness) -> None:
    out = tmp_path / "run"
    done = harness("tiny", "--out", out)
    assert done.returncode == 0, done.stderr
    records = records_of(out)
    plan = json.loads((out / "plan.json").read_text())
    assert [r["run"] for r in records] == [r["run"] for r in plan["runs"]]
    assert {r["status"] for r in records} == {"ok"}
    assert all(r["provider"]["proven"] for r in records)
    assert {r["allocator"] for r in records} == {"ptmalloc", "ptmalloc#2", "lifo"}
    assert {r["workload"] for r in records} == {"random_mixed", "rounds", "sort", "empty"}
    for record in records:
        if record["pass"] in ("memory", "syscalls"):
            assert (out / record["series"]).read_text().count("\n") > 1
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["finished"]
    assert manifest["host"]["kernel"]
    assert all(len(a["sha256"]) == 64 for a in manifest["allocators"])
    assert {check["status"] for check in manifest["start_checks"].values()} == {"ok"}


def test_nothing_recorded_depends_on_where_the_tree_lies(
    tmp_path: Path, harness: Harness, root: Path
) -> None:
    out = tmp_path / "run"
    harness(write_experiment(tmp_path, "time = 1", SMALL), "--out", out)
    for name in ("manifest.json", "plan.json", "runs.jsonl"):
        assert str(root) not in (out / name).read_text(), name


def test_planted_faults_each_get_a_status_and_the_others_go_on(
    tmp_path: Path, harness: Harness, planted: Planted
) -> None:
    case = SMALL.replace("[[workload]]", '[[workload]]\nverify = "full"\ntouch = "all"')
    extra = ["timeout_s = 2", "memory_cap_mib = 512"]
    experiment = write_experiment(tmp_path, "time = 3", case, extra)
    bad = tmp_path / "bad.so"
    bad.write_text("this is no library\n")
    libraries = {"absent": tmp_path / "absent.so", "text": bad}
    libraries |= {f.lower(): planted(f) for f in ("CRASH", "HANG", "OVERLAP", "NOTHING")}
    options = [f"--allocator={name}={path}" for name, path in libraries.items()]
    out = tmp_path / "run"
    done = harness(experiment, "--out", out, *options)
    assert done.returncode == 1
    by_name = {r["allocator"]: r for r in records_of(out) if r["block"] == 0}
    statuses = {name: by_name[name]["status"] for name in by_name}
    assert statuses == {
        "ptmalloc": "ok",
        "lifo": "ok",
        "absent": "refused",
        "text": "refused",
        "crash": "crash",
        "hang": "timeout",
        "overlap": "crash",
        "nothing": "crash",
    }
    assert "no file" in by_name["absent"]["why"]
    assert "cannot be preloaded" in by_name["text"]["why"]
    assert by_name["overlap"]["exit_code"] == 4
    assert by_name["nothing"]["exit_code"] == 3
    for name in libraries:
        assert f"{name}" in done.stderr
    assert "Traceback" not in done.stderr
    # After two failures in its case an allocator is not started again.
    last = next(r for r in records_of(out) if r["block"] == 2 and r["allocator"] == "overlap")
    assert (last["status"], last["argv"]) == ("refused", [])


def test_an_allocator_that_takes_too_much_memory_is_oom(
    tmp_path: Path, harness: Harness, planted: Planted
) -> None:
    case = SMALL.replace("iterations = 2000", "iterations = 1000000")
    experiment = write_experiment(tmp_path, "time = 1", case, ["memory_cap_mib = 300"])
    out = tmp_path / "run"
    done = harness(experiment, "--out", out, f"--allocator=greedy={planted('GREEDY')}")
    assert done.returncode == 1
    greedy = next(r for r in records_of(out) if r["allocator"] == "greedy")
    assert greedy["status"] == "oom"
    assert "cap of 300 MiB" in greedy["why"]


def wait_for_records(path: Path, count: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if path.exists() and path.read_bytes().count(b"\n") >= count:
            return
        time.sleep(0.02)
    pytest.fail(f"{path} did not get {count} records")


def test_an_interrupted_run_resumes_without_loss_or_doubles(
    tmp_path: Path, root: Path, harness: Harness
) -> None:
    experiment = write_experiment(tmp_path, "time = 30", SMALL)
    out = tmp_path / "run"
    command = command_line(experiment, "--out", out, "--no-report")
    first = subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True)
    wait_for_records(out / "runs.jsonl", 5)
    first.send_signal(signal.SIGINT)
    _, words = first.communicate(timeout=30)
    assert first.returncode == 130
    assert f"--out {out} --resume" in words
    before = records_of(out)
    assert 5 <= len(before) < 60

    with (out / "runs.jsonl").open("ab") as file:
        file.write(b'{"schema":1,"run":"time-0')  # as if the machine had lost power while writing
    done = harness(experiment, "--out", out, "--resume")
    assert done.returncode == 0, done.stderr
    after = records_of(out)
    assert after[: len(before)] == before
    assert set(Counter(r["run"] for r in after).values()) == {1}
    assert len(after) == 60


def test_resuming_with_another_library_is_refused(
    tmp_path: Path, root: Path, harness: Harness
) -> None:
    library = tmp_path / "mine.so"
    library.write_bytes((root / "build/liblifo.so").read_bytes())
    experiment = write_experiment(tmp_path, "time = 1", SMALL)
    out = tmp_path / "run"
    options = ["--allocators", "ptmalloc", "--allocator", f"mine={library}"]
    assert harness(experiment, "--out", out, *options).returncode == 0
    library.write_bytes((root / "build/libbump.so").read_bytes())
    done = harness(experiment, "--out", out, "--resume")
    assert done.returncode == 2
    assert "mine is not the file" in done.stderr


def test_a_full_disk_stops_with_one_message_and_all_records(
    tmp_path: Path, root: Path, harness: Harness
) -> None:
    """A limit on the size of files stands for the full disk; it hits runs.jsonl first."""
    experiment = write_experiment(tmp_path, "time = 20", SMALL)
    out = tmp_path / "run"
    done = subprocess.run(
        command_line(experiment, "--out", out, "--no-report"),
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (24_000, 24_000)),
    )
    assert done.returncode == 1
    assert "cannot add a record" in done.stderr
    assert "Traceback" not in done.stderr
    kept = len(records_of(out))
    assert 0 < kept < 40
    assert harness(experiment, "--out", out, "--resume").returncode == 0
    assert len(records_of(out)) == 40


def test_a_program_with_different_output_is_refused(tmp_path: Path, harness: Harness) -> None:
    script = "echo $LD_PRELOAD | sort"  # the output names the allocator: no two agree
    case = f'[[command]]\nname = "tell"\nargv = ["sh", "-c", "{script}"]\n'
    out = tmp_path / "run"
    done = harness(write_experiment(tmp_path, "time = 1", case), "--out", out)
    assert done.returncode == 1
    last = {r["run"]: r for r in records_of(out)}
    assert {r["status"] for r in last.values()} == {"refused"}
    assert all("did different work" in r["why"] for r in last.values())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["quik"], "did you mean 'quick'"),
        (["quick", "--allocators", "jemaloc"], "did you mean 'jemalloc'"),
        (["quick", "--allocator", "x.so"], "NAME=/path"),
        (["quick", "--passes", "tiem"], "did you mean 'time'"),
        (["quick", "--replicates", "0"], "1 or more"),
        (["quick", "--blocks", "0"], "1 or more"),  # the older name
        (["quick", "--out", "/proc/nothing"], "results folder /proc/nothing"),
        (["quick", "--out", "Makefile/x"], "results folder Makefile/x"),
        (["quick", "--resume", "--out", "/proc"], "no run that could be resumed"),
    ],
)
def test_wrong_usage_is_one_message_and_exit_code_2(
    harness: Harness, words: list[str], message: str
) -> None:
    done = harness(*words)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (SMALL.replace("random_mixed", "random_mixt"), "did you mean 'random_mixed'"),
        (SMALL.replace("working_set", "workingset"), "did you mean 'working_set'"),
    ],
)
def test_an_unknown_workload_or_option_gets_the_nearest_name(
    tmp_path: Path, harness: Harness, case: str, message: str
) -> None:
    done = harness(write_experiment(tmp_path, "time = 1", case), "--out", tmp_path / "run")
    assert done.returncode == 2
    assert message in done.stderr


def test_a_run_is_not_written_over(tmp_path: Path, harness: Harness) -> None:
    experiment = write_experiment(tmp_path, "time = 1", SMALL)
    assert harness(experiment, "--out", tmp_path / "run").returncode == 0
    done = harness(experiment, "--out", tmp_path / "run")
    assert done.returncode == 2
    assert "already holds a run" in done.stderr


def test_a_dry_run_shows_the_plan_and_writes_nothing(tmp_path: Path, harness: Harness) -> None:
    done = harness("tiny", "--dry-run", "--out", tmp_path / "run")
    assert done.returncode == 0
    assert "51 processes" in done.stdout
    assert not (tmp_path / "run").exists()


def test_list_names_experiments_allocators_and_workloads(harness: Harness) -> None:
    done = harness("--list")
    assert done.returncode == 0
    for name in ("quick", "jemalloc", "producer_consumer"):
        assert name in done.stdout


def test_harness_sh_installs_builds_and_takes_paths_from_where_it_is_called(
    tmp_path: Path, root: Path
) -> None:
    words = ["tiny", "--replicates", "1", "--passes", "time", "--no-report", "--out", "here"]
    done = subprocess.run(
        [root / "harness.sh", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(records_of(tmp_path / "here")) == 9


def test_the_run_ends_with_a_report(tmp_path: Path, harness: Harness) -> None:
    words = ["--blocks", "1", "--passes", "time,memory"]
    done = harness("tiny", *words, "--out", tmp_path / "run", report=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run/report.html").stat().st_size > 10_000
    assert (tmp_path / "run/tidy.csv").read_text().startswith("run,block,allocator,workload")


def test_help_needs_nothing_but_python() -> None:
    root = Path(__file__).resolve().parent.parent.parent
    done = subprocess.run(
        ["python3", "-S", "-m", "harness", "--help"], cwd=root, capture_output=True, check=False
    )
    assert done.returncode == 0
    assert b"--resume" in done.stdout


def test_input_is_prepared_once_and_a_failure_to_do_so_is_told(
    tmp_path: Path, harness: Harness
) -> None:
    made = tmp_path / "made"
    make = f'["sh", "-c", "echo once >> {made}"]'
    cases = f'[[command]]\nname="good"\nargv=["sort", "{made}"]\nprepare={make}\n'
    cases += '[[command]]\nname="bad"\nargv=["sort"]\nprepare=["sh", "-c", "echo no >&2; exit 3"]\n'
    out = tmp_path / "run"
    done = harness(write_experiment(tmp_path, "time = 2", cases), "--out", out)
    assert done.returncode == 1
    assert made.read_text() == "once\n"
    records = records_of(out)
    assert {r["status"] for r in records if r["workload"] == "good"} == {"ok"}
    assert {r["why"] for r in records if r["workload"] == "bad"} == {"its input cannot be made: no"}


def test_a_program_that_is_not_installed_is_left_out_by_name(
    tmp_path: Path, harness: Harness
) -> None:
    cases = '[[command]]\nname="here"\nargv=["true"]\n'
    cases += '[[command]]\nname="gone"\nargv=["no-such-program"]\n'
    out = tmp_path / "run"
    done = harness(write_experiment(tmp_path, "time = 1", cases), "--out", out)
    assert "gone is left out: no-such-program not installed" in done.stderr
    assert {r["workload"] for r in records_of(out)} == {"here"}


def test_the_null_allocator_runs_in_the_time_pass_where_blocks_may_overlap(
    tmp_path: Path, harness: Harness
) -> None:
    cases = SMALL + '[[workload]]\nname = "tree"\nparams = { trees = 1, long_depth = 3 }\n'
    cases += '[[command]]\nname = "sort"\nargv = ["sort", "/etc/passwd"]\n'
    experiment = write_experiment(tmp_path, "time = 1\nmemory = 1", cases)
    out = tmp_path / "run"
    done = harness(experiment, "--out", out, "--allocators", "ptmalloc,null")
    assert done.returncode == 0, done.stderr
    (null,) = (r for r in records_of(out) if r["allocator"] == "null")
    assert (null["workload"], null["pass"], null["status"]) == ("random_mixed", "time", "ok")
    assert null["provider"]["path"] == "build/libnull.so"
    same = {r["checksum"] for r in records_of(out) if r["workload"] == null["workload"]}
    assert same == {null["checksum"]}
