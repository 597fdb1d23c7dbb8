"""The doctor on made-up machines: a folder with the kernel files that such a machine shows."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from install import doctor

ROOT = Path(__file__).resolve().parents[2]
PAGE_REPORTING = "sys/module/page_reporting/parameters/page_reporting_order"


def write(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


@pytest.mark.parametrize(
    ("check", "path", "text", "status"),
    [
        (
            doctor.governor,
            "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
            "powersave",
            "warn",
        ),
        (
            doctor.governor,
            "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
            "performance",
            "ok",
        ),
        (doctor.turbo, "sys/devices/system/cpu/intel_pstate/no_turbo", "0", "warn"),
        (doctor.turbo, "sys/devices/system/cpu/intel_pstate/no_turbo", "1", "ok"),
        (doctor.turbo, "sys/devices/system/cpu/cpufreq/boost", "1", "warn"),
        (
            doctor.huge_pages,
            "sys/kernel/mm/transparent_hugepage/enabled",
            "[always] madvise",
            "warn",
        ),
        (doctor.huge_pages, "sys/kernel/mm/transparent_hugepage/enabled", "always [madvise]", "ok"),
        (doctor.page_reporting, PAGE_REPORTING, "9", "warn"),
        (doctor.page_reporting, PAGE_REPORTING, "4294967295", "ok"),
        (doctor.address_randomisation, "proc/sys/kernel/randomize_va_space", "0", "warn"),
        (doctor.address_randomisation, "proc/sys/kernel/randomize_va_space", "2", "ok"),
        (doctor.load, "proc/loadavg", "900.0 1 1 1/1 1", "warn"),
        (doctor.load, "proc/loadavg", "0.00 1 1 1/1 1", "ok"),
        (doctor.swap, "proc/swaps", "Filename\n/swap file 1 0 -2\n", "warn"),
        (doctor.swap, "proc/swaps", "Filename\n", "ok"),
        (doctor.memory_limit, "sys/fs/cgroup/memory.max", "1073741824", "warn"),
        (doctor.memory_limit, "sys/fs/cgroup/memory.max", "max", "ok"),
        (
            doctor.memory_limit,
            "sys/fs/cgroup/memory/memory.limit_in_bytes",
            "9223372036854771712",
            "ok",
        ),
        (doctor.cpu_limit, "sys/fs/cgroup/cpu.max", "150000 100000", "warn"),
        (doctor.cpu_limit, "sys/fs/cgroup/cpu.max", "max 100000", "ok"),
        (doctor.cpu_limit, "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1", "ok"),
    ],
)
def test_a_setting_is_judged(
    tmp_path: Path, check: doctor.Check, path: str, text: str, status: str
) -> None:
    write(tmp_path, path, text)
    assert check(tmp_path).status == status


@pytest.mark.parametrize("check", [doctor.governor, doctor.turbo, doctor.huge_pages, doctor.load])
def test_what_the_machine_does_not_show_is_unknown_and_not_fine(
    tmp_path: Path, check: doctor.Check
) -> None:
    assert check(tmp_path).status == "unknown"


def test_the_limit_of_our_own_control_group_counts(tmp_path: Path) -> None:
    write(tmp_path, "proc/self/cgroup", "4:memory:/old\n0::/jobs/this\n")
    write(tmp_path, "sys/fs/cgroup/jobs/this/memory.max", str(256 << 20))
    assert doctor.memory_limit(tmp_path).value == "256 MiB"


def test_every_warning_names_its_effect_on_results(tmp_path: Path) -> None:
    assert all(check(tmp_path).effect for check in doctor.CHECKS)


def run_check(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "install.sh", "--check", *arguments], capture_output=True, text=True, check=False
    )


def test_the_report_for_programs_is_one_json_object() -> None:
    done = run_check("--json")
    report = json.loads(done.stdout)
    assert (done.returncode == 0) == report["ready"]
    assert len(report["findings"]) == len(doctor.CHECKS)
    assert set(report["findings"][0]) == {"check", "status", "value", "effect", "cure"}
    assert all(set(each) == {"need", "package", "purpose"} for each in report["missing"])


def test_the_report_for_readers_has_a_line_for_each_check() -> None:
    lines = run_check().stdout.splitlines()
    assert sum(line.startswith(("ok ", "warn ", "unknown ")) for line in lines) >= len(
        doctor.CHECKS
    )


def test_only_what_is_required_makes_the_machine_unready(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", ["optional strace the syscalls pass\n"])
    assert doctor.main([]) == 0
    monkeypatch.setattr("sys.stdin", ["required gcc every build\n"])
    assert doctor.main([]) == 1
    assert "missing  gcc (required): every build" in capsys.readouterr().out
