"""Tells whether what this process depends on takes writes, as probes and requests find it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Gauge

from utils.logging import logger

if TYPE_CHECKING:  # it imports drivers, which a process loads only after its command line has been read
    from utils.faults import WriteFault

DEPENDENCY_WRITABLE = Gauge(
    "vfactory_dependency_writable",
    "1 while the dependency takes writes, 0 while it answers and refuses them.",
    ["dependency"],
)
WRITE_FAULT = Gauge(
    "vfactory_dependency_write_fault",
    "1 for the reason why a dependency that answers takes no writes.",
    ["dependency", "fault"],
)

_known: dict[str, WriteFault | None] = {}


def note_write(dependency: str, fault: WriteFault | None) -> None:
    """Tell by metric and log, once for each change, whether a dependency takes writes."""
    DEPENDENCY_WRITABLE.labels(dependency).set(0 if fault else 1)
    before = _known.get(dependency)
    _known[dependency] = fault
    if before is not None and before is not fault:
        WRITE_FAULT.remove(dependency, before)
    if fault is None:
        if before is not None:
            logger.info("%s takes writes again", dependency, extra={"dependency": dependency})
        return
    WRITE_FAULT.labels(dependency, fault).set(1)
    if before is not fault:
        extra = {"dependency": dependency, "fault": fault.value}
        logger.warning("%s takes no writes: %s", dependency, fault, extra=extra)
