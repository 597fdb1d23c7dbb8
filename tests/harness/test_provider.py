from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

from harness import provider
from harness.allocators import Allocator, from_option, sha256_of
from harness.process import Job, run

ALL = frozenset(os.sched_getaffinity(0))


def library(path: Path, content: bytes = b"code") -> Path:
    path.write_bytes(content)
    return path


def end(path: Path | str) -> dict[str, object]:
    return {"provider": {"path": str(path)}}


def test_the_expected_library_is_proof(tmp_path: Path) -> None:
    mine = library(tmp_path / "a.so")
    proof = provider.from_memtest(Allocator("a", shared_object=str(mine)), end(mine), "")
    assert proof.proven


def test_a_link_to_it_is_the_same_library(tmp_path: Path) -> None:
    mine = library(tmp_path / "a.so")
    (tmp_path / "b.so").symlink_to(mine)
    allocator = Allocator("a", shared_object=str(mine))
    assert provider.from_memtest(allocator, end(tmp_path / "b.so"), "").proven


def test_a_copy_with_the_same_content_is_the_same_library(tmp_path: Path) -> None:
    mine, copy = library(tmp_path / "a.so"), library(tmp_path / "b.so")
    allocator = Allocator("a", shared_object=str(mine), sha256=sha256_of(mine))
    assert provider.from_memtest(allocator, end(copy), "").proven


def test_another_library_is_refused_and_the_loaders_reason_told(tmp_path: Path) -> None:
    mine = library(tmp_path / "a.so")
    other = library(tmp_path / "libc.so", b"other")
    words = (
        "ERROR: ld.so: object '/a.so' from LD_PRELOAD cannot be preloaded "
        "(invalid ELF header): ignored."
    )
    proof = provider.from_memtest(Allocator("a", shared_object=str(mine)), end(other), words)
    assert not proof.proven
    assert "libc.so" in proof.why
    assert "invalid ELF header" in proof.why


def test_no_answer_is_no_proof(tmp_path: Path) -> None:
    mine = library(tmp_path / "a.so")
    assert not provider.from_memtest(Allocator("a", shared_object=str(mine)), {}, "").proven


def binding(caller: Path | str, to: Path) -> str:
    return f"  123: binding file {caller} [0] to {to} [0]: normal symbol `malloc' [GLIBC_2.2.5]\n"


def test_a_program_that_brings_its_own_malloc_is_found_out(tmp_path: Path) -> None:
    mine, program = library(tmp_path / "a.so"), library(tmp_path / "program", b"p")
    allocator = Allocator("a", shared_object=str(mine), preload=str(mine))
    lines = [binding("/lib/x.so", mine), binding(program, program)]
    assert provider.prove_bindings(allocator, lines[:1]).proven
    assert not provider.prove_bindings(allocator, lines).proven


def test_what_the_allocator_itself_binds_does_not_count(tmp_path: Path) -> None:
    mine, libc = library(tmp_path / "a.so"), library(tmp_path / "libc.so", b"c")
    allocator = Allocator("a", shared_object=str(mine), preload=str(mine))
    lines = [binding(mine, libc), binding("/bin/program", mine)]
    assert provider.prove_bindings(allocator, lines).proven


def test_a_static_program_gives_no_proof(tmp_path: Path) -> None:
    mine = library(tmp_path / "a.so")
    proof = provider.prove_bindings(Allocator("a", shared_object=str(mine)), [])
    assert "static" in proof.why


def test_a_real_program_binds_to_the_preloaded_library(root: Path) -> None:
    lifo = from_option(f"lifo={root / 'build/liblifo.so'}", "build/memtest-ptmalloc")
    env = {"PATH": os.environ["PATH"], **lifo.preload_env}
    job = Job(["sort", "/etc/passwd"], env, ALL, 20, 1 << 30, root)
    proof, outcome = provider.probe_command(lifo, job, run)
    assert outcome.status == "ok"
    assert proof.proven, proof.why


def test_a_program_that_takes_the_address_of_malloc_does_not_count_as_its_provider(
    root: Path, tmp_path: Path
) -> None:
    """In a position-dependent program that address is a PLT entry of the program."""
    source, program = tmp_path / "main.c", tmp_path / "program"
    source.write_text(
        "#include <stdlib.h>\n#include <string.h>\n"
        'void *(*volatile f)(size_t) = malloc; int main(void) { return !f(1) || !strdup("x"); }'
    )
    subprocess.run(["gcc", "-no-pie", "-fno-pie", "-o", program, source], check=True)
    lifo = from_option(f"lifo={root / 'build/liblifo.so'}", "build/memtest-ptmalloc")
    job = Job([str(program)], lifo.preload_env, ALL, 20, 1 << 30, root)
    proof, outcome = provider.probe_command(lifo, job, run)
    assert outcome.status == "ok"
    assert proof.proven, proof.why


def test_a_dropped_preload_is_noticed(root: Path) -> None:
    lifo = from_option(f"lifo={root / 'build/liblifo.so'}", "build/memtest-ptmalloc")
    env = {"PATH": os.environ["PATH"], **lifo.preload_env}
    job = Job(["env", "-u", "LD_PRELOAD", "sort", "/etc/passwd"], env, ALL, 20, 1 << 30, root)
    proof, _ = provider.probe_command(lifo, job, run)
    assert not proof.proven


DEEP_MODULE = "#include <stdlib.h>\nvoid module_free(void *block) { free(block); }\n"
DEEP_PROGRAM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
int main(int count, char **arguments) {
    void *module = dlopen(arguments[count - 1], RTLD_NOW | RTLD_DEEPBIND);
    void (*release)(void *) = (void (*)(void *))dlsym(module, "module_free");
    release(malloc(100));
    return 0;
}
"""


def test_modules_opened_with_deepbind_free_by_the_preloaded_library(
    root: Path, tmp_path: Path
) -> None:
    for name, text in {"module": DEEP_MODULE, "program": DEEP_PROGRAM}.items():
        (tmp_path / f"{name}.c").write_text(text)
    module, program = tmp_path / "module.so", tmp_path / "program"
    shared = ["gcc", "-shared", "-fPIC", "-o", str(module), str(tmp_path / "module.c")]
    subprocess.run(shared, check=True)
    link = ["gcc", "-fno-builtin", "-o", str(program), str(tmp_path / "program.c"), "-ldl"]
    subprocess.run(link, check=True)
    lifo = from_option(f"lifo={root / 'build/liblifo.so'}", "build/memtest-ptmalloc")
    job = Job([str(program), str(module)], lifo.command_env(root), ALL, 20, 1 << 30, root)
    proof, outcome = provider.probe_command(lifo, job, run)
    assert outcome.status == "ok", outcome
    assert proof.proven, proof.why
    alone = run(replace(job, env=lifo.preload_env))
    assert alone.status == "crash"
