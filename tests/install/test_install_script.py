"""install.sh on made-up machines: a PATH with what each has, and an apt that notes its calls."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = [
    "awk",
    "bash",
    "cat",
    "cmp",
    "cp",
    "dirname",
    "find",
    "flock",
    "grep",
    "head",
    "mkdir",
    "mktemp",
    "rm",
    "sed",
    "sort",
    "tail",
    "timeout",
    "xargs",
]
TABLE = """# a comment
required  gcc                       gcc     every build
required  libthing-dev              -       the tests
optional  libclang-rt-[0-9]+-dev    -       sanitizers
optional  strace                    strace  the syscalls pass
"""
APT_CACHE = """case $1 in
pkgnames) printf '%s\\n' gcc libthing-dev libclang-rt-9-dev libclang-rt-14-dev libclang-rt-99-dev ;;
madison) [[ $2 == libclang-rt-99-dev ]] || echo "$2 | 1 | somewhere" ;;
esac"""


@dataclass
class Machine:
    """A copy of the installer in a folder of its own, and the programs that it can see."""

    root: Path

    def add(self, name: str, body: str) -> None:
        """Adds a program as a bash script."""
        program = self.root / "bin" / name
        program.unlink(missing_ok=True)
        program.write_text(f"#!{shutil.which('bash')}\n{body}\n")
        program.chmod(0o755)

    def install(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.root / "install.sh"), *arguments],
            env={"PATH": str(self.root / "bin")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def apt_calls(self) -> list[str]:
        log = self.root / "apt.log"
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Python and make are settled, gcc and three packages are missing, and there is no apt yet."""
    shutil.copy(ROOT / "install.sh", tmp_path)
    shutil.copytree(ROOT / "install", tmp_path / "install")
    (tmp_path / "install/packages.txt").write_text(TABLE)
    for folder in ("bin", ".venv/bin"):
        (tmp_path / folder).mkdir(parents=True)
    for lock in ("requirements.lock", ".venv/installed.lock"):
        (tmp_path / lock).write_text("pinned\n")
    for tool in [*TOOLS, "env"]:
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool) or tool)
    (tmp_path / ".venv/bin/python").symlink_to(shutil.which("true") or "true")
    made_up = Machine(tmp_path)
    made_up.add("make", "true")
    made_up.add("dpkg-query", "printf 'ii bash\\nrc libthing-dev\\n'")
    return made_up


def add_apt(machine: Machine, user: int, effect: str = "") -> None:
    """An apt-get that notes its arguments and then does `effect`, for the given user id."""
    machine.add("id", f"echo {user}")
    machine.add("apt-cache", APT_CACHE)
    machine.add("apt-get", f'echo "$*" >>"{machine.root}/apt.log"\n{effect}')


def install_everything(machine: Machine) -> str:
    """What an apt-get does that works: the next dpkg-query knows the packages, gcc is there."""
    machine.add("gcc.new", "true")
    machine.add("dpkg-query.new", "printf 'ii libthing-dev\\nii libclang-rt-14-dev\\n'")
    bin_folder = machine.root / "bin"
    return f"""if [[ $1 == install ]]; then
    cp {bin_folder}/gcc.new {bin_folder}/gcc
    cp {bin_folder}/dpkg-query.new {bin_folder}/dpkg-query
fi"""


def test_a_machine_without_apt_is_told_what_is_missing(machine: Machine) -> None:
    done = machine.install()
    assert done.returncode == 1
    assert "no apt" in done.stderr
    assert "gcc" in done.stderr
    assert "libthing-dev" in done.stderr
    assert "skipped strace" in done.stdout


def test_without_root_the_administrators_command_is_printed_and_nothing_runs(
    machine: Machine,
) -> None:
    add_apt(machine, user=1000)
    done = machine.install()
    assert done.returncode == 1
    assert "apt-get install --no-install-recommends gcc libthing-dev libclang-rt-14-dev" in (
        done.stderr
    )
    assert machine.apt_calls() == []


def test_without_root_only_optional_packages_are_no_reason_to_stop(machine: Machine) -> None:
    add_apt(machine, user=1000)
    machine.add("gcc", "true")
    machine.add("dpkg-query", "echo 'ii libthing-dev'")
    done = machine.install()
    assert done.returncode == 0
    assert "needs an administrator" in done.stdout
    again = machine.install()
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_sudo_is_used_where_it_asks_nothing(machine: Machine) -> None:
    add_apt(machine, user=1000, effect=install_everything(machine))
    machine.add("sudo", '[[ $1 != -n ]] || shift\n"$@"')
    done = machine.install()
    assert done.returncode == 0, done.stderr
    assert any(call.startswith("install") for call in machine.apt_calls())


def test_as_root_it_installs_once_and_is_then_silent(machine: Machine) -> None:
    add_apt(machine, user=0, effect=install_everything(machine))
    first = machine.install()
    assert first.returncode == 0, first.stderr
    assert "installing gcc libthing-dev libclang-rt-14-dev" in first.stdout
    assert "skipped strace: not in this machine's apt sources" in first.stdout
    calls = len(machine.apt_calls())
    second = machine.install()
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert len(machine.apt_calls()) == calls


def test_of_several_releases_of_a_package_the_highest_that_exists_is_taken(
    machine: Machine,
) -> None:
    add_apt(machine, user=0)  # of libclang-rt-99-dev apt knows the name and nothing else
    assert "libclang-rt-14-dev" in machine.install().stdout


def test_an_optional_package_that_breaks_does_not_hold_up_the_others(machine: Machine) -> None:
    works = install_everything(machine)
    add_apt(machine, user=0, effect=f'[[ "$*" != *clang* ]] || exit 100\n{works}')
    done = machine.install()
    assert done.returncode == 0
    assert "skipped libclang-rt-[0-9]+-dev: apt-get could not install it" in done.stdout


def test_a_required_package_that_breaks_stops_with_apts_own_words(machine: Machine) -> None:
    add_apt(machine, user=0, effect='[[ $1 != install ]] || { echo "E: no space"; exit 100; }')
    done = machine.install()
    assert done.returncode == 1
    assert "E: no space" in done.stderr
    assert "could not install what is required" in done.stderr


def test_a_wrong_argument_prints_the_usage() -> None:
    done = subprocess.run(
        [ROOT / "install.sh", "--frobnicate"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("usage:")


def test_help_is_no_error() -> None:
    done = subprocess.run(
        [ROOT / "install.sh", "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "--check" in done.stdout


def test_on_this_machine_a_further_call_is_silent_and_quick() -> None:
    environment = {key: text for key, text in os.environ.items() if not key.startswith("MAKE")}
    before = os.times()
    done = subprocess.run(
        [ROOT / "install.sh"], env=environment, capture_output=True, text=True, check=False
    )
    after = os.times()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    cpu_s = sum(after[2:4]) - sum(before[2:4])
    assert cpu_s < 1
