"""Real programs run on the reference allocators, and print what they print on libc's malloc."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
ALLOCATORS = ["bump", "lifo"]
PROGRAMS = {
    "bash": ["bash", "-c", "for i in {1..2000}; do a+=($i); done; echo ${#a[@]} $(echo nested)"],
    "python3": [
        "python3",
        "-c",
        "import json; print(len(json.dumps([{i: i} for i in range(9**5)])))",
    ],
    "perl": ["perl", "-e", "my %h; $h{$_ % 977} .= $_ for 1..200000; print length $h{5}"],
    "sort": ["sort", "--parallel=4", "--numeric-sort", "-"],
}
CXX_SOURCE = """
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <thread>
struct alignas(256) wide { char bytes[256]; };
int main() {
    std::map<int, std::string> words;
    std::thread writer([&] { for (int i = 0; i < 10000; i++) words[i] = std::string(i % 100, 'x'); });
    writer.join();
    auto aligned = std::make_unique<wide>();
    std::cout << words.size() << ' ' << reinterpret_cast<std::uintptr_t>(aligned.get()) % 256;
}
"""


def run_on(
    allocator: str | None, command: list[str], stdin: str = "", folder: Path | None = None
) -> str:
    """What a command prints with a reference allocator preloaded, or with libc's malloc."""
    environment = dict(os.environ)
    if allocator:
        environment["LD_PRELOAD"] = str(ROOT / f"build/lib{allocator}.so")
    done = subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        input=stdin,
        cwd=folder,
    )
    assert not done.stderr
    return done.stdout


@pytest.mark.parametrize("allocator", ALLOCATORS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_prints_the_same(allocator: str, program: str) -> None:
    command = PROGRAMS[program]
    if not shutil.which(command[0]):
        pytest.skip(f"{program} is not installed")
    lines = "\n".join(str(number * 7919 % 50021) for number in range(50000))
    assert run_on(allocator, command, lines) == run_on(None, command, lines)


@pytest.mark.parametrize("allocator", ALLOCATORS)
def test_the_compiler_makes_a_working_program_that_itself_runs_on_the_allocator(
    allocator: str, tmp_path: Path
) -> None:
    (tmp_path / "program.cpp").write_text(CXX_SOURCE)
    run_on(
        allocator,
        ["g++", "-std=c++17", "-pthread", "program.cpp", "-o", "program"],
        folder=tmp_path,
    )
    assert run_on(allocator, [str(tmp_path / "program")]) == "10000 0"


@pytest.mark.parametrize("allocator", ALLOCATORS)
def test_the_library_exports_the_malloc_family_and_nothing_else(allocator: str) -> None:
    listing = run_on(None, ["nm", "-D", "--defined-only", str(ROOT / f"build/lib{allocator}.so")])
    exported = {line.split()[-1] for line in listing.splitlines()}
    family = "malloc free calloc realloc reallocarray aligned_alloc memalign posix_memalign valloc"
    assert exported == {*family.split(), "pvalloc", "malloc_usable_size"}
