"""The positive control: which processes a run gets for it, and how it is proven to have served malloc."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import provider
from harness.allocators import Allocator, as_manifest, from_manifest, with_hashes
from harness.control import controls_of
from harness.errors import UsageError
from harness.experiment import parse
from harness.rundir import check_unchanged
from harness.validity import BuildGuard
from tests.harness.conftest import Harness, records_of, write_experiment

RAW: dict[str, Any] = {
    "title": "t",
    "question": "q",
    "replicates": {"time": 1},
    "workload": [{"name": "rounds"}],
}
SMALL = '[[workload]]\nname = "random_mixed"\nparams = { working_set = 64, iterations = 2000 }\n'
COMMAND = '[[command]]\nname = "sort"\nargv = ["sort", "/etc/passwd"]\n'


def controls(root: Path, **changed: Any) -> list[Allocator]:
    """The controls of an allocator whose library is a file."""
    base = replace(Allocator("base", shared_object=str(root / "build/liblifo.so")), **changed)
    return controls_of([Allocator("other"), base], "base", [5, 2.5], root)


def test_the_baseline_takes_part_slowed_by_nothing_and_by_each_percentage(root: Path) -> None:
    found = controls(root, env={"A": "1"})
    assert [a.name for a in found] == ["base#slow0", "base#slow5", "base#slow2.5"]
    assert [a.slowdown for a in found] == [0, 0.05, 0.025]
    assert {a.role for a in found} == {"control"}
    assert found[1].env == {"A": "1", "ALLOCLAB_SLOWDOWN": "5"}
    assert found[0].memtest_env(root)["LD_PRELOAD"] == "build/libslowed.so"


def test_without_the_baseline_there_is_no_control(root: Path) -> None:
    assert controls_of([Allocator("other")], "base", [5], root) == []


def test_its_library_stands_before_the_allocator_and_what_a_command_preloads(root: Path) -> None:
    preloaded = controls(root, preload="/x/liba.so", link_mode="preload")[0]
    assert preloaded.memtest_env(root)["LD_PRELOAD"] == "build/libslowed.so:/x/liba.so"
    words = preloaded.command_env(root, "libc.so.6")["LD_PRELOAD"].split(":")
    assert words[:2] == [f"{root}/build/libslowed.so", "/x/liba.so"]
    of_libc = controls(root)[0].command_env(root, "libc.so.6")["LD_PRELOAD"]
    assert of_libc == f"{root}/build/libslowed.so:libc.so.6"


def test_every_experiment_has_one_unless_it_says_otherwise() -> None:
    assert parse(RAW, "x", "x.toml").control == (5,)
    assert parse({**RAW, "control": []}, "x", "x.toml").control == ()
    assert parse({**RAW, "control": [2, 5.5, 2]}, "x", "x.toml").control == (2, 5.5)


@pytest.mark.parametrize("percent", [0, -5, "5", True])
def test_a_slowdown_that_is_no_percentage_is_refused(percent: object) -> None:
    with pytest.raises(UsageError, match="'control' must list slowdowns in per cent"):
        parse({**RAW, "control": [percent]}, "x", "x.toml")


def test_the_manifest_keeps_the_slowdown_and_the_library(root: Path) -> None:
    slowed = with_hashes(controls(root)[1], root)
    entry = as_manifest(slowed, root)
    assert (entry["role"], entry["slowdown"]) == ("control", 0.05)
    assert entry["front"] == "build/libslowed.so"
    assert len(entry["front_sha256"]) == 64
    assert from_manifest(json.loads(json.dumps(entry)), root) == slowed
    assert "slowdown" not in as_manifest(Allocator("plain"), root)


def test_another_library_in_front_is_noticed(tmp_path: Path, root: Path) -> None:
    front = tmp_path / "libslowed.so"
    front.write_bytes(b"one")
    slowed = with_hashes(replace(controls(root)[1], front=str(front)), root)
    guard = BuildGuard(root)
    assert guard.changed(slowed) == ""
    front.write_bytes(b"another")
    assert "libslowed.so was rebuilt" in guard.changed(slowed)
    with pytest.raises(UsageError, match="the library in front of base#slow5 is not the file"):
        check_unchanged(slowed, with_hashes(slowed, root), root)


def end(path: str, forwards_to: str) -> dict[str, object]:
    return {"provider": {"path": path, "forwards_to": forwards_to}}


def test_the_proof_takes_both_the_library_and_what_it_forwards_to(root: Path) -> None:
    slowed = controls(root)[1]
    front, library, other = slowed.front, slowed.shared_object, str(root / "build/libbump.so")
    proof = provider.from_memtest(slowed, end(front, library), "")
    assert proof.proven
    assert proof.as_record(root) == {
        "path": "build/liblifo.so",
        "expected": "build/liblifo.so",
        "proven": True,
        "front": "build/libslowed.so",
    }
    for taker, server in ((front, other), (front, ""), (library, ""), (other, library), ("", "")):
        assert not provider.from_memtest(slowed, end(taker, server), "").proven, (taker, server)
    unslowed = Allocator("base", shared_object=library)
    assert not provider.from_memtest(unslowed, end(front, library), "").proven


def binding(caller: str, to: str) -> str:
    return f"  123: binding file {caller} [0] to {to} [0]: normal symbol `malloc' [GLIBC_2.2.5]\n"


def test_a_real_program_must_be_bound_to_it_and_it_to_the_allocator(root: Path) -> None:
    slowed = controls(root)[1]
    front, library, other = slowed.front, slowed.shared_object, str(root / "build/libbump.so")
    taken, forwarded = binding("/bin/program", front), binding(front, library)
    assert provider.prove_bindings(slowed, [taken, forwarded]).proven
    for lines in (
        [taken],
        [forwarded],
        [taken, binding(front, other)],
        [binding("/bin/program", library), forwarded],
        [taken, forwarded, binding("/lib/x.so", other)],
    ):
        assert not provider.prove_bindings(slowed, lines).proven, lines


def test_a_run_has_it_in_the_time_pass_with_memtest_and_with_real_programs(
    tmp_path: Path, harness: Harness
) -> None:
    passes, extra = "time = 2\nmemory = 1", ["control = [5]"]
    out = tmp_path / "run"
    done = harness(write_experiment(tmp_path, passes, SMALL + COMMAND, extra), "--out", out)
    assert done.returncode == 0, done.stderr
    found = [r for r in records_of(out) if "#slow" in r["allocator"]]
    assert {r["pass"] for r in found} == {"time"}
    assert len(found) == 2 * 2 * 2
    assert {r["provider"]["front"] for r in found} == {"build/libslowed.so"}
    assert {Path(r["provider"]["path"]).name for r in found} == {"libc.so.6"}
    assert {r["env"]["ALLOCLAB_SLOWDOWN"] for r in found} == {"0", "5"}


def test_the_control_is_one_of_the_baseline_that_takes_part(
    tmp_path: Path, harness: Harness
) -> None:
    experiment = write_experiment(tmp_path, "time = 1", SMALL, ["control = [5]"])
    done = harness(experiment, "--allocators", "lifo,slotmalloc", "--dry-run")
    assert "ptmalloc does not take part: ratios are to slotmalloc" in done.stderr
    expected = "lifo, slotmalloc, slotmalloc#slow0, slotmalloc#slow5"
    assert f"allocators: {expected}\n" in done.stdout
