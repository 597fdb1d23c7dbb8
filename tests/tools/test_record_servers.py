"""Programs that change their user or root, close or use up descriptors, lower their limits, or execute
others are recorded whole, from any folder and under any allocator.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from stats.trace.trace_file import read_trace
from tests.tools.recording import (
    ALLOC_RECORD,
    LIBRARY,
    OBJECTS,
    PROGRAMS,
    SERVER,
    SIZE,
    listed_allocators,
    needs_root,
    only_traces,
    run_recorder,
    workers,
)


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
    done = run_recorder(tmp_path / "t", SERVER, mode, arguments.get(mode, ""))
    assert done.returncode == 0, done.stderr
    traces = [read_trace(path) for path in (tmp_path / "t").glob("*.trace")]
    assert sum(int((trace.size == SIZE).sum()) for trace in traces) == OBJECTS * count
    assert workers(tmp_path / "t") >= 1
    assert only_traces(tmp_path / "t")
    if data.exists():
        assert data.read_bytes() == b"data", "nobody else writes into the program's file"


def test_a_failed_execution_is_no_failure_of_the_recording(tmp_path: Path) -> None:
    done = run_recorder(tmp_path / "t", SERVER, "failed-exec", tmp_path / "nothing")
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
        done = run_recorder(folder / "t", server, "exec-as-nobody", server, recorder=recorder)
        assert done.returncode == 0, done.stderr
        assert workers(folder / "t") == 1
        (folder / "closed").mkdir(mode=0o700)
        done = run_recorder(
            folder / "closed" / "t", server, "exec-as-nobody", server, recorder=recorder
        )
        assert done.returncode == 125
        assert "its user cannot read librecord.so or enter the directory" in done.stderr
    finally:
        shutil.rmtree(folder)


def test_children_forked_in_a_handler_are_whole(tmp_path: Path) -> None:
    """The handler interrupts malloc, free and the recorder itself."""
    done = run_recorder(tmp_path / "t", SERVER, "handler")
    assert done.returncode == 0, done.stderr
    assert workers(tmp_path / "t") == 100
    parent = read_trace(min((tmp_path / "t").glob("001-*.trace")))
    assert parent.totals["torn"] == 0


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
    done = run_recorder(folder / "t", SERVER, "plain", recorder=recorder, environment=environment)
    assert done.returncode == 0, done.stderr
    assert "ld.so" not in done.stderr
    assert workers(folder / "t") == 1
    assert not list(temporary.iterdir())
    done = run_recorder(folder / "u", "missing", recorder=recorder, environment=environment)
    assert done.returncode == 127
    assert not list(temporary.iterdir())


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    assert run_recorder(tmp_path / "link", "true").returncode == 2
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize("row", listed_allocators(), ids=lambda row: row["name"])
def test_own_operators_serve_all_forms_under_the_recorder(
    tmp_path: Path, row: dict[str, str]
) -> None:
    preload = {"LD_PRELOAD": row["preload"]} if row["preload"] else {}
    done = run_recorder(tmp_path / "t", PROGRAMS / "own_new", environment=preload)
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
    done = run_recorder(tmp_path / "t", SERVER, "deep", PROGRAMS / "module.so", environment=preload)
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
    assert run_recorder(tmp_path / "t", program).returncode == 0
