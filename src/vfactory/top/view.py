"""The view of the stack at one moment, for people and programs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from vfactory.stack.monitoring import Alert
from vfactory.top.figures import UNKNOWN, Figures

Condition = Literal["healthy", "unhealthy", "silent", "waiting"]
Source = Literal["prometheus", "metrics"]
WORKER: Final = "-worker"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One process of a service.

    Args:
        name: `factory-core`, `factory-core-worker`, ….
        condition: `healthy`, `unhealthy` (by its own answer), `silent` (no answer) or `waiting` (for a
            restart).
        detail: what is wrong, in words.
        last_answer: when a silent process last answered; None if no view has seen an answer.
        figures: unknown while the process is silent.
    """

    name: str
    condition: Condition
    detail: str = ""
    last_answer: datetime | None = None
    figures: Figures = UNKNOWN

    @property
    def answers(self) -> bool:
        """Whether the process answers, so that its figures are current."""
        return self.condition in {"healthy", "unhealthy"}


@dataclass(frozen=True, kw_only=True)
class Server:
    """A database or a program of the monitoring, and whether it answers."""

    name: str
    answers: bool


@dataclass(frozen=True, kw_only=True)
class View:
    """The stack at one moment.

    Args:
        home: the state directory.
        at: the time of the view, in UTC.
        state: the state of the stack: `running`, `starting`, `stopping` or `stopped`.
        source: where the figures come from.
        window_seconds: the time that rates and latencies are taken over; None before there are any.
        rows: the services' processes.
        servers: databases and monitoring.
        alerts: the firing alerts; None if they are unknown.
        notes: sentences about missing figures and alerts.
    """

    home: str
    at: datetime
    state: str
    source: Source = "metrics"
    window_seconds: float | None = None
    rows: tuple[Row, ...] = ()
    servers: tuple[Server, ...] = ()
    alerts: tuple[Alert, ...] | None = None
    notes: tuple[str, ...] = ()

    @property
    def is_healthy(self) -> bool:
        """Whether the stack runs, every process is healthy, and every server answers."""
        return (
            self.state == "running"
            and all(row.condition == "healthy" for row in self.rows)
            and all(server.answers for server in self.servers)
        )


def alerts_of(row: Row, view: View) -> list[Alert] | None:
    """Return the firing alerts of the row's service; none for its worker, so that each is shown once."""
    if view.alerts is None:
        return None
    return [alert for alert in view.alerts if alert.service == row.name]
