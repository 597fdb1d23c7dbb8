"""harness.sh, install.sh and the environment that they are called in: nothing of it misleads them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCK = "one==1.0 \\\n    --hash=sha256:00\ntwo==2.0 ; sys_platform == 'win32' \\\n    --hash=sha256:00\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The start scripts in a folder with a space, an install.sh and a make that show what they
    get, and a Python that prints its arguments.
    """
    folder = tmp_path / "a tree"
    (folder / ".venv/bin").mkdir(parents=True)
    shutil.copy(ROOT / "harness.sh", folder)
    shutil.copytree(ROOT / "install", folder / "install")
    for name, body in (
        ("install.sh", 'env >"$PWD/seen"'),
        (".venv/bin/python", '[[ $2 == -c ]] || { printf "%s\\n" "$PWD" "$@"; }'),
        ("bin/make", "true"),
    ):
        program = folder / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!{shutil.which('bash')}\n{body}\n")
        program.chmod(0o755)
    return folder


def start(tree: Path, command: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
    path = f"{tree / 'bin'}:/usr/bin:/bin"
    return subprocess.run(
        command,
        env={"PATH": path, **variables},
        cwd=tree.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_harness_starts_from_elsewhere_with_every_misleading_variable(tree: Path) -> None:
    (tree.parent / "elsewhere/a tree").mkdir(parents=True)
    trap = tree.parent / "trap"
    trap.write_text("exit 7\n")
    done = start(
        tree,
        ["bash", f"{tree.name}/harness.sh", "quick", "with space"],
        CDPATH=str(tree.parent / "elsewhere"),
        PYTHONPATH="/nowhere",
        GIT_DIR="/nowhere",
        MAKEFLAGS="-n",
        CPATH="/nowhere",
        LD_BIND_NOW="1",
        SHELLOPTS="noclobber:noglob",
        POSIXLY_CORRECT="1",
        TMPDIR="/nowhere",
        ENV=str(trap),
    )
    assert done.returncode == 0, done.stderr
    main = str(tree / "harness" / "__main__.py")
    assert done.stdout.splitlines() == [str(tree.parent), "-I", main, "quick", "with space"]
    assert done.stderr.splitlines() == [
        "TMPDIR=/nowhere is no folder that can be written; going on without it"
    ]
    seen = {line.partition("=")[0] for line in (tree / "seen").read_text().splitlines()}
    assert seen <= {"PATH", "PWD", "OLDPWD", "SHLVL", "_"}


def test_help_comes_without_installing(tree: Path) -> None:
    done = start(tree, [str(tree / "harness.sh"), "--help"], PYTHONHOME="/nowhere")
    assert done.returncode == 0, done.stderr
    assert not (tree / "seen").exists()


def pip_call(tree: Path, **variables: str) -> str:
    """What pip sees when python.sh calls it, by a Python that prints it."""
    python = tree / ".venv/bin/python"
    configured = (
        "global.index-url='https://mirror.example/simple'",
        "install.user='true'",
        "global.extra-index-url='\\nhttps://a.example\\nhttps://b.example'",
    )
    listed = "\n".join(f'echo "{line}"' for line in configured).replace("\\n", "\\\\n")
    python.write_text(
        f"#!{shutil.which('bash')}\nif [[ $* == *'config list'* ]]; then\n{listed}\nelse\n"
        "env | grep ^PIP_ | sort >>pip.log; printf '%s\\n' \"$*\" >>pip.log; fi\n"
    )
    script = ". install/common.sh; . install/python.sh; pip_run install x"
    done = start(tree, ["bash", "-euc", f"cd '{tree}'; {script}"], **variables)
    assert done.returncode == 0, done.stderr
    return (tree / "pip.log").read_text()


def test_pip_keeps_the_way_to_its_index_and_nothing_else_of_the_users(tree: Path) -> None:
    seen = pip_call(
        tree,
        PIP_USER="1",
        PIP_TARGET="/nowhere",
        PIP_DRY_RUN="1",
        PIP_REQUIRE_VIRTUALENV="1",
        PIP_CONSTRAINT="/nowhere",
        PIP_PROXY="http://proxy.example",
    )
    assert seen.splitlines() == [
        "PIP_CONFIG_FILE=/dev/null",
        "PIP_DISABLE_PIP_VERSION_CHECK=1",
        "PIP_EXTRA_INDEX_URL= https://a.example https://b.example",
        "PIP_INDEX_URL=https://mirror.example/simple",
        "PIP_PROXY=http://proxy.example",
        "-I -m pip install x",
    ]


def venv_call(tree: Path, body: str, verified: bool = True) -> subprocess.CompletedProcess[str]:
    """python_install with a Python that runs `body`, says "pip" for an installation, and finds all
    packages there or not.
    """
    (tree / "requirements.lock").write_text(LOCK)
    python = tree / ".venv/bin/python"
    python.write_text(
        f"#!{shutil.which('bash')}\n{body}\ncase $* in\n"
        "*' install '*) echo pip >>calls ;;\n"
        f"*installed.py*) exit {0 if verified else 1} ;;\nesac\n"
    )
    script = ". install/common.sh; . install/packages.sh; . install/python.sh; python_install"
    return start(tree, ["bash", "-euc", f"cd '{tree}'; {script}"])


def test_a_finished_installation_is_left_alone(tree: Path) -> None:
    assert venv_call(tree, "").returncode == 0
    assert venv_call(tree, "").returncode == 0
    assert (tree / "calls").read_text().split() == ["pip"]


def test_an_interrupted_installation_is_done_again(tree: Path) -> None:
    (tree / ".venv/installed.lock").write_text(LOCK.replace("1.0", "0.9"))
    broken = '[[ $* != *" install "* ]] || exit 1'
    assert venv_call(tree, broken).returncode == 1
    # Going back to the lock file of before must not meet its old stamp.
    assert not (tree / ".venv/installed.lock").exists()
    assert venv_call(tree, "").returncode == 0
    assert (tree / "calls").read_text().split() == ["pip"]


def test_packages_that_did_not_come_are_no_finished_installation(tree: Path) -> None:
    done = venv_call(tree, "", verified=False)
    assert done.returncode == 1
    assert "rm -r .venv" in done.stderr
    assert not (tree / ".venv/installed.lock").exists()


def test_an_interpreter_that_does_not_start_is_no_finished_installation(tree: Path) -> None:
    assert venv_call(tree, "").returncode == 0
    stamp = (tree / ".venv/installed.lock").read_text()
    assert stamp == LOCK
    script = ". install/python.sh; python_ready"
    (tree / ".venv/bin/python").write_text("#!/nowhere\n")
    assert start(tree, ["bash", "-uc", f"cd '{tree}'; {script}"]).returncode != 0


def test_pins_are_held_against_what_is_installed() -> None:
    python = ROOT / ".venv/bin/python"
    script = ROOT / "install" / "installed.py"
    good = subprocess.run([python, "-I", script, ROOT / "requirements.lock"], check=False)
    assert good.returncode == 0


def test_a_missing_and_an_old_package_are_named(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text("numpy==0.1 \\\n    --hash=x\nnot-there==1 \\\n    --hash=x\n" + LOCK[9:])
    python, script = ROOT / ".venv/bin/python", ROOT / "install" / "installed.py"
    command: list[str | Path] = [python, "-I", script, lock]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "numpy is" in done.stderr
    assert "not-there is not installed" in done.stderr
    assert "two" not in done.stderr


def test_make_drops_what_would_change_the_build(tmp_path: Path) -> None:
    makefile = tmp_path / "show.mk"
    makefile.write_text(f"include {ROOT}/Makefile\nshow-env:\n\tenv\n")
    hostile = {"CPATH": "/x", "LIBRARY_PATH": "/x", "PYTHONPATH": "/x", "CFLAGS": "-O0"}
    done = subprocess.run(
        ["make", "-s", "-f", makefile, "show-env"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **hostile},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    names = {line.partition("=")[0] for line in done.stdout.splitlines()}
    assert not names & {"CPATH", "LIBRARY_PATH", "PYTHONPATH"}
