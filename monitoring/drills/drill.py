"""One drill: break something, and measure when it is detected, told, over, and what was told in all."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar

import httpx

from monitoring.drills.faults import Fault
from monitoring.drills.receiver import Message
from monitoring.drills.stack import DrillStack
from plant_client import PlantError

DETECT_SECONDS: Final = 90.0
NOTIFY_SECONDS: Final = 60.0
INCIDENT_SECONDS: Final = 120.0
UNHEALTHY_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.5
NUMBER: Final = re.compile(r"[\d.]+")
PAGE: Final = re.compile(r"/(VFactory\w+)\.md")
UNAVAILABLE: Final = 503

T = TypeVar("T")


@dataclass(frozen=True)
class Drill:
    """What is broken, and who must be told of what.

    Args:
        name: for the command line.
        alert: the alert that must fire within a minute and a half, and no other one be told.
        service: whose alert it is.
        fault: breaks it.
        resolve_seconds: how long after its end the alert may last, told as over included.
        unhealthy: services whose /health must say 503 meanwhile.
    """

    name: str
    alert: str
    service: str
    fault: Fault
    resolve_seconds: float
    unhealthy: tuple[str, ...] = ()

    def concerns(self, message: Message) -> bool:
        """Whether a message is about this drill's alert."""
        return alert_of(message) == self.alert and f" {self.service}: " in message.title


@dataclass
class Result:
    """What a drill has shown; seconds from the fault, `resolved` from its end; None is never."""

    drill: Drill
    detected: float | None = None
    notified: float | None = None
    resolved: float | None = None
    firing: int = 0
    over: int = 0
    incidents: list[str] = field(default_factory=list)
    shortcomings: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        told = f"{self.firing} firing + {self.over} resolved"
        incidents = ", ".join(self.incidents) or "none"
        return (
            f"{self.drill.name:16} {self.drill.alert:24} detected {_shown(self.detected)}  "
            f"notified {_shown(self.notified)}  resolved {_shown(self.resolved)}  "
            f"notifications {told}  incidents: {incidents}  {'; '.join(self.shortcomings) or 'ok'}"
        )


def perform(stack: DrillStack, drill: Drill) -> Result:
    """Break, wait, heal, wait; what falls short is in the result, and the fault is healed in any case."""
    result, began = Result(drill), time.time()
    with drill.fault(stack):
        _break(stack, result, began)
    healed = time.time()
    if result.notified is None:
        return result
    over = _await(lambda: _message(stack, drill, began, firing=False), drill.resolve_seconds)
    result.resolved = over.at - healed if over else None
    if over is None:
        result.shortcomings.append(f"not told as over within {drill.resolve_seconds:g} s")
    _await(lambda: _settled(_incidents(stack, result, began)), INCIDENT_SECONDS)
    _judge(stack, result, began)
    return result


def alert_of(message: Message) -> str:
    """The name of the alert that a message is about; empty when it names none."""
    found = PAGE.search(message.title_link)
    return found[1] if found else ""


def is_firing(message: Message) -> bool:
    """Whether it says that something fires, not that it is over."""
    return message.title.startswith("[FIRING")


def _break(stack: DrillStack, result: Result, began: float) -> None:
    drill = result.drill
    for name in drill.unhealthy:
        if not _await(lambda name=name: stack.health(name) == UNAVAILABLE, UNHEALTHY_SECONDS):  # type: ignore[misc]
            result.shortcomings.append(f"/health of {name} does not say 503")
    alert = _await(lambda: _alert(stack, drill), DETECT_SECONDS - (time.time() - began))
    if alert is None:
        result.shortcomings.append(f"not detected within {DETECT_SECONDS:g} s")
        return
    result.detected = time.time() - began
    message = _await(lambda: _message(stack, drill, began, firing=True), NOTIFY_SECONDS)
    if message is None:
        result.shortcomings.append(f"not told within {NOTIFY_SECONDS:g} s of its detection")
        return
    result.notified = message.at - began
    result.shortcomings += _wrong_words(message, alert)


def _wrong_words(message: Message, alert: Mapping[str, Any]) -> list[str]:
    """What a message should say and does not; a figure may have changed meanwhile."""
    annotations = alert["annotations"]
    expected = {
        "title": (message.title, ["CRITICAL", annotations["summary"], annotations["summary_ko"]]),
        "text": (message.text, [annotations["description"], annotations["runbook_url"]]),
    }
    return [
        f"the message's {where} lacks: {words}"
        for where, (said, wanted) in expected.items()
        for words in wanted
        if NUMBER.sub("#", words) not in NUMBER.sub("#", said)
    ]


def _judge(stack: DrillStack, result: Result, began: float) -> None:
    ours = [message for message in _messages(stack, began) if result.drill.concerns(message)]
    result.firing = sum(is_firing(message) for message in ours)
    result.over = len(ours) - result.firing
    if (result.firing, result.over) != (1, 1):
        result.shortcomings.append("not told once as firing and once as over")
    result.incidents = [str(one["status"]) for one in _incidents(stack, result, began)]
    if result.incidents != ["resolved"]:
        result.shortcomings.append("not exactly one incident, opened and resolved")


def _alert(stack: DrillStack, drill: Drill) -> Mapping[str, Any] | None:
    for alert in stack.alerts():
        labels = alert["labels"]
        if (labels["alertname"], labels.get("service")) == (drill.alert, drill.service):
            return alert
    return None


def _messages(stack: DrillStack, since: float) -> list[Message]:
    return [message for message in stack.receiver.messages("/slack") if message.at >= since]


def _message(stack: DrillStack, drill: Drill, since: float, *, firing: bool) -> Message | None:
    found = (one for one in _messages(stack, since) if drill.concerns(one) and is_firing(one) == firing)
    return next(found, None)


def _incidents(stack: DrillStack, result: Result, since: float) -> list[Mapping[str, Any]]:
    """The platform's incidents that began with this drill and name its alert."""
    return [
        one
        for one in stack.incidents()
        if datetime.fromisoformat(one["created_at"]).timestamp() >= since
        and f"{result.drill.alert}.md" in one["description"]
    ]


def _settled(incidents: list[Mapping[str, Any]]) -> bool:
    return bool(incidents) and all(one["status"] == "resolved" for one in incidents)


def _await(condition: Callable[[], T | None], seconds: float) -> T | None:
    """What the condition gives as soon as it is true; None when that takes too long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if found := condition():
                return found
        except (httpx.HTTPError, PlantError):
            pass  # who is asked may be what is broken
        time.sleep(POLL_SECONDS)
    return None


def _shown(seconds: float | None) -> str:
    return "     -" if seconds is None else f"{seconds:4.0f} s"
