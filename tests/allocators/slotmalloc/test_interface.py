"""What others see of the libraries: symbols, linking, the environment variable, counters, traces."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[3]
BUILD = ROOT / "build"
LIBRARY = BUILD / "libslotmalloc.so"

PLAIN = [
    *("malloc", "free", "calloc", "realloc", "reallocarray", "posix_memalign", "aligned_alloc"),
    *("memalign", "valloc", "pvalloc", "malloc_usable_size", "malloc_trim", "mallinfo2"),
    *("malloc_stats", "free_sized", "free_aligned_sized", "mallinfo", "malloc_info", "mallopt"),
]


LIBC_NAMES = [
    *("__libc_malloc", "__libc_calloc", "__libc_realloc", "__libc_reallocarray", "__libc_free"),
    *("__libc_memalign", "__libc_valloc", "__libc_pvalloc", "__libc_mallinfo", "__libc_mallopt"),
    "cfree",
]


def exported(file: Path) -> set[str]:
    text = subprocess.run(
        ["nm", "-D", "--defined-only", file] if file.suffix == ".so" else ["nm", "-g", file],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return {
        line.split()[-1].split("@")[0] for line in text.splitlines() if re.search(r" [TW] ", line)
    }


@pytest.mark.parametrize("name", ["libslotmalloc.so", "libslotmalloc.a"])
def test_the_interface_and_nothing_else_is_visible(name: str) -> None:
    symbols = exported(BUILD / name)
    assert set(PLAIN) <= symbols
    assert {f"slotmalloc_{name}" for name in PLAIN} <= symbols
    others = symbols - set(PLAIN) - set(LIBC_NAMES)
    if name.endswith(".so"):  # a static program has no dlopen
        assert {"dlopen", "dlmopen"} <= others
        others -= {"dlopen", "dlmopen"}
    assert set(LIBC_NAMES) <= symbols
    assert all(re.match(r"slotmalloc_|_Z(nw|na|dl|da)", name) for name in others), others
    assert (
        len([name for name in others if name.startswith("_Z")]) == 20
    )  # every form of new, delete


def run_under(setting: str, *argv: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LD_PRELOAD": str(LIBRARY), "SLOTMALLOC": setting}
    return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60)


def test_an_unknown_key_is_named_in_one_line_and_the_program_goes_on() -> None:
    done = run_under("purge_dealy=5,thp=off", "/bin/echo", "fine")
    assert done.stdout == "fine\n" and done.returncode == 0
    assert done.stderr.count("\n") == 1 and "purge_dealy" in done.stderr


def test_no_options_no_words() -> None:
    assert run_under("", "/bin/echo", "fine").stderr == ""


def test_the_counters_are_json_at_exit() -> None:
    done = run_under("stats=stderr", "/bin/bash", "-c", ":")
    counters = json.loads(done.stderr)
    assert counters["kernel"]["map"]["calls"] >= 1
    assert set(counters["slots"]) >= {"unused", "current", "full", "available", "empty"}
    assert counters["bytes"]["live"] > 0


def test_a_trace_tells_of_slots_by_the_documented_states(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    done = run_under(f"trace={trace}", "/bin/bash", "-c", "for i in {1..9000}; do x+=$i; done")
    assert done.returncode == 0
    states = "UNUSED|CURRENT|FULL|AVAILABLE|EMPTY|RUN|HUGE"
    lines = trace.read_text().splitlines()
    assert lines and all(
        re.fullmatch(rf"slot \d+ class \d+ ({states}) -> ({states})", line) for line in lines
    )


THREADS = """
import sys, threading
def work():
    for i in range(200): kept.append([str(i)] * 100)
kept = []
together = threading.Barrier(40)
threads = [threading.Thread(target=lambda: (together.wait(), work())) for _ in range(40)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


@pytest.mark.parametrize("pool", ["thread", "cpu"])
def test_with_pools_per_cpu_the_number_of_threads_does_not_matter(pool: str) -> None:
    done = run_under(f"pool={pool},stats=stderr", sys.executable, "-c", THREADS)
    assert done.returncode == 0, done.stderr
    counters = json.loads(done.stderr)
    assert counters["pool"] == pool
    spare = 4  # heaps for threads that find their CPU's taken
    made = counters["heaps"]["made"]
    assert made > 40 if pool == "thread" else made <= len(os.sched_getaffinity(0)) + spare


OPENED = """
import ctypes, json, sys
library = ctypes.CDLL(sys.argv[1])
library.slotmalloc_malloc.restype = ctypes.c_void_p
library.slotmalloc_free.argtypes = [ctypes.c_void_p]
library.slotmalloc_stats_json.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
for size in (1, 100, 10_000, 10_000_000):
    block = library.slotmalloc_malloc(ctypes.c_size_t(size))
    ctypes.memset(block, 1, size)
    library.slotmalloc_free(block)
needed = library.slotmalloc_stats_json(None, 0)
buffer = ctypes.create_string_buffer(needed + 1)
assert library.slotmalloc_stats_json(buffer, needed + 1) == needed == len(buffer.value)
print(json.loads(buffer.value)["counters"]["huge_allocs"])
"""


def test_the_library_can_be_opened_beside_another_malloc() -> None:
    """It has its thread-local variable in the loader's static reserve, and tells its counters."""
    command = [sys.executable, "-c", OPENED, str(LIBRARY)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr


REALLOCATED = """
import ctypes, json, sys
library = ctypes.CDLL(sys.argv[1])
size, block = ctypes.c_size_t, ctypes.c_void_p
library.slotmalloc_malloc.restype = library.slotmalloc_realloc.restype = block
library.slotmalloc_realloc.argtypes = [block, size]
one = library.slotmalloc_malloc(size(100_000))
neighbour = library.slotmalloc_malloc(size(100_000))
counts = []
for wanted in (100_000, 120_000, 1_000_000):
    one = library.slotmalloc_realloc(one, wanted)
    buffer = ctypes.create_string_buffer(20_000)
    library.slotmalloc_stats_json(buffer, size(20_000))
    counters = json.loads(buffer.value)["counters"]
    counts.append((counters["realloc_in_place"], counters["realloc_moved"]))
print(counts)
"""


def test_reallocs_of_large_blocks_are_counted() -> None:
    """Within its slots, within them again, and out of them: the neighbour is in the way."""
    command = [sys.executable, "-c", REALLOCATED, str(LIBRARY)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout == "[(1, 0), (2, 0), (2, 1)]\n", done.stderr


INFORMATION = """
import ctypes, xml.etree.ElementTree as tree
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
libc.fflush.argtypes = [ctypes.c_void_p]
libc.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
kept = [bytes(size) for size in range(1, 300_000, 999)]
stream = libc.fdopen(1, b"w")
assert libc.malloc_info(0, stream) == 0
libc.fflush(stream)
"""


def test_malloc_info_is_xml_whose_sums_agree() -> None:
    done = run_under("", sys.executable, "-c", INFORMATION)
    root = ElementTree.fromstring(done.stdout)
    heap = root.find("heap")
    assert root.attrib == {"version": "1"} and heap is not None
    sizes = heap.findall("sizes/size")
    assert sizes and all(
        int(size.attrib["total"]) == int(size.attrib["to"]) * int(size.attrib["count"])
        and int(size.attrib["from"]) <= int(size.attrib["to"])
        for size in sizes
    )
    rest = heap.find("total[@type='rest']")
    held = heap.find("system[@type='current']")
    assert rest is not None and held is not None
    assert int(rest.attrib["count"]) == sum(int(size.attrib["count"]) for size in sizes)
    assert int(rest.attrib["size"]) < int(held.attrib["size"]) > 300 * 100_000


PROGRAM = """
#include <slotmalloc.h>
#include <stdio.h>
#include <stdlib.h>
int main(void) {
    char *block = malloc(100), *other = slotmalloc_malloc(100);
    printf("%d\\n", slotmalloc_malloc_usable_size(block) == slotmalloc_malloc_usable_size(other));
    free(other);
    slotmalloc_free(block);
    return 0;
}
"""


@pytest.mark.parametrize("how", ["static", "shared"])
def test_a_program_links_with_it(how: str, tmp_path: Path) -> None:
    source = tmp_path / "program.c"
    source.write_text(PROGRAM)
    library = BUILD / ("libslotmalloc.a" if how == "static" else "libslotmalloc.so")
    include = ROOT / "allocators" / "slotmalloc" / "include"
    program = tmp_path / "program"
    subprocess.run(
        ["gcc", f"-I{include}", "-o", program, source, library, f"-Wl,-rpath,{BUILD}", "-pthread"],
        check=True,
    )
    assert subprocess.run([program], check=True, capture_output=True, text=True).stdout == "1\n"


def test_installing_gives_header_libraries_pkg_config_and_manual(tmp_path: Path) -> None:
    command = ["make", "-s", "install-slotmalloc", f"DESTDIR={tmp_path}", "PREFIX=/usr"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for file in (
        "include/slotmalloc.h",
        "lib/libslotmalloc.so",
        "lib/libslotmalloc.a",
        "lib/pkgconfig/slotmalloc.pc",
        "share/man/man3/slotmalloc.3",
    ):
        assert (tmp_path / "usr" / file).is_file()


def test_a_failed_posix_memalign_sets_errno_as_libc_does() -> None:
    """A program that looks at errno instead of the result finds ENOMEM there."""
    libraries = [ctypes.CDLL(name, use_errno=True) for name in (str(LIBRARY), "libc.so.6")]
    block = ctypes.c_void_p()
    answers = []
    for memalign in (libraries[0].slotmalloc_posix_memalign, libraries[1].posix_memalign):
        for align, size in ((64, 2**62), (63, 64), (64, 64)):
            ctypes.set_errno(errno.EDOM)
            answer = memalign(ctypes.byref(block), ctypes.c_size_t(align), ctypes.c_size_t(size))
            answers.append((answer, ctypes.get_errno()))
    assert answers[:3] == answers[3:]
    assert answers[0] == (errno.ENOMEM, errno.ENOMEM)
