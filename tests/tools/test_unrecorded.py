"""Where a process cannot be recorded, alloc-record names it, says why and exits with 125."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.tools.recording import (
    ALLOC_RECORD,
    PROGRAMS,
    SERVER,
    needs_root,
    only_traces,
    run_recorder,
    workers,
)


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
        done = run_recorder(tmp_path / str(number), *command)
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
    done = run_recorder(tmp_path / "t", SERVER, "exec", program)
    assert done.returncode == 125
    assert "set-user-id" in done.stderr


def test_a_namespace_of_its_own_is_named(tmp_path: Path) -> None:
    done = run_recorder(tmp_path / "t", SERVER, "namespace", PROGRAMS / "module.so")
    assert done.returncode == 125
    assert "dlmopen" in done.stderr


def test_a_malloc_of_the_programs_own_is_named(tmp_path: Path) -> None:
    done = run_recorder(tmp_path / "t", PROGRAMS / "own_malloc")
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
    done = run_recorder(tmp_path / "t", SERVER, "exec-behind-root", root)
    assert done.returncode == 125
    assert "executed /program" in done.stderr
    assert "had changed its root directory" in done.stderr


def test_a_recording_inside_a_recording_is_named(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    done = run_recorder(tmp_path / "outer", ALLOC_RECORD, "-o", inner, "--", SERVER, "plain")
    assert done.returncode == 125
    assert f"executed {SERVER} and was not recorded" in done.stderr
    assert workers(inner) == 1


def test_recordings_that_the_program_removes_are_missed(tmp_path: Path) -> None:
    done = run_recorder(tmp_path / "t", "sh", "-c", f"rm -f {tmp_path}/t/*/raw-*")
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
