"""What one look at the stack has found, for people and for programs."""

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
        condition: `healthy`, `unhealthy` (it says so), `silent` (no answer) or `waiting` (ended, comes back).
        detail: what is wrong, in words.
        last_answer: when a silent one last answered, as far as somebody was looking.
        figures: empty while it is silent: old figures are none.
    """

    name: str
    condition: Condition
    detail: str = ""
    last_answer: datetime | None = None
    figures: Figures = UNKNOWN

    @property
    def answers(self) -> bool:
        """Whether its figures are of now."""
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
        at: when it was looked, UTC.
        state: `running`, or what the whole is instead: `starting`, `stopping`, `stopped`.
        source: where the figures come from.
        window_seconds: over how long rates and latencies are; None before there are any.
        rows: the services' processes.
        servers: everything else that runs.
        alerts: what fires; None when nobody can say.
        notes: sentences that explain what is missing.
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
        """Whether every process says that it is well and every server answers."""
        return (
            self.state == "running"
            and all(row.condition == "healthy" for row in self.rows)
            and all(server.answers for server in self.servers)
        )


def alerts_of(row: Row, view: View) -> list[Alert] | None:
    """What fires of the row's service; told beside its API, not a second time beside its worker."""
    if view.alerts is None:
        return None
    return [alert for alert in view.alerts if alert.service == row.name]
