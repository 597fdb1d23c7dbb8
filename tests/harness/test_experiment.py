from __future__ import annotations

from pathlib import Path

import pytest

from harness import experiment, memtest
from harness.errors import UsageError

MINIMAL = """
title = "t"
question = "q"
[replicates]
time = 2
[[workload]]
name = "rounds"
"""


def load(folder: Path, text: str) -> experiment.Experiment:
    path = folder / "x.toml"
    path.write_text(text)
    return experiment.load(path)


def test_every_experiment_of_the_tree_loads(root: Path) -> None:
    files = list((root / "experiments").glob("*.toml"))
    assert {"quick", "mind", "rnbench", "selftest"} <= {path.stem for path in files}
    for path in files:
        assert experiment.load(path).cases


def experiments(root: Path) -> list[experiment.Experiment]:
    """All that answer a question; `tiny` answers none."""
    files = sorted((root / "experiments").glob("*.toml"))
    return [experiment.load(path) for path in files if path.stem != "tiny"]


def test_every_process_has_a_first_round_and_a_steady_state(root: Path) -> None:
    for found in experiments(root):
        for case in found.cases:
            filled_once = case.options.get("mode") == "alloc_only"  # nothing is left to do then
            sleeps = float(case.options.get("idle_ms", 0)) > 10_000  # ten rounds would take minutes
            if case.kind == "memtest" and not filled_once and not sleeps:
                assert int(case.options.get("rounds", 1)) >= 10, (found.name, case.workload)


def test_a_pass_is_compared_with_fifteen_replicates_or_gives_values(root: Path) -> None:
    for found in experiments(root):
        for name, count in found.replicates.items():
            assert count >= 15 or count == 1, (found.name, name)
        assert found.replicates["time"] >= 15, found.name


def test_one_experiment_is_long_enough_for_purge_timers(root: Path) -> None:
    steady = experiment.load(root / "experiments/steady.toml")
    for case in steady.cases:
        options = case.options
        idle_s = float(options.get("idle_ms", 0)) / 1000 * int(options["rounds"])
        rate = float(options.get("rate", 0))
        served_s = int(options["rounds"]) * int(options["requests"]) / rate if rate else 0.0
        assert max(idle_s, served_s) >= 25, case.workload


def test_no_size_of_the_suite_follows_the_defaults_of_memtest(root: Path) -> None:
    known = memtest.catalogue(root / "build/memtest-ptmalloc")
    cases = experiment.load(root / "experiments/suite.toml").cases
    assert len({case.workload for case in cases}) > 20
    for case in cases:
        assert known.own[case.workload] <= case.options.keys(), case.workload


def test_the_options_of_an_experiment_are_options_of_every_workload(root: Path) -> None:
    known = memtest.catalogue(root / "build/memtest-ptmalloc")
    assert set(experiment.COMMON_OPTIONS) <= known.common
    assert "threads" not in known.common


def test_a_list_of_threads_makes_a_case_each(tmp_path: Path) -> None:
    found = load(tmp_path, MINIMAL + "threads = [1, 4]\n")
    assert [case.threads for case in found.cases] == [1, 4]


def test_params_are_sorted_and_hold_common_options(tmp_path: Path) -> None:
    found = load(tmp_path, MINIMAL + 'touch = "page"\nrounds = 3\nparams = { slots = 8 }\n')
    assert found.cases[0].params == "rounds=3;slots=8;touch=page"


def test_an_override_changes_one_pass_and_not_the_params(tmp_path: Path) -> None:
    case = load(tmp_path, MINIMAL + "rounds = 3\noverride.memory = { rounds = 9 }\n").cases[0]
    assert case.options_for("memory") == {"rounds": 9}
    assert case.options_for("time") == {"rounds": 3}
    assert case.params == "rounds=3"


def test_commands_with_different_arguments_are_different_cases(tmp_path: Path) -> None:
    text = 'title="t"\nquestion="q"\n[replicates]\ntime=1\n'
    for word in ("a", "b"):
        text += f'[[command]]\nname="echo"\nargv=["echo", "{word}"]\n'
    assert len({case.key for case in load(tmp_path, text).cases}) == 2


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (MINIMAL + "thread = 2\n", "did you mean 'threads'"),
        (MINIMAL + "threads = 0\n", "1 or more"),
        ("warm_mib = -1\n" + MINIMAL, "0 (off) or more"),
        (MINIMAL + 'threads = "2"\n', "of type int or list"),
        (MINIMAL.replace("time", "tme"), "did you mean 'time'"),
        (MINIMAL.replace("time = 2", "time = 0"), "1 or more"),
        (MINIMAL + "override.tiem = { rounds = 1 }\n", "did you mean 'time'"),
        (MINIMAL + '[[workload]]\nname = "rounds"\n', "twice"),
        (MINIMAL.replace('title = "t"', ""), "'title' is missing"),
        (MINIMAL.replace('name = "rounds"', ""), "'name' is missing"),
        (MINIMAL + "params = { slots = [1] }\n", "number or a string"),
        (MINIMAL + '[[command]]\nname = "x"\n', "'argv' must be a list of strings"),
        ('title = "t"\nquestion = "q"\n[replicates]\ntime = 1\n', "nothing to run"),
        ("title = ", "not valid TOML"),
    ],
)
def test_an_error_names_the_file_and_the_cure(tmp_path: Path, wrong: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, wrong)
    assert words in str(caught.value)
    assert "x.toml" in str(caught.value)


def test_an_unknown_experiment_gets_the_nearest_name(root: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'rnbench'"):
        experiment.find("rmbench", root / "experiments")


def test_patterns_add_and_take_away() -> None:
    names = ["a", "b", "ab"]
    assert experiment.select(["*", "!b"], names) == ["a", "ab"]
    assert experiment.select(["b", "a*"], names) == ["b", "a", "ab"]


def test_a_command_may_have_its_input_prepared(tmp_path: Path) -> None:
    text = MINIMAL + '[[command]]\nname="cat"\nargv=["cat", "x"]\nprepare=["make-x", "x"]\n'
    case = load(tmp_path, text).cases[-1]
    assert case.prepare == ("make-x", "x")
    assert case.needs == ("cat",)
