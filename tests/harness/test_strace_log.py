from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.passes.instruments import strace_log
from harness.passes.instruments.strace_log import CALLS, Call, parse, summarise

MMAP = "10 5.000001 mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)"


def test_a_plain_call() -> None:
    log = parse([f"{MMAP} = 0x7f0000000000 <0.000119>\n"])
    (call,) = log.calls
    assert (call.pid, call.at_s, call.name) == (10, 5.000001, "mmap")
    assert call.arguments[1] == "8192"
    assert (call.result, call.error, call.seconds) == (0x7F0000000000, "", 0.000119)


def test_a_failed_call_keeps_its_error_and_names_no_bytes() -> None:
    log = parse([f"{MMAP} = -1 ENOMEM (Cannot allocate memory) <0.000010>"])
    assert log.calls[0].error == "ENOMEM"
    tally = summarise(log).by_name["mmap"]
    assert (tally.calls, tally.failed, tally.bytes) == (1, 1, 0)


def test_a_call_for_many_ranges_counts_as_one_madvise() -> None:
    ranges = "[{iov_base=0x7f00, iov_len=4096}, {iov_base=0x9f00, iov_len=65536}]"
    call = f"process_madvise(-10000, {ranges}, 2, MADV_DONTNEED, 0)"
    log = parse([f"10 5.0 {call} = 69632 <0.000030>"])
    tally = summarise(log).by_name["madvise"]
    assert (tally.calls, tally.bytes, tally.seconds) == (1, 69632, 0.00003)


def test_a_call_that_another_thread_interrupted_is_joined() -> None:
    log = parse(
        [
            "10 5.0 munmap(0x7f0000000000, 4096 <unfinished ...>",
            "11 5.1 madvise(0x7f0000000000, 4096, MADV_FREE) = 0 <0.000001>",
            "10 5.2 <... munmap resumed>) = 0 <0.200000>",
        ]
    )
    munmap = next(call for call in log.calls if call.name == "munmap")
    assert (munmap.at_s, munmap.arguments[1], munmap.seconds) == (5.0, "4096", 0.2)
    assert log.unread_lines == 0


def test_a_call_that_never_returned_counts_without_bytes_or_time() -> None:
    log = parse(["10 5.0 mmap(NULL, 4096, PROT_NONE <unfinished ...>", "10 5.1 +++ killed +++"])
    assert [(c.name, c.result, c.seconds) for c in log.calls] == [("mmap", None, 0.0)]


def test_an_unknown_result_at_exit() -> None:
    log = parse(["10 5.0 munmap(0x7f0000000000, 4096) = ? <unavailable>"])
    assert log.calls[0].result is None
    assert log.unread_lines == 0


def test_signals_exits_and_other_calls_are_passed_over() -> None:
    log = parse(
        [
            "10 5.0 --- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=NULL} ---",
            "10 5.1 +++ killed by SIGSEGV +++",
            "11 5.1 +++ exited with 0 +++",
            "11 5.2 getpid() = 11 <0.000001>",
        ]
    )
    assert (log.calls, log.unread_lines) == ([], 0)


def test_a_truncated_last_line_is_counted_and_costs_nothing_else() -> None:
    log = parse([f"{MMAP} = 0x7f0000000000 <0.000119>\n", "10 5.2 munmap(0x7f00000000"])
    assert (len(log.calls), log.unread_lines) == (1, 1)


def test_a_resumed_call_without_a_beginning_is_counted_as_unread() -> None:
    assert parse(["10 5.2 <... mmap resumed>) = 0x7f0000000000 <0.1>"]).unread_lines == 1


def test_anonymous_memory_is_told_from_mapped_files() -> None:
    file = "10 5.0 mmap(NULL, 100, PROT_READ, MAP_PRIVATE, 3, 0) = 0x7f0000001000 <0.00001>"
    summary = summarise(parse([f"{MMAP} = 0x7f0000000000 <0.000119>", file]))
    assert summary.by_name["mmap"].calls == 2
    assert summary.anonymous_mmaps == 1


def brk(argument: str, result: int, at_s: float) -> Call:
    return Call(1, at_s, "brk", (argument,), result, "", 0.0)


def test_brk_counts_movement_and_not_questions() -> None:
    log = strace_log.Log(
        [brk("NULL", 0x1000, 1), brk("0x5000", 0x5000, 2), brk("0x3000", 0x3000, 3)]
    )
    summary = summarise(log)
    assert summary.by_name["brk"].bytes == 0x4000 + 0x2000
    assert [p.mapped_brk_bytes for p in summary.mapped] == [0, 0x4000, 0x2000]


def test_breaks_of_two_processes_are_kept_apart() -> None:
    far = 0x5500_0000_0000
    log = strace_log.Log(
        [
            brk("NULL", 0x1000, 1),
            brk("NULL", far, 2),
            brk("0x2000", 0x2000, 3),
            brk(hex(far + 64), far + 64, 4),
        ]
    )
    assert summarise(log).by_name["brk"].bytes == 0x1000 + 64


def test_a_fixed_mapping_replaces_and_adds_nothing_to_the_curve() -> None:
    fixed = (
        "10 5.1 mmap(0x7f0000000000, 4096, PROT_NONE, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0)"
    )
    log = parse([f"{MMAP} = 0x7f0000000000 <0.000119>", f"{fixed} = 0x7f0000000000 <0.000119>"])
    assert summarise(log).mapped[-1].mapped_bytes == 8192
    assert summarise(log).by_name["mmap"].bytes == 8192 + 4096


def test_mremap_names_its_new_size() -> None:
    log = parse(
        ["10 5.0 mremap(0x7f0000000000, 4096, 8192, MREMAP_MAYMOVE) = 0x7f0000001000 <0.1>"]
    )
    assert summarise(log).by_name["mremap"].bytes == 8192
    assert summarise(log).mapped[-1].mapped_bytes == 4096


def test_a_thinned_curve_keeps_its_peak_and_its_end() -> None:
    points = [strace_log.MappedPoint(i, i % 977, i % 977) for i in range(10_000)]
    thin = strace_log.thin(points, 100)
    assert len(thin) <= 101
    assert max(p.mapped_brk_bytes for p in thin) == 976
    assert thin[-1] == points[-1]


sizes = st.integers(1, 2**40)
threads = st.integers(1, 5000)


@st.composite
def call_lines(draw: st.DrawFn) -> tuple[int, list[str]]:
    """One successful munmap of a thread, whole or in two parts; and how many bytes it names."""
    size = draw(sizes)
    head = f"munmap(0x7f0000000000, {size}"
    if draw(st.booleans()):
        return size, [f"1.0 {head}) = 0 <0.000010>"]
    return size, [f"1.0 {head} <unfinished ...>", "2.0 <... munmap resumed>) = 0 <0.000010>"]


@st.composite
def interleaved(draw: st.DrawFn) -> tuple[int, int, list[str]]:
    """A log of many threads, mixed as strace mixes lines: in order within a thread."""
    per_thread: dict[int, list[str]] = {}
    total = count = 0
    for _ in range(draw(st.integers(0, 60))):
        size, lines = draw(call_lines())
        thread = draw(threads)
        per_thread.setdefault(thread, []).extend(f"{thread} {line}" for line in lines)
        total += size
        count += 1
    mixed = []
    while any(per_thread.values()):
        thread = draw(st.sampled_from([t for t, lines in per_thread.items() if lines]))
        mixed.append(per_thread[thread].pop(0))
    return count, total, mixed


@given(interleaved())
def test_no_call_is_lost_or_doubled_however_threads_interleave(
    log: tuple[int, int, list[str]],
) -> None:
    count, total, lines = log
    parsed = parse(lines)
    tally = summarise(parsed).by_name["munmap"]
    assert (tally.calls, tally.bytes, parsed.unread_lines) == (count, total, 0)


@given(interleaved(), st.integers(0, 5000))
def test_a_log_cut_anywhere_never_raises_nor_counts_more(
    log: tuple[int, int, list[str]], cut: int
) -> None:
    count, total, lines = log
    parsed = parse("\n".join(lines)[:cut].split("\n"))
    tally = summarise(parsed).by_name["munmap"]
    assert tally.calls <= count
    assert tally.bytes <= total
    assert parsed.unread_lines <= 1


@given(st.lists(st.text()))
def test_garbage_never_raises(lines: list[str]) -> None:
    summarise(parse(lines))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(CALLS), st.lists(st.text("0123456789x|,( MAP_FIXEDNUL"), max_size=4)
        )
    )
)
def test_odd_arguments_never_raise(calls: list[tuple[str, list[str]]]) -> None:
    summarise(parse(f"7 1.5 {name}({', '.join(args)}) = 0 <0.1>" for name, args in calls))


def test_thousands_of_threads() -> None:
    begun = [f"{pid} 1.0 munmap(0x1000, 4096 <unfinished ...>" for pid in range(5000)]
    ended = [f"{pid} 2.0 <... munmap resumed>) = 0 <1.0>" for pid in reversed(range(5000))]
    log = parse(begun + ended)
    assert (len(log.calls), log.unread_lines) == (5000, 0)
    assert {call.pid for call in log.calls} == set(range(5000))


def test_metrics_name_all_six_calls_and_their_sums() -> None:
    summary = summarise(
        parse([f"{MMAP} = 0x7f0000000000 <0.5>", "10 6.0 brk(NULL) = 0x1000 <0.25>"])
    )
    metrics = strace_log.metrics(summary, mallocs=10)
    assert metrics["kernel_memory_calls"] == 2
    assert metrics["kernel_memory_s"] == 0.75
    assert metrics["mallocs_per_mmap"] == 10
    assert {f"{name}_calls" for name in CALLS} <= metrics.keys()
    assert "mallocs_per_mmap" not in strace_log.metrics(summary, mallocs=None)


PROCESS_LOG = [
    '10 1.0 execve("./p", ["./p"], 0x7ffd /* 3 vars */) = 0 <0.1>',
    "10 2.0 clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD, child_tidptr=0x1) = 11 <0.1>",
    "10 3.0 clone3({flags=CLONE_VM|CLONE_FS|CLONE_THREAD, stack=0x1}, 88) = 12 <0.1>",
    "10 4.0 vfork( <unfinished ...>",
    '13 4.1 execve("/none/q", ["q"], 0x7ffd /* 3 vars */) = -1 ENOENT (No such file) <0.1>',
    '13 4.2 execve("/bin/q", ["q"], 0x7ffd /* 3 vars */) = 0 <0.1>',
    "10 4.3 <... vfork resumed>) = 13 <0.2>",
    "10 5.0 fork() = -1 EAGAIN (Resource temporarily unavailable) <0.1>",
]


def test_processes_are_counted_and_threads_and_failures_are_not() -> None:
    log = parse(PROCESS_LOG)
    assert (log.forks, log.execs, log.calls, log.unread_lines) == (2, 2, [], 0)
    assert strace_log.process_calls(log) == 2 + 2 + 3  # three processes end


def test_an_exec_by_a_thread_counts_once() -> None:
    log = parse(
        [
            '11 1.0 execve("/bin/q", ["q"], 0x7ffd /* 3 vars */ <pid changed to 10 ...>',
            "10 1.1 +++ superseded by execve in pid 11 +++",
            "10 1.2 <... execve resumed>) = 0 <0.1>",
        ]
    )
    assert (log.execs, log.unread_lines) == (1, 0)
