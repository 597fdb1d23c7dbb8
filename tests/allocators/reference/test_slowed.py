"""The positive control burns the share of processor time that it says, whatever the program does.

The library counts what it burns, so no test here compares two timings.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SLOWED = ROOT / "build/libslowed.so"

# Prints the time burnt as a share of the other processor time, from the first call on.
PROGRAM = r"""
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double used(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
static double burnt(void) {
    uint64_t (*f)(void) = (uint64_t (*)(void))dlsym(RTLD_DEFAULT, "alloclab_burnt_ns");
    return (double)f() * 1e-9;
}
static void allocate(double seconds, size_t size, int between) {
    double end = used(CLOCK_THREAD_CPUTIME_ID) + seconds;
    while (used(CLOCK_THREAD_CPUTIME_ID) < end)
        for (int i = 0; i < 16; i++) {
            void *volatile block = malloc(size);
            free(block);
            for (volatile int work = 0; work < between; work++)
                ;
        }
}
static void *short_life(void *ignored) {
    allocate(0.001, 100, 0);
    return ignored;
}
int main(int argc, char **argv) {
    const char *kind = argv[argc - 1];
    free(malloc(1));
    double begin = used(CLOCK_PROCESS_CPUTIME_ID);
    if (!strcmp(kind, "small"))
        allocate(0.2, 64, 0);
    else if (!strcmp(kind, "large"))
        allocate(0.2, 1 << 20, 0);
    else if (!strcmp(kind, "seldom"))
        allocate(0.2, 64, 100 * 1000);
    else if (!strcmp(kind, "asleep"))
        for (int i = 0; i < 20; i++) {
            allocate(0.01, 64, 0);
            usleep(20 * 1000);
        }
    else if (!strcmp(kind, "threads"))
        for (int i = 0; i < 200; i++) {
            pthread_t thread;
            pthread_create(&thread, NULL, short_life, NULL);
            pthread_join(thread, NULL);
        }
    else if (fork() != 0)
        return wait(NULL) < 0;
    else
        allocate(0.2, 64, 0);
    double total = used(CLOCK_PROCESS_CPUTIME_ID) - begin;
    printf("%.6f\n", burnt() / (total - burnt()));
    return 0;
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("slowed")
    (folder / "main.c").write_text(PROGRAM)
    command = ["gcc", "-O1", "-fno-builtin", "-pthread", "-o", "main", "main.c", "-ldl"]
    subprocess.run(command, cwd=folder, check=True)
    return folder / "main"


def run(
    command: list[str], percent: str | None, behind: str = ""
) -> subprocess.CompletedProcess[str]:
    """A command behind the library, which forwards to `behind` or to libc."""
    environment = dict(os.environ, LD_PRELOAD=f"{SLOWED}:{behind}".rstrip(":"))
    environment.pop("ALLOCLAB_SLOWDOWN", None)
    if percent is not None:
        environment["ALLOCLAB_SLOWDOWN"] = percent
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("kind", ["small", "large", "seldom", "asleep", "threads", "forked"])
@pytest.mark.parametrize("percent", [5, 10])
def test_a_program_uses_the_wanted_share_more(program: Path, kind: str, percent: int) -> None:
    done = run([str(program), kind], str(percent))
    assert done.returncode == 0, done.stderr
    # A thread's start, 0.1 ms at its end, and in a forked child what came before count less.
    assert float(done.stdout) * 100 == pytest.approx(
        percent, rel=0.03 if kind != "threads" else 0.1
    )


def test_no_share_burns_nothing(program: Path) -> None:
    assert float(run([str(program), "small"], "0").stdout) == 0


@pytest.mark.parametrize("name", ["slotmalloc", "bump"])
def test_another_allocator_may_stand_behind_it(program: Path, name: str) -> None:
    done = run([str(program), "small"], "5", str(ROOT / f"build/lib{name}.so"))
    assert float(done.stdout) * 100 == pytest.approx(5, rel=0.03)


@pytest.mark.parametrize("percent", [None, "", "five", "-1", "5%"])
def test_without_a_share_it_refuses_to_run(percent: str | None) -> None:
    done = run(["true"], percent)
    assert done.returncode != 0
    assert "ALLOCLAB_SLOWDOWN must be the slowdown in per cent" in done.stderr


def test_real_programs_print_what_they_print_without_it() -> None:
    command = ["python3", "-c", "import json; print(len(json.dumps([[i] for i in range(9**5)])))"]
    plain = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run(command, "5").stdout == plain.stdout
