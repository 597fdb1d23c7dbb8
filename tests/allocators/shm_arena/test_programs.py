"""The programs and files around the shared-memory arena: shm-bench, shm-transport, the installed
library.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
BENCH = ROOT / "build/shm-bench"
TRANSPORT = ROOT / "build/shm-transport"


def run(*argv: str | Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a program from the repository's root."""
    return subprocess.run(
        [str(word) for word in argv],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **(env or {})},
    )


def records(*arguments: str) -> list[dict[str, Any]]:
    """What shm-bench prints, line by line."""
    done = run(BENCH, *arguments)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


# ---- shm-bench ----

SMALL = {
    "allocation": ["--blocks", "50", "--rounds", "2"],
    "lookup": ["--segments", "20", "--queries", "2000", "--rounds", "2"],
    "concurrent": ["--processes", "2", "--threads", "2", "--milliseconds", "5", "--rounds", "2"],
    "transfer": ["--buffers", "20", "--batches", "20", "--rounds", "2"],
    "steady": ["--operations", "20000", "--live", "200", "--rounds", "2"],
}


def test_the_list_names_every_bench() -> None:
    listed = json.loads(run(BENCH, "--list").stdout)
    assert {entry["name"] for entry in listed} == set(SMALL)
    assert all(entry["summary"] and entry["options"] for entry in listed)


@pytest.mark.parametrize("bench", sorted(SMALL))
def test_a_bench_prints_rounds_and_an_end(bench: str) -> None:
    *rounds, end = records(bench, *SMALL[bench])
    assert [r["round"] for r in rounds] == [0, 1]
    assert all(r["record"] == "round" and r["wall_s"] > 0 for r in rounds)
    columns = set(rounds[0]) - {"record", "round", "t_s", "wall_s"}
    assert columns == set(end["median"])
    assert all(isinstance(rounds[0][c], int | float) and rounds[0][c] >= 0 for c in columns)
    assert end["record"] == "end" and end["workload"] == bench and end["rounds"] == 2


def test_the_end_gives_the_median_of_the_paired_ratios() -> None:
    *rounds, end = records("lookup", "--segments", "20", "--queries", "2000", "--rounds", "3")
    ratios = sorted(r["ns_scan"] / r["ns_arena"] for r in rounds)
    assert end["better_by"] == pytest.approx(ratios[1], rel=1e-3)


@pytest.mark.parametrize("mode", ["untouched", "touched", "reuse"])
def test_allocation_tells_the_ways_of_touching_apart(mode: str) -> None:
    *_, end = records("allocation", "--mode", mode, "--blocks", "50", "--rounds", "2")
    assert end["params"]["mode"] == mode
    assert {"ns_per_allocation", "ns_arena", "ns_first_fit"} <= set(end["median"])


def test_steady_use_does_not_grow() -> None:
    *rounds, _ = records("steady", "--operations", "300000", "--live", "500", "--rounds", "6")
    assert rounds[-1]["peak_bytes"] <= 1.1 * rounds[1]["peak_bytes"]
    assert rounds[-1]["memory_bytes"] <= 1.1 * rounds[1]["peak_bytes"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["nonsense"], "nonsense"),
        (["lookup", "--nonsense", "1"], "--nonsense"),
        (["lookup", "--segments"], "value is missing"),
        (["lookup", "--segments", "many"], "not a number"),
        (["lookup", "--segments", "0"], "--segments"),
        (["allocation", "--mode", "sometimes"], "untouched, touched or reuse"),
        (["concurrent", "--threads", "65"], "--threads"),
        (["steady", "--rounds", "0"], "--rounds"),
    ],
)
def test_wrong_usage_is_named(arguments: list[str], word: str) -> None:
    done = run(BENCH, *arguments)
    assert done.returncode == 2
    assert word in done.stderr
    assert not done.stdout


def test_usage_and_help() -> None:
    assert run(BENCH).returncode == 2
    assert "--segments" in run(BENCH, "lookup", "--help").stdout


# ---- shm-transport ----


def transport(*arguments: str, env: dict[str, str] | None = None) -> dict[str, Any]:
    done = run(TRANSPORT, "--batches", "50", *arguments, env=env)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("backend", ["arena", "per-allocation"])
def test_both_backends_carry_the_same_bytes(backend: str) -> None:
    result = transport("--backend", backend, "--buffers", "30", "--size", "5000")
    assert result["backend"] == backend
    assert result["write_bytes_per_s"] > 0 and result["read_bytes_per_s"] > 0


def test_the_environment_chooses_the_backend() -> None:
    assert transport()["backend"] == "arena"
    assert transport(env={"SHM_ARENA_DISABLE": "1"})["backend"] == "per-allocation"


@pytest.mark.parametrize("backend", ["arena", "per-allocation"])
def test_two_programs_meet_at_a_socket(backend: str, tmp_path: Path) -> None:
    place = tmp_path / "socket"
    words = ["--backend", backend, "--batches", "50", "--buffers", "10"]
    target = subprocess.Popen([TRANSPORT, *words, "--listen", place], cwd=ROOT)
    try:
        for _ in range(500):
            if place.exists():
                break
            time.sleep(0.01)
        done = run(TRANSPORT, *words, "--connect", place)
        assert done.returncode == 0, done.stderr
        assert target.wait(timeout=20) == 0
    finally:
        target.kill()
        target.wait()


def test_no_segment_is_left_behind() -> None:
    transport("--backend", "per-allocation")
    transport("--backend", "arena")
    assert not list(Path("/dev/shm").glob("shm-segment-*"))


@pytest.mark.parametrize("words", [["--backend", "carrier-pigeon"], ["--size"], ["--batch", "0"]])
def test_transport_refuses_wrong_usage(words: list[str]) -> None:
    done = run(TRANSPORT, *words)
    assert done.returncode == 2
    assert "usage" in done.stderr


# ---- the library as others see it ----


def test_only_the_public_names_are_exported() -> None:
    symbols = run("nm", "-D", "--defined-only", ROOT / "build/libshm_arena.so").stdout.split()
    names = {s for s in symbols if re.match(r"[a-z]\w+$", s) and not re.match(r"[0-9a-f]{16}$", s)}
    assert names and all(n.startswith(("shm_arena_", "shm_manager_")) for n in names)


def test_every_function_of_the_header_is_exported() -> None:
    header = (ROOT / "allocators/shm_arena/include/shm_arena.h").read_text()
    header = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
    declared = re.findall(r"^(?!static)[\w *]+?\b(shm_\w+)\([^;{]*\);", header, flags=re.M)
    symbols = run("nm", "-D", "--defined-only", ROOT / "build/libshm_arena.so").stdout.split()
    assert len(declared) > 30
    assert set(declared) <= set(symbols)


PROGRAM = """
#include <shm_arena.h>
int main(void) {
    struct shm_arena_options options = SHM_ARENA_OPTIONS_INIT;
    struct shm_arena *arena;
    struct shm_block block;
    if (shm_arena_create(&options, &arena) || shm_arena_alloc(arena, 100, 0, &block))
        return 1;
    return shm_arena_offset(arena, block.address) == block.offset ? 0 : 2;
}
"""


def test_an_installed_library_is_found_by_pkg_config(tmp_path: Path) -> None:
    if not shutil.which("pkg-config"):
        pytest.skip("pkg-config is not installed")
    done = run("make", "-s", "install-shm-arena", f"DESTDIR={tmp_path}")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "usr/local/share/man/man3/shm_arena.3").exists()
    env = {
        "PKG_CONFIG_PATH": str(tmp_path / "usr/local/lib/pkgconfig"),
        "PKG_CONFIG_SYSROOT_DIR": str(tmp_path),
    }
    flags = run("pkg-config", "--cflags", "--libs", "shm_arena", env=env).stdout.split()
    source, program = tmp_path / "program.c", tmp_path / "program"
    source.write_text(PROGRAM)
    built = run("cc", "-Wall", "-Wextra", "-Werror", source, "-o", program, *flags)
    assert built.returncode == 0, built.stderr
    libraries = {"LD_LIBRARY_PATH": str(tmp_path / "usr/local/lib")}
    assert run(program, env=libraries).returncode == 0


def test_the_header_is_cpp_too(tmp_path: Path) -> None:
    source = tmp_path / "program.cpp"
    source.write_text(PROGRAM.replace("main(void)", "main()"))
    include = ROOT / "allocators/shm_arena/include"
    library = ROOT / "build/libshm_arena.a"
    program = tmp_path / "program"
    words: list[str | Path]
    words = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-I", include, source, library]
    built = run("c++", *words, "-pthread", "-o", program)
    assert built.returncode == 0, built.stderr
    assert run(program).returncode == 0


def test_the_manual_page_is_well_formed() -> None:
    if not shutil.which("man"):
        pytest.skip("man is not installed")
    page = ROOT / "allocators/shm_arena/shm_arena.3"
    done = run("man", "--warnings", "-l", page, env={"MANWIDTH": "120", "LC_ALL": "C.UTF-8"})
    assert done.returncode == 0
    assert not done.stderr
    assert "RETURN VALUE" in done.stdout
