"""The limits of this process: memory and CPU of its control group or machine, and its open files."""

import os
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from prometheus_client import Gauge

MEMORY_LIMIT: Final = Gauge(
    "vfactory_memory_limit_bytes", "Bytes of memory this process may use before the kernel kills it"
)
CPU_LIMIT: Final = Gauge("vfactory_cpu_limit_cores", "CPU time this process may use, in cores")

CGROUPS: Final = Path("/sys/fs/cgroup")
OWN_CGROUPS: Final = Path("/proc/self/cgroup")
# Version 1 of control groups expresses "no limit" by a number that no machine has.
NO_LIMIT_BYTES: Final = 1 << 60


def expose_limits() -> None:
    """Show the limits in `/metrics`, read at each scrape: they can change while a process runs."""
    MEMORY_LIMIT.set_function(memory_limit)
    CPU_LIMIT.set_function(cpu_limit)


def raise_file_limit(wanted: int) -> int:
    """Let this process open `wanted` files, or as many as its hard limit allows; return the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    raised = max(soft, wanted if hard == resource.RLIM_INFINITY else min(wanted, hard))
    if raised > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    return raised


def memory_limit(groups: Path = CGROUPS, own: Path = OWN_CGROUPS) -> float:
    """Return, in bytes, the smallest limit of the process's control group, its parents and the machine."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [
        int(text)
        for folder in _folders(groups, own, "memory")
        for name in ("memory.max", "memory.limit_in_bytes")
        if (text := _read(folder / name)).isdecimal() and int(text) < NO_LIMIT_BYTES
    ]
    return float(min([physical, *limits]))


def cpu_limit(groups: Path = CGROUPS, own: Path = OWN_CGROUPS) -> float:
    """Return, in cores, the smallest limit of the control group, its parents and the CPU affinity."""
    shares = [share for folder in _folders(groups, own, "cpu") if (share := _share(folder)) is not None]
    return min([float(len(os.sched_getaffinity(0))), *shares])


def _share(folder: Path) -> float | None:
    """Return a control group's CPU quota divided by its period, in cores; None if it has no limit."""
    words = _read(folder / "cpu.max").split()
    if not words:
        words = [_read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")]
    if not all(word.isdecimal() and int(word) > 0 for word in words):  # "max", -1, or no such file
        return None
    quota, period = map(int, words)
    return quota / period


def _folders(groups: Path, own: Path, controller: str) -> Iterator[Path]:
    """Yield the folders of this process's control group and of its parents, in versions 1 and 2."""
    for line in _read(own).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root = groups / controller if controllers else groups
        group = root / path.lstrip("/")
        yield from (folder for folder in (group, *group.parents) if folder.is_relative_to(root))


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
