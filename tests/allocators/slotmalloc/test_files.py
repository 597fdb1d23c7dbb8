"""What slotmalloc writes, and to what: never for a caller without the right, never into a file that
is not its own, and never through a descriptor that the program has given to another file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

BUILD = Path(__file__).resolve().parents[3] / "build"
LIBRARY = BUILD / "libslotmalloc.so"
NOBODY = 65534

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can start it as another user")


def run_under(
    setting: str, *argv: str | Path, preload: bool = True, **how: object
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SLOTMALLOC": setting}
    if preload:
        environment["LD_PRELOAD"] = str(LIBRARY)
    settings = {"capture_output": True, "text": True, "timeout": 60, **how}
    return subprocess.run(argv, env=environment, **settings)  # type: ignore[call-overload]


def compiled(folder: Path, name: str, source: str, *flags: str) -> Path:
    (folder / f"{name}.c").write_text(source)
    program = folder / name
    subprocess.run(["cc", "-o", program, folder / f"{name}.c", *flags], check=True, timeout=60)
    return program


# ---- programs that have rights that their caller lacks ----

PRIVILEGED = """
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
int main(void) {
    void *volatile block = malloc(50);
    free(block);
    printf("%lu", getauxval(AT_SECURE));
    return 0;
}
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, with one in it that only root may."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    (folder / "private").mkdir(mode=0o700)
    (folder / "private" / "secret").write_text("root only")
    shutil.copy(LIBRARY, folder)
    yield folder
    shutil.rmtree(folder)


def linked(folder: Path, how: str) -> Path:
    archive = ["-Wl,--whole-archive", str(BUILD / "libslotmalloc.a"), "-Wl,--no-whole-archive"]
    shared = ["-Wl,--no-as-needed", str(folder / LIBRARY.name), f"-Wl,-rpath,{folder}"]
    flags = {"rpath": shared, "archive": archive, "static": ["-static", *archive]}[how]
    return compiled(folder, how, PRIVILEGED, "-pthread", *flags)


def obeyed(folder: Path, program: Path, **how: object) -> tuple[bool, str]:
    """Whether a file was made or emptied for the variable, and what the program printed."""
    secret, made = folder / "private" / "secret", folder / "private" / "made"
    output = ""
    for setting in (f"stats={made}", f"trace={made}", f"stats={secret}", f"trace={secret}"):
        done = run_under(setting, program, preload=False, **how)
        assert done.returncode == 0 and done.stderr == "", done.stderr
        output = done.stdout
    return made.exists() or secret.read_text() != "root only", output


@needs_root
@pytest.mark.parametrize("how", ["rpath", "archive", "static"])
def test_a_set_user_id_program_takes_nothing_from_the_environment(
    how: str, open_folder: Path
) -> None:
    program = linked(open_folder, how)
    program.chmod(0o4755)
    did, secure = obeyed(open_folder, program, user=NOBODY, group=NOBODY, extra_groups=[])
    if secure == "0":
        pytest.skip("set-user-id programs gain nothing here: the file system is mounted nosuid")
    assert not did


@needs_root
def test_a_program_with_file_capabilities_takes_nothing_from_the_environment(
    open_folder: Path,
) -> None:
    if shutil.which("setcap") is None:
        pytest.skip("setcap is not installed")
    program = linked(open_folder, "rpath")
    capable = ["setcap", "cap_dac_override+ep", str(program)]
    if subprocess.run(capable, capture_output=True).returncode != 0:
        pytest.skip("this file system keeps no capabilities")
    did, secure = obeyed(open_folder, program, user=NOBODY, group=NOBODY, extra_groups=[])
    if secure == "0":
        pytest.skip("the kernel gives no capabilities to this program")
    assert not did


@needs_root
def test_without_the_set_user_id_bit_the_same_program_obeys(open_folder: Path) -> None:
    """Or the tests above would prove nothing."""
    assert obeyed(open_folder, linked(open_folder, "archive"))[0]


# ---- files that are not the library's to empty ----


def other_names(folder: Path) -> dict[str, Path]:
    """Paths that lead to `precious`, or to what is no file."""
    precious = folder / "precious"
    precious.write_text("precious")
    (folder / "link").symlink_to(precious)
    (folder / "dangling").symlink_to(folder / "nothing")
    (folder / "folder").mkdir()
    os.mkfifo(folder / "fifo")
    hard = folder / "hard"
    os.link(precious, hard)
    return {
        "a symbolic link": folder / "link",
        "a symbolic link to nothing": folder / "dangling",
        "a hard link": hard,
        "a directory": folder / "folder",
        "a FIFO": folder / "fifo",
        "a device": Path("/dev/null"),
        "a folder that is not there": folder / "absent" / "file",
    }


@pytest.mark.parametrize("option", ["stats", "trace"])
def test_nothing_but_an_own_regular_file_is_opened_for_writing(option: str, tmp_path: Path) -> None:
    for kind, path in other_names(tmp_path).items():
        done = run_under(f"{option}={path}", "/bin/bash", "-c", "echo fine")
        assert (done.returncode, done.stdout) == (0, "fine\n"), kind
        assert done.stderr.count("\n") == 1 and str(path) in done.stderr, (kind, done.stderr)
    assert (tmp_path / "precious").read_text() == "precious"
    assert not (tmp_path / "nothing").exists()


def test_a_fifo_with_a_reader_gets_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    reader = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    done = run_under(f"stats={tmp_path}/fifo,trace={tmp_path}/fifo", "/bin/bash", "-c", ":")
    assert done.returncode == 0 and os.read(reader, 1) == b""
    os.close(reader)


@needs_root
@pytest.mark.parametrize("option", ["stats", "trace"])
def test_another_users_file_is_left_alone(option: str, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_text("theirs")
    os.chown(theirs, NOBODY, NOBODY)
    done = run_under(f"{option}={theirs}", "/bin/bash", "-c", ":")
    assert done.returncode == 0 and "belongs to another user" in done.stderr
    assert theirs.read_text() == "theirs"


def test_an_own_file_is_emptied_and_written(tmp_path: Path) -> None:
    path = tmp_path / "counters"
    path.write_text("x" * 100_000)
    assert run_under(f"stats={path}", "/bin/bash", "-c", ":").stderr == ""
    assert json.loads(path.read_text())["bytes"]["live"] > 0


def test_a_relative_path_means_the_folder_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "later").mkdir()
    done = run_under("stats=counters,trace=trace", "/bin/bash", "-c", "cd later", cwd=tmp_path)
    assert done.stderr == "" and not list((tmp_path / "later").iterdir())
    assert json.loads((tmp_path / "counters").read_text()) and (tmp_path / "trace").read_text()


def test_a_path_is_taken_whole_or_refused(tmp_path: Path) -> None:
    deep = tmp_path / "/".join(["d" * 200] * 15)
    deep.mkdir(parents=True)
    assert run_under(f"stats={deep}/counters", "/bin/bash", "-c", ":").stderr == ""
    assert json.loads((deep / "counters").read_text())
    longer = f"{deep}/" + "d" * 1500
    done = run_under(f"stats={longer}", "/bin/bash", "-c", "echo fine")
    assert done.stdout == "fine\n" and "less than 4096 bytes" in done.stderr
    relative = run_under(f"stats={'d' * 1500}", "/bin/bash", "-c", ":", cwd=deep)
    assert "too long" in relative.stderr


def test_the_variable_is_found_behind_a_large_environment(tmp_path: Path) -> None:
    """The loader may call malloc before libc has set `environ`."""
    large = {f"A{i}": "x" * 1000 for i in range(20)}
    environment = {**large, "LD_PRELOAD": str(LIBRARY), "SLOTMALLOC": f"stats={tmp_path}/counters"}
    subprocess.run(["/bin/bash", "-c", ":"], env=environment, check=True, timeout=60)
    assert json.loads((tmp_path / "counters").read_text())


# ---- descriptors that mean another file by now ----

DAEMON = """
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static void *blocks[30000];
int main(int count, char **arguments) {
    blocks[0] = malloc(100);
    for (int i = 3; i < count; i++)
        unlink(arguments[i]);
    for (int fd = 0; fd < 64; fd++)
        close(fd);
    for (int fd = 0; fd < 64; fd++)
        if (open(arguments[1], O_RDWR | O_CREAT | O_APPEND, 0600) != fd)
            return 9;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 30000; i++)
            blocks[i] = malloc((size_t)(i % 900));
        for (int i = 0; i < 30000; i++)
            free(blocks[i]);
    }
    if (strcmp(arguments[2], "misuse") == 0)
        free((char *)arguments[1]);
    return 0;
}
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("daemon"), "daemon", DAEMON, "-fno-builtin")


@pytest.mark.parametrize("removed", [False, True], ids=["kept", "removed"])
def test_a_trace_does_not_go_into_what_got_its_descriptor(
    removed: bool, daemon: Path, tmp_path: Path
) -> None:
    """A removed file's inode number may be the data file's, if nothing holds it."""
    trace, data = tmp_path / "trace", tmp_path / "data"
    done = run_under(f"trace={trace}", daemon, data, "-", *([trace] if removed else []))
    assert done.returncode == 0 and data.read_bytes() == b""
    assert removed or "UNUSED" in trace.read_text()


@pytest.mark.parametrize("setting", ["trace=stderr", "stats=stderr", "trace=stderr,stats=stderr"])
def test_what_was_standard_error_is_not_written_to(
    setting: str, daemon: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    done = run_under(setting, daemon, data, "-")
    assert done.returncode == 0 and data.read_bytes() == b""


def test_a_message_does_not_go_into_a_data_file(daemon: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    done = run_under("", daemon, data, "misuse")
    assert done.returncode == -6 and data.read_bytes() == b""


@pytest.mark.parametrize("setting", ["trace=stderr", "stats=stderr", "unknown=1"])
def test_a_program_started_without_standard_error_gets_no_text_in_its_files(
    setting: str, daemon: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    script = f"exec {daemon} {data} misuse 2>&-"
    done = run_under(
        setting, "/bin/bash", "-c", script, stderr=None, stdout=None, capture_output=False
    )
    assert done.returncode == -6 and data.read_bytes() == b""


def test_a_trace_takes_no_standard_descriptor(tmp_path: Path) -> None:
    show = "exec 2>&- ; exec /bin/bash -c 'readlink /proc/$$/fd/2 || echo none'"
    done = run_under(f"trace={tmp_path}/trace", "/bin/bash", "-c", show)
    assert done.stdout == "none\n"


def test_malloc_stats_goes_where_standard_error_is_now(tmp_path: Path) -> None:
    """The program asks for it, as it may after it has sent its standard error elsewhere."""
    source = """
    #include <fcntl.h>
    #include <malloc.h>
    #include <unistd.h>
    int main(int count, char **arguments) {
        int fd = open(arguments[count - 1], O_WRONLY | O_CREAT, 0600);
        return dup2(fd, 2) == 2 ? (malloc_stats(), 0) : 1;
    }
    """
    done = run_under("", compiled(tmp_path, "stats", source), tmp_path / "output")
    assert done.returncode == 0 and done.stderr == ""
    assert "bytes in use" in (tmp_path / "output").read_text()


def test_standard_error_that_stayed_gets_the_message(tmp_path: Path) -> None:
    misuse = compiled(
        tmp_path,
        "misuse",
        "#include <stdlib.h>\nint main(int n, char **a) { (void)n; free(a[0]); return 0; }",
        "-w",
    )
    done = run_under("", misuse)
    assert done.returncode == -6 and done.stderr.startswith("slotmalloc: ")
