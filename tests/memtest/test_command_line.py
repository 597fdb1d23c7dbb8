"""What memtest says to a user: usage, help, the list, and one clear message for each mistake."""

import re
import tomllib

import pytest

from tests.memtest.driver import ROOT, listed, run, workloads


def test_bare_call_prints_usage_and_exits_with_2() -> None:
    done = run()
    assert done.returncode == 2
    assert "usage: memtest WORKLOAD" in done.stderr
    assert "random_mixed" in done.stderr


def test_list_describes_every_workload_and_option() -> None:
    files = {path.stem for path in (ROOT / "memtest" / "workloads").glob("*.c")}
    assert {workload["name"] for workload in workloads()} == files
    for workload in workloads():
        assert workload["summary"] and workload["source"] and workload["stresses"]
        for option in (*workload["options"], *listed()["options"]):
            assert option["help"]
            if option["type"] in ("count", "bytes", "real") and option["default"] is not None:
                assert option["min"] <= option["default"] <= option["max"]


def test_the_list_for_people_has_the_same_workloads() -> None:
    text = run("--list").stdout
    for workload in workloads():
        assert f"{workload['name']}: {workload['summary']}" in text
        for caught in workload["catches"]:
            assert f"catches   {caught['fault']}: {caught['metric']}" in text


def test_version_is_that_of_the_project() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert run("--version").stdout.startswith(f"memtest {version},")
    assert listed()["version"] == version


@pytest.mark.parametrize("workload", [workload["name"] for workload in workloads()])
def test_help_names_only_options_that_exist(workload: str) -> None:
    text = run(workload, "--help").stdout
    known = {f"--{option['key']}" for option in listed()["options"]} | {"--help"}
    own = next(each["options"] for each in workloads() if each["name"] == workload)
    known |= {f"--{option['key']}" for option in own}
    assert set(re.findall(r"--[a-z_][\w-]*", text)) <= known


def test_help_explains_the_workload() -> None:
    done = run("rounds", "--help")
    assert done.returncode == 0
    assert "MIND" in done.stdout
    assert "--min_bytes" in done.stdout
    assert "--threads" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "hints"),
    [
        (["random_mxied"], ["random_mxied", "nearest is random_mixed"]),
        (["rounds", "--slotz", "3"], ["--slotz", "nearest is --slots"]),
        (["rounds", "--slotz=3"], ["--slotz", "nearest is --slots"]),
        (["rounds", "--slots", "many"], ["--slots many", "whole number"]),
        (["rounds", "--slots", "0"], ["--slots 0", "from 1"]),
        (["rounds", "--slots"], ["--slots", "needs a value"]),
        (["rounds", "--threads", "5000"], ["--threads 5000", "from 1 to 4096"]),
        (["rounds", "--touch", "pages"], ["none|first|page|all", "nearest is page"]),
        (["rounds", "--min_bytes", "2M", "--max_bytes", "1M"], ["2097152", "1048576"]),
        (["rounds", "stray"], ["stray"]),
        (["--list", "--jsno"], ["--list", "--json"]),
        (["rounds", "--live-file", "/no/such/file"], ["/no/such/file", "No such file"]),
    ],
)
def test_a_mistake_gets_one_line_that_says_what_is_valid(
    arguments: list[str], hints: list[str]
) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    for hint in hints:
        assert hint in done.stderr
