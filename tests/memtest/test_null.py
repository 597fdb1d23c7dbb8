"""The null allocator: the driver alone, doing the same operations as on any allocator."""

import pytest

from tests.memtest.driver import ROOT, end_record, listed, run, runnable_workloads

NULL = ROOT / "build/memtest-null"
SERVED = [w["name"] for w in runnable_workloads() if not w["keeps_data"]]
REFUSED = [w["name"] for w in runnable_workloads() if w["keeps_data"]]
SHORT = ("--scale", "0.001", "--rounds", "2", "--touch", "page")


@pytest.mark.parametrize("threads", ["1", "2"])
@pytest.mark.parametrize("workload", SERVED)
def test_it_does_the_work_that_every_allocator_does(workload: str, threads: str) -> None:
    options = (workload, "--threads", threads, *SHORT)
    null, libc = end_record(*options, binary=NULL), end_record(*options)
    for field in ("checksum", "ops", "mallocs", "requested_bytes", "live_end_bytes"):
        assert null[field] == libc[field], field


@pytest.mark.parametrize("workload", REFUSED)
def test_a_workload_that_keeps_data_in_its_blocks_is_refused(workload: str) -> None:
    done = run(workload, *SHORT, binary=NULL)
    assert done.returncode == 2
    assert f"{workload} keeps data in its blocks" in done.stderr


def test_verification_is_refused() -> None:
    done = run("pairs", *SHORT, "--verify", "stamp", binary=NULL)
    assert done.returncode == 2
    assert "blocks, and those of the null allocator overlap" in done.stderr


def test_the_record_names_it_and_the_list_says_who_keeps_data() -> None:
    path = end_record("pairs", *SHORT, binary=NULL)["provider"]["path"]
    assert path == str(ROOT / "build/libnull.so")
    assert {"tree", "strings", "xmalloc"} <= set(REFUSED)
    assert "does not run on the null allocator" in run("--list").stdout
    assert listed(NULL) == listed()


def test_a_preloaded_null_serves_nothing_and_does_not_pass_for_the_provider() -> None:
    done = run("--version", environment={"LD_PRELOAD": str(ROOT / "build/libnull.so")})
    assert "libc.so.6" in done.stdout


def test_a_block_above_its_limit_is_a_failed_allocation() -> None:
    options = ("rounds", "--rounds", "1", "--slots", "1", "--min_bytes", "2G", "--max_bytes", "2G")
    assert run(*options, binary=NULL).returncode == 3
