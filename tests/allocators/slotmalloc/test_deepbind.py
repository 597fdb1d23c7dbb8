"""RTLD_DEEPBIND is dropped, so that modules use the preloaded malloc; nothing else of dlopen changes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

BUILD = Path(__file__).resolve().parents[3] / "build"
SLOTMALLOC = BUILD / "libslotmalloc.so"

MODULE = """
#include <stdlib.h>
void module_free(void *block) { free(block); }
void *module_address_of_free(void) { return (void *)free; }
"""
OPENER = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
static void *opened(int by_namespace) {
    int mode = RTLD_NOW | RTLD_DEEPBIND;
    return by_namespace ? dlmopen(LM_ID_BASE, "libmodule.so", mode) : dlopen("libmodule.so", mode);
}
void *opener(int by_namespace) { void *module = opened(by_namespace); return module; }
"""
PROGRAM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
void *opener(int by_namespace);
int main(int count, char **arguments) {
    (void)count;
    if (dlopen("libmodule.so", RTLD_NOW) != NULL) return puts("found by the program"), 1;
    void *module = opener(strcmp(arguments[1], "dlmopen") == 0);
    if (module == NULL) return puts(dlerror()), 1;
    void *(*address)(void) = (void *(*)(void))dlsym(module, "module_address_of_free");
    void (*release)(void *) = (void (*)(void *))dlsym(module, "module_free");
    if (address() != (void *)free) return puts("another free"), 0;
    release(malloc(100));
    puts("the same free");
    return 0;
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program whose library, and nobody else, finds the module by its own search path."""
    folder = tmp_path_factory.mktemp("deepbind")
    (folder / "modules").mkdir()
    for name, text in {"module": MODULE, "opener": OPENER, "program": PROGRAM}.items():
        (folder / f"{name}.c").write_text(text)
    compiler = ["gcc", "-O1", "-fno-builtin", "-fPIC", "-pie", "-Wl,--enable-new-dtags"]
    shared = ["gcc", "-O1", "-fno-builtin", "-fPIC", "-shared", "-Wl,--enable-new-dtags"]
    module, opener = folder / "modules" / "libmodule.so", folder / "libopener.so"
    subprocess.run([*shared, "-o", module, folder / "module.c"], check=True)
    runpath = "-Wl,-rpath,$ORIGIN/modules"
    subprocess.run([*shared, "-o", opener, folder / "opener.c", runpath, "-ldl"], check=True)
    binary = folder / "program"
    link = [str(opener), "-Wl,-rpath,$ORIGIN", "-ldl"]
    subprocess.run([*compiler, "-o", binary, folder / "program.c", *link], check=True)
    return binary


def told(program: Path, how: str, preload: str, setting: str = "") -> str:
    environment = {**os.environ, "LD_PRELOAD": preload, "SLOTMALLOC": setting}
    done = subprocess.run(
        [program, how], env=environment, capture_output=True, text=True, timeout=60
    )
    return done.stdout.strip() or f"exit {done.returncode}: {done.stderr}"


HOWS = ["dlopen", "dlmopen"]


@pytest.mark.parametrize("how", HOWS)
def test_a_module_uses_the_preloaded_malloc(how: str, program: Path) -> None:
    assert told(program, how, str(SLOTMALLOC)) == "the same free"


def test_the_debug_build_too_jumps_to_dlopen(program: Path) -> None:
    assert told(program, "dlopen", str(BUILD / "libslotmalloc-debug.so")) == "the same free"


@pytest.mark.parametrize("how", HOWS)
def test_the_option_keeps_the_flag(how: str, program: Path) -> None:
    assert told(program, how, str(SLOTMALLOC), "deepbind=keep") == "another free"


@pytest.mark.parametrize("how", HOWS)
def test_the_library_for_other_allocators_does_the_same(how: str, program: Path) -> None:
    other = str(BUILD / "liblifo.so")
    assert told(program, how, other) == "another free"
    assert told(program, how, f"{other}:{BUILD / 'libnodeepbind.so'}") == "the same free"
