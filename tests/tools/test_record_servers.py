"""Programs that change their user or root, close or use up descriptors, lower their limits, or execute
others are recorded whole; where that cannot be, alloc-record says why and exits with 125.
"""

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from stats.trace.trace_file import read_trace
from tests.tools.recording import ALLOC_RECORD, LIBRARY, PROGRAMS, listed_allocators

SERVER = PROGRAMS / "server"
OBJECTS, SIZE = 1000, 333
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may change user or root")


def run(
    output: Path,
    *command: str | Path,
    recorder: Path = ALLOC_RECORD,
    environment: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Records `command` into `output`."""
    words: list[str | Path] = [recorder, "-o", output, "--", *command]
    return subprocess.run(
        words,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **(environment or {})},
    )


def workers(output: Path) -> int:
    """How often the work of server.c is in the traces, which must be free of flaws."""
    traces = [read_trace(path) for path in output.glob("*.trace")]
    for trace in traces:
        assert not any(trace.totals[flaw] for flaw in ("lost", "unseen", "unknown"))
    return sum(int((trace.size == SIZE).sum()) == OBJECTS for trace in traces)


def only_traces(output: Path) -> bool:
    """True when nothing but traces is left."""
    return all(path.suffix == ".trace" for path in output.iterdir())


@pytest.mark.parametrize(
    ("mode", "count"),
    [
        ("plain", 1),
        ("daemon", 1),
        ("data-file", 2),
        ("duplicates", 2),
        ("nofile", 1),
        ("no-limits", 1),
        ("clone-files", 2),
        ("exec", 1),
        ("spawn", 1),
        ("vfork", 1),
        pytest.param("setuid", 1, marks=needs_root),
        pytest.param("thread-setuid", 2, marks=needs_root),
        pytest.param("chroot", 1, marks=needs_root),
        pytest.param("mlockall", 1, marks=needs_root),
    ],
)
def test_a_worker_is_recorded_whatever_was_taken_from_it(
    tmp_path: Path, mode: str, count: int
) -> None:
    data = tmp_path / "data"
    (tmp_path / "root").mkdir()
    arguments = {
        "data-file": data,
        "duplicates": data,
        "chroot": tmp_path / "root",
        "exec": SERVER,
        "spawn": SERVER,
        "vfork": SERVER,
    }
    done = run(tmp_path / "t", SERVER, mode, arguments.get(mode, ""))
    assert done.returncode == 0, done.stderr
    traces = [read_trace(path) for path in (tmp_path / "t").glob("*.trace")]
    assert sum(int((trace.size == SIZE).sum()) for trace in traces) == OBJECTS * count
    assert workers(tmp_path / "t") >= 1
    assert only_traces(tmp_path / "t")
    if data.exists():
        assert data.read_bytes() == b"data", "nobody else writes into the program's file"


def test_a_failed_execution_is_no_failure_of_the_recording(tmp_path: Path) -> None:
    done = run(tmp_path / "t", SERVER, "failed-exec", tmp_path / "nothing")
    assert done.returncode == 0, done.stderr
    assert workers(tmp_path / "t") == 1


@needs_root
def test_a_program_that_nobody_executes_is_recorded_where_all_may_go() -> None:
    """pytest's own folders are closed to others."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        folder.chmod(0o755)
        for file in (ALLOC_RECORD, LIBRARY, SERVER):
            shutil.copy(file, folder)
        recorder, server = folder / ALLOC_RECORD.name, folder / SERVER.name
        done = run(folder / "t", server, "exec-as-nobody", server, recorder=recorder)
        assert done.returncode == 0, done.stderr
        assert workers(folder / "t") == 1
        (folder / "closed").mkdir(mode=0o700)
        done = run(folder / "closed" / "t", server, "exec-as-nobody", server, recorder=recorder)
        assert done.returncode == 125
        assert "its user cannot read librecord.so or enter the directory" in done.stderr
    finally:
        shutil.rmtree(folder)


def test_children_forked_in_a_handler_are_whole(tmp_path: Path) -> None:
    """The handler interrupts malloc, free and the recorder itself."""
    done = run(tmp_path / "t", SERVER, "handler")
    assert done.returncode == 0, done.stderr
    assert workers(tmp_path / "t") == 100
    parent = read_trace(min((tmp_path / "t").glob("001-*.trace")))
    assert parent.totals["torn"] == 0


# ---- what cannot be recorded ----


def static_program(folder: Path) -> Path:
    """A statically linked program."""
    (folder / "static.c").write_text("int main(void) { return 0; }\n")
    command = ["cc", "-static", "-o", str(folder / "static"), str(folder / "static.c")]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("the compiler cannot link statically here")
    return folder / "static"


def test_an_unrecorded_execution_is_named_with_its_reason(tmp_path: Path) -> None:
    static = static_program(tmp_path)
    script = tmp_path / "script"
    script.write_text(f"#!{static}\n")
    script.chmod(0o755)
    environment = "environment lacks LD_PRELOAD"
    cases: list[tuple[tuple[str | Path, ...], str | Path, str]] = [
        ((static,), static, "statically linked"),
        ((SERVER, "exec", static), static, "statically linked"),
        ((SERVER, "spawn", static), static, "statically linked"),
        ((SERVER, "exec", script), script, "statically linked"),
        ((SERVER, "exec-bare", SERVER), SERVER, environment),
        ((SERVER, "spawn-bare", SERVER), SERVER, environment),
        ((SERVER, "bare-system", "true"), "/bin/sh", environment),
        (("env", "-i", SERVER, "plain"), SERVER, environment),
    ]
    for number, (command, name, reason) in enumerate(cases):
        done = run(tmp_path / str(number), *command)
        assert done.returncode == 125, command
        assert f"executed {name} and was not recorded" in done.stderr
        assert reason in done.stderr, command
        assert only_traces(tmp_path / str(number))


@needs_root
def test_a_set_user_id_program_is_named(tmp_path: Path) -> None:
    if os.statvfs(tmp_path).f_flag & os.ST_NOSUID:
        pytest.skip("the file system ignores set-user-id")
    program = tmp_path / "server"
    shutil.copy(SERVER, program)
    os.chown(program, 65534, 65534)
    program.chmod(program.stat().st_mode | stat.S_ISUID)
    done = run(tmp_path / "t", SERVER, "exec", program)
    assert done.returncode == 125
    assert "set-user-id" in done.stderr


def test_a_namespace_of_its_own_is_named(tmp_path: Path) -> None:
    done = run(tmp_path / "t", SERVER, "namespace", PROGRAMS / "module.so")
    assert done.returncode == 125
    assert "dlmopen" in done.stderr


def test_a_malloc_of_the_programs_own_is_named(tmp_path: Path) -> None:
    done = run(tmp_path / "t", PROGRAMS / "own_malloc")
    assert done.returncode == 125
    assert "defines its own malloc" in done.stderr


@needs_root
def test_a_program_behind_a_chroot_is_named(tmp_path: Path) -> None:
    """Its own libc is there, the recorder is not."""
    root = tmp_path / "root"
    libraries = subprocess.check_output(["ldd", str(SERVER)], text=True).split()
    for library in (word for word in libraries if word.startswith("/")):
        copy = root / library.lstrip("/")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, copy)
    shutil.copy(SERVER, root / "program")
    done = run(tmp_path / "t", SERVER, "exec-behind-root", root)
    assert done.returncode == 125
    assert "executed /program" in done.stderr
    assert "had changed its root directory" in done.stderr


def test_a_recording_inside_a_recording_is_named(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    done = run(tmp_path / "outer", ALLOC_RECORD, "-o", inner, "--", SERVER, "plain")
    assert done.returncode == 125
    assert f"executed {SERVER} and was not recorded" in done.stderr
    assert workers(inner) == 1


def test_recordings_that_the_program_removes_are_missed(tmp_path: Path) -> None:
    done = run(tmp_path / "t", "sh", "-c", f"rm -f {tmp_path}/t/*/raw-*")
    assert done.returncode == 125
    assert "raw files are missing" in done.stderr


def test_a_small_limit_is_a_reason(tmp_path: Path) -> None:
    output = tmp_path / "t"
    command = f"ulimit -f 300; exec {ALLOC_RECORD} -o {output} -- {SERVER} exec {SERVER}"
    script = f"ulimit -f 100; exec {SERVER} plain"
    for shell, word in (
        (f"ulimit -f 10; exec {ALLOC_RECORD} -o {output} -- true", "File too large"),
        (f"exec {ALLOC_RECORD} -o {output} -- sh -c '{script}'", "ulimit -f"),
        (command, ""),
    ):
        shutil.rmtree(output, ignore_errors=True)
        done = subprocess.run(
            ["bash", "-c", shell], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == (125 if word else 0), done.stderr
        assert word in done.stderr
        assert only_traces(output)


@pytest.mark.parametrize("size", ["100k", "600k", "2m"])
def test_a_full_disk_is_a_reason_and_the_program_goes_on(tmp_path: Path, size: str) -> None:
    """Before the start, at the start, in the middle. A tmpfs in a mount namespace of its own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    script = (
        f"mount -t tmpfs -o size={size} none {disk} && {ALLOC_RECORD} -o {disk}/t -- "
        f"sh -c '{PROGRAMS}/storm exit 20000 3>&-; {SERVER} plain; echo went on' 3>/dev/null;"
        f"echo $?; ls -A {disk}/t/"
    )
    enter = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    if subprocess.run([*enter, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no mount namespace can be made here")
    done = subprocess.run(
        [*enter, "sh", "-c", script], capture_output=True, text=True, timeout=100, check=False
    )
    assert "125" in done.stdout.splitlines(), done.stderr
    if size == "100k":
        assert "No space left on device; nothing is recorded" in done.stderr
    else:
        assert "went on" in done.stdout, done.stderr
        assert "the disk that holds the recording is full" in done.stderr
    assert ".part" not in done.stdout, "no half of a trace"


# ---- exit codes, signals, and what is left behind ----


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
        assert run(output, *command).returncode == code, command
        shutil.rmtree(output)
    assert run(Path("/proc/nowhere"), "true").returncode == 125


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


@pytest.mark.parametrize("name", ["with space", "with:colon", "with$ORIGIN", "mit-ümlaut"])
def test_any_path_can_be_preloaded(tmp_path: Path, name: str) -> None:
    """ld.so would split or expand the path: it goes through a link, which is removed."""
    folder, temporary = tmp_path / name, tmp_path / "tmp"
    folder.mkdir()
    temporary.mkdir()
    environment = {"TMPDIR": str(temporary)}
    for file in (ALLOC_RECORD, LIBRARY):
        shutil.copy(file, folder)
    recorder = folder / ALLOC_RECORD.name
    done = run(folder / "t", SERVER, "plain", recorder=recorder, environment=environment)
    assert done.returncode == 0, done.stderr
    assert "ld.so" not in done.stderr
    assert workers(folder / "t") == 1
    assert not list(temporary.iterdir())
    done = run(folder / "u", "missing", recorder=recorder, environment=environment)
    assert done.returncode == 127
    assert not list(temporary.iterdir())


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    assert run(tmp_path / "link", "true").returncode == 2
    assert not list((tmp_path / "elsewhere").iterdir())


# ---- what other code asks of the dynamic linker ----


@pytest.mark.parametrize("row", listed_allocators(), ids=lambda row: row["name"])
def test_own_operators_serve_all_forms_under_the_recorder(
    tmp_path: Path, row: dict[str, str]
) -> None:
    preload = {"LD_PRELOAD": row["preload"]} if row["preload"] else {}
    done = run(tmp_path / "t", PROGRAMS / "own_new", environment=preload)
    made, ended = (int(word) for word in done.stdout.split())
    assert (done.returncode, ended) == (0, 500)
    assert 500 <= made < 510, "tcmalloc makes two objects of its own by operator new"
    trace = read_trace(next((tmp_path / "t").iterdir()))
    assert (trace.size == SIZE).sum() == 500, "each block once, by the program's malloc"
    assert (trace.size == SIZE - 16).sum() == 0
    assert trace.totals["unknown"] == trace.totals["unseen"] == 0


@pytest.mark.parametrize("row", listed_allocators(), ids=lambda row: row["name"])
def test_a_module_loaded_with_deepbind_frees_through_the_recorder(
    tmp_path: Path, row: dict[str, str]
) -> None:
    preload = {"LD_PRELOAD": row["preload"]} if row["preload"] else {}
    done = run(tmp_path / "t", SERVER, "deep", PROGRAMS / "module.so", environment=preload)
    assert done.returncode == 0, done.stderr
    trace = read_trace(next((tmp_path / "t").iterdir()))
    made = (trace.size == SIZE).nonzero()[0]
    assert len(made) == OBJECTS
    assert len(set(made) & set(trace.maker)) == OBJECTS


def test_dlopen_still_searches_where_its_caller_may(tmp_path: Path) -> None:
    """A module found only by the run path of the program that opens it."""
    folder = tmp_path / "modules"
    folder.mkdir()
    shutil.copy(PROGRAMS / "module.so", folder / "only-here.so")
    (tmp_path / "open.c").write_text(
        '#include <dlfcn.h>\nint main(void) { return dlopen("only-here.so", RTLD_NOW) ? 0 : 1; }\n'
    )
    program = tmp_path / "open"
    run_path = f"-Wl,--enable-new-dtags,-rpath,{folder}"
    subprocess.run(["cc", "-o", program, tmp_path / "open.c", run_path, "-ldl"], check=True)
    assert run(tmp_path / "t", program).returncode == 0
