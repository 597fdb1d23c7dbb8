"""operator new and delete forward to a program's own as the C++ standard says, however linked."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
BUILD = ROOT / "build"
SOURCE = Path(__file__).with_name("forwarding.cpp")
LIBRARY = BUILD / "libslotmalloc.so"

FORMS = [
    *("new", "new[]", "new aligned", "new[] aligned", "new nothrow", "new[] nothrow"),
    *("new aligned nothrow", "new[] aligned nothrow", "delete sized", "delete[] sized"),
    *("delete nothrow", "delete[] nothrow", "delete sized aligned", "delete[] sized aligned"),
    *("delete aligned nothrow", "delete[] aligned nothrow"),
]
NULL_FORMS = ["null new", "null new[]", "null new aligned", "null new[] aligned"]

# libc shows that the program is right.
LINKS = {
    "libc": [],
    "preload": [],
    "shared": [str(LIBRARY), f"-Wl,-rpath,{BUILD}"],
    "archive": [str(BUILD / "libslotmalloc.a")],
    "static": [str(BUILD / "libslotmalloc.a"), "-static"],
}


def build(folder: Path, how: str, *flags: str) -> Path:
    program = folder / ("program" + "".join(flags))
    command = ["g++", "-std=c++17", "-O1", "-fno-builtin", *flags, "-o", str(program), str(SOURCE)]
    done = subprocess.run([*command, *LINKS[how], "-pthread"], capture_output=True, text=True)
    if how == "static" and "cannot find -l" in done.stderr:
        pytest.skip("this machine has no static C++ library")
    assert done.returncode == 0, done.stderr
    return program


def run(program: Path, how: str, form: str) -> str:
    preload = {"LD_PRELOAD": str(LIBRARY)} if how == "preload" else {}
    done = subprocess.run(
        [program, form], env={**os.environ, **preload}, capture_output=True, text=True, timeout=60
    )
    return done.stdout + (f"exit {done.returncode} {done.stderr}" if done.returncode else "")


@pytest.mark.parametrize("how", LINKS)
def test_each_form_reaches_the_programs_own(how: str, tmp_path: Path) -> None:
    """Under nothrow, what the program's own throws is NULL."""
    program = build(tmp_path, how, "-DOWN")
    assert {form: run(program, how, form) for form in FORMS} == dict.fromkeys(FORMS, "1 1\n")
    told = {form: run(program, how, form) for form in NULL_FORMS}
    assert told == dict.fromkeys(NULL_FORMS, "null 0 0\n")


@pytest.mark.parametrize("how", LINKS)
def test_a_throwing_handler_is_null_under_nothrow(how: str, tmp_path: Path) -> None:
    program = build(tmp_path, how)
    assert run(program, how, "memory runs out") == "8 thrown, 8 handled, null\n"


PLUGIN = """
#include <new>
#include <cstdint>
extern "C" int plugin(std::size_t size) {
    int result = 0;
    try { ::operator delete(::operator new(size)); } catch (const std::bad_alloc &) { result |= 1; }
    std::set_new_handler([] { throw std::bad_alloc(); });
    if (::operator new(size, std::nothrow) == nullptr) result |= 2;
    if (::operator new[](size, std::nothrow) == nullptr) result |= 4;
    if (::operator new(size, std::align_val_t(64), std::nothrow) == nullptr) result |= 8;
    return result;
}
"""
HOST = """
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
int main(int count, char **arguments) {
    (void)count;
    void *library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) return puts(dlerror()), 1;
    int (*plugin)(size_t) = (int (*)(size_t))dlsym(library, "plugin");
    return plugin(PTRDIFF_MAX);
}
"""


@pytest.mark.parametrize("how", ["libc", "preload"])
def test_a_plugin_that_brings_the_cxx_library_gets_its_exceptions(how: str, tmp_path: Path) -> None:
    """The C++ library comes after slotmalloc, and only into the plugin's scope."""
    (tmp_path / "plugin.cpp").write_text(PLUGIN)
    (tmp_path / "host.c").write_text(HOST)
    plugin, host = tmp_path / "plugin.so", tmp_path / "host"
    shared = ["g++", "-std=c++17", "-O1", "-shared", "-fPIC", "-o", str(plugin)]
    subprocess.run([*shared, "-fno-builtin", str(tmp_path / "plugin.cpp")], check=True)
    subprocess.run(["gcc", "-o", host, tmp_path / "host.c", "-ldl"], check=True)
    preload = {"LD_PRELOAD": str(LIBRARY)} if how == "preload" else {}
    done = subprocess.run([host, plugin], env={**os.environ, **preload}, timeout=60)
    assert done.returncode == 15
