"""Makes views of the stack: each queries all parts concurrently, within a bounded time."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

from utils.clock import utc_now
from vfactory.stack.errors import UnknownPartError
from vfactory.stack.health_checks import accepts_connections, is_monitoring_ready, server_answers
from vfactory.stack.monitoring import Alert
from vfactory.stack.programs import HOW_TO_GET_THEM
from vfactory.stack.state import Part, StackRecord, find_supervisor, read_record
from vfactory.top import prometheus
from vfactory.top.asking import Asker
from vfactory.top.figures import UNKNOWN, Figures
from vfactory.top.history import History
from vfactory.top.view import WORKER, Condition, Row, Server, Source, View

# A Prometheus that hangs delays each view by the whole timeout: it is asked again only after a pause.
PAUSE_SECONDS: Final = 10.0


class Watch:
    """Makes views of the stack, and keeps the history between them that rates need.

    Args:
        home: the state directory of the stack.
        asker: the HTTP client.
        services: the services to show; all if empty.
    """

    def __init__(self, home: Path, asker: Asker, services: Sequence[str] = ()) -> None:
        self._home = home
        self._asker = asker
        self._services = services
        self._history = History()
        self._last_answers: dict[str, datetime] = {}
        self._ask_prometheus_from = float("-inf")

    async def look(self) -> View:
        """Return the view of this moment.

        Raises:
            UnknownPartError: one of the services does not exist.
        """
        known = read_record(self._home)
        if find_supervisor(self._home) is None:
            self._history.forget()
            return View(home=str(self._home), at=utc_now(), state="stopped")
        if known is None:
            return View(home=str(self._home), at=utc_now(), state="starting")
        return await self._look(known)

    async def _look(self, known: StackRecord) -> View:
        parts = chosen(known.parts, self._services)
        where = {part.name: part.where for part in known.parts if part.state != "waiting"}
        others = [part for part in known.parts if part.kind != "service"]
        figured, rows, servers, alerts = await asyncio.gather(
            self._figures(where.get("prometheus"), {part.name: part.where for part in parts}),
            asyncio.gather(*map(self._row, parts)),
            asyncio.gather(*(asyncio.to_thread(_server, part) for part in others)),
            self._alerts(where.get("alertmanager")),
        )
        source, figures = figured
        window = prometheus.WINDOW_SECONDS if source == "prometheus" else self._history.seconds
        return View(
            home=str(self._home),
            at=utc_now(),
            state=known.state,
            source=source,
            window_seconds=window,
            rows=tuple(
                replace(row, figures=figures.get(row.name, UNKNOWN)) if row.answers else row for row in rows
            ),
            servers=tuple(servers),
            alerts=alerts if alerts is None else tuple(self._chosen(alerts)),
            notes=(
                *missing_figures(source, where, [row.name for row in rows if row.answers], figures),
                *missing_alerts(where, answered=alerts is not None),
            ),
        )

    async def _figures(
        self, url: str | None, urls: Mapping[str, str]
    ) -> tuple[Source, Mapping[str, Figures]]:
        """Return the figures from Prometheus, or from the processes if it does not answer."""
        if url and time.monotonic() >= self._ask_prometheus_from:
            known = await prometheus.ask(self._asker, url)
            if known is not None:
                self._history.forget()
                return "prometheus", known
            self._ask_prometheus_from = time.monotonic() + PAUSE_SECONDS
        return "metrics", await self._history.ask(self._asker, urls)

    async def _row(self, part: Part) -> Row:
        if part.state == "waiting":
            return Row(
                name=part.name,
                condition="waiting",
                detail=f"{part.last_end}, is being started again",
                last_answer=self._last_answers.get(part.name),
            )
        answer = await self._asker.health(part.where)
        if answer.status is None:
            last = self._last_answers.get(part.name)
            return Row(name=part.name, condition="silent", detail=answer.describe(), last_answer=last)
        self._last_answers[part.name] = utc_now()
        if answer.is_healthy and (troubles := await self._asker.troubles(part.where)):
            return Row(name=part.name, condition="unhealthy", detail="; ".join(troubles))
        condition: Condition = "healthy" if answer.is_healthy else "unhealthy"
        return Row(name=part.name, condition=condition, detail="" if answer.is_healthy else answer.describe())

    async def _alerts(self, url: str | None) -> list[Alert] | None:
        return await self._asker.firing(url) if url else None

    def _chosen(self, alerts: Sequence[Alert]) -> list[Alert]:
        return [alert for alert in alerts if not self._services or alert.service in self._services]


def chosen(parts: Sequence[Part], services: Sequence[str]) -> list[Part]:
    """Return the processes of `services`, each with its worker; of all services if none is named.

    Raises:
        UnknownPartError: there is no such service.
    """
    processes = [part for part in parts if part.kind == "service"]
    known = dict.fromkeys(part.name.removesuffix(WORKER) for part in processes)
    unknown = [name for name in services if name not in known]
    if unknown:
        raise UnknownPartError(f"There is no service {', '.join(unknown)}. Choose from: {', '.join(known)}.")
    return [part for part in processes if not services or part.name.removesuffix(WORKER) in services]


def missing_figures(
    source: Source, where: Mapping[str, str], asked: Sequence[str], figures: Mapping[str, Figures]
) -> list[str]:
    """Return notes about figures that are missing from Prometheus or from a running process."""
    unknown = ", ".join(name for name in asked if name not in figures)
    if source == "prometheus":
        return [f"Prometheus has no figures of {unknown} now."] if unknown else []
    notes = ["Prometheus does not answer: every process is asked itself."] if "prometheus" in where else []
    return [*notes, f"No metrics come from {unknown}."] if unknown else notes


def missing_alerts(where: Mapping[str, str], *, answered: bool) -> list[str]:
    """Return a note if the firing alerts are unknown."""
    if "alertmanager" not in where:
        return [f"No alerts: the monitoring does not run here. {HOW_TO_GET_THEM}"]
    return [] if answered else ["Alertmanager does not answer: what fires is unknown."]


def _server(part: Part) -> Server:
    if part.state == "waiting":
        return Server(name=part.name, answers=False)
    if part.kind == "monitoring":
        return Server(name=part.name, answers=is_monitoring_ready(part.name, part.where))
    ask = server_answers if part.kind == "server" else lambda _, where: accepts_connections(where)
    return Server(name=part.name, answers=ask(part.name, part.where))
