"""Checks the dependencies of this process, at most once a second, and reports under every fault."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import orjson
from prometheus_client import Gauge

from utils.clock import to_rfc3339, utc_now
from utils.faults import Fault, fault_of
from utils.health.probes import DatabaseProbe, RedisProbe
from utils.logging import logger

__all__ = ["DatabaseProbe", "Fault", "HealthMonitor", "HealthReport", "Probe", "RedisProbe"]

CHECK_SECONDS = 0.6
CACHE_SECONDS = 1.0
REFRESH_SECONDS = 2.0

DEPENDENCY_UP = Gauge(
    "vfactory_dependency_up", "1 while the dependency answers this process's probe, else 0", ["dependency"]
)


class Probe(Protocol):
    """Checks one dependency over a connection of its own."""

    name: str

    async def check(self) -> None:
        """Return when the dependency answers.

        Raises:
            Exception: whatever the driver raises when it does not.
        """

    def abandon(self) -> None:
        """Drop the connection at once, without waiting for the server."""


@dataclass(frozen=True)
class HealthReport:
    """The result of one check; `faults` maps each dependency, in the guide's order, to its fault or None."""

    timestamp: str
    faults: Mapping[str, Fault | None]

    @cached_property
    def healthy(self) -> bool:
        """Whether every dependency answers."""
        return not any(self.faults.values())

    @cached_property
    def body(self) -> bytes:
        """The JSON body of the guide's `/health`."""
        document = {"status": "healthy" if self.healthy else "unhealthy", "timestamp": self.timestamp}
        for name, fault in self.faults.items():
            document[name] = "disconnected" if fault else "connected"
            if fault:
                document[f"{name}_error"] = fault.value
        return orjson.dumps(document)


class HealthMonitor:
    """Runs all probes together: one check at a time, at most one a second, each at most 0.6 s long."""

    def __init__(self, service_name: str, probes: Sequence[Probe]) -> None:
        self.service_name = service_name
        self._probes = tuple(probes)
        self.dependencies = tuple(probe.name for probe in probes)
        self._faults: dict[str, Fault | None] = {}
        self._report: HealthReport | None = None
        self._expires = 0.0
        self._flight: asyncio.Task[HealthReport] | None = None
        self._refresher: asyncio.Task[None] | None = None

    async def report(self) -> HealthReport:
        """Return a report at most 1 s old, within 0.8 s."""
        if self._report is not None and time.monotonic() < self._expires:
            return self._report
        if self._flight is None:
            # In a context of its own, since its log lines belong to no request.
            self._flight = asyncio.create_task(self._check_all(), name="health check", context=Context())
            self._flight.add_done_callback(self._landed)
        return await asyncio.shield(self._flight)

    def start(self) -> None:
        """Check every 2 s in the background, so that the metric is current when nobody requests `/health`."""
        if self._refresher is None:
            self._refresher = asyncio.create_task(self._refresh(), name="health refresh")

    async def stop(self) -> None:
        """Stop the background checks and drop the probes' connections."""
        tasks = [task for task in (self._refresher, self._flight) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._refresher = None
        for probe in self._probes:
            probe.abandon()

    async def _refresh(self) -> None:
        while True:
            await self.report()
            await asyncio.sleep(REFRESH_SECONDS)

    def _landed(self, _: asyncio.Task[HealthReport]) -> None:
        self._flight = None

    async def _check_all(self) -> HealthReport:
        found = await asyncio.gather(*(self._check(probe) for probe in self._probes))
        faults = dict(zip(self.dependencies, found, strict=True))
        report = HealthReport(to_rfc3339(utc_now().replace(microsecond=0)), faults)
        self._report, self._expires = report, time.monotonic() + CACHE_SECONDS
        return report

    async def _check(self, probe: Probe) -> Fault | None:
        task = asyncio.create_task(probe.check(), name=f"probe {probe.name}")
        try:
            await asyncio.wait({task}, timeout=CHECK_SECONDS)
        finally:
            if not task.done():
                self._give_up(probe, task)
        error = task.exception() if task.done() and not task.cancelled() else TimeoutError("no answer")
        fault = fault_of(error) if error is not None else None
        self._note(probe.name, fault, error)
        return fault

    def _give_up(self, probe: Probe, task: asyncio.Task[None]) -> None:
        # Not awaited: a hung server would delay the cancellation just as it delayed the check.
        task.cancel()
        task.add_done_callback(_forget)
        probe.abandon()

    def _note(self, name: str, fault: Fault | None, error: BaseException | None) -> None:
        DEPENDENCY_UP.labels(name).set(0 if fault else 1)
        before = self._faults.get(name)
        self._faults[name] = fault
        if fault and fault != before:
            logger.warning(
                "%s is disconnected: %s",
                name,
                fault,
                extra={
                    "dependency": name,
                    "fault": fault.value,
                    "detail": f"{type(error).__name__}: {error}",
                },
            )
        elif before and not fault:
            logger.info("%s is connected again", name, extra={"dependency": name})


def _forget(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.exception()
