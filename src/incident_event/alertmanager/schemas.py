"""The body Alertmanager posts, and the answer to it.

The body is another program's contract: fields it adds are no error, and neither is a text longer than we
keep. It does not try again what was refused, so that only what makes no sense is.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, FailFast, Field, WrapValidator

from incident_event.alertmanager.lifecycle import GroupOutcome
from incident_event.alertmanager.notification import Alert, Notification
from utils.errors import FieldError, InvalidError
from utils.http import AwareDatetime, Integer, Text

MAX_TEXT: Final = 2000
MAX_ALERTS: Final = 500
MAX_REFUSED: Final = 100
NEVER: Final = "0001-01-01T00:00:00Z"
"""Go's zero time, which stands where there is none."""
NO_START: Final = datetime.min.replace(tzinfo=UTC)
_MUST_SAY: Final = "must say since when the alert fires; the zero time does not"
_NEVER: Final = re.compile(r"0001-01-01T00:00:00(\.0+)?(Z|\+00:00)")


def _tidy(value: Any, limit: int) -> Any:
    """Make a text one that PostgreSQL and JSON can hold, no longer than we use it."""
    if not isinstance(value, str):
        return value
    return value[:limit].replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def _is_never(value: Any) -> bool:
    return isinstance(value, str) and _NEVER.fullmatch(value) is not None


def _or_never(value: Any) -> Any:
    return None if _is_never(value) else value


def _or_no_start(value: Any, parse: Callable[[Any], datetime]) -> datetime:
    return NO_START if _is_never(value) else parse(value)


Line = Annotated[str, BeforeValidator(partial(_tidy, limit=MAX_TEXT))]
"""Any text; cut after 2,000 characters."""
Names = dict[Line, Line]


class ForeignModel(BaseModel):
    """A part of another program's message: what we do not know of it is none of our business."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class AlertBody(ForeignModel):
    """One alert of a notification."""

    status: Annotated[Literal["firing", "resolved"], Field(description="Whether it fires, or did")]
    labels: Annotated[Names, Field(description="`alertname` and `severity` are used, the others shown")]
    annotations: Annotated[
        Names, Field(description="`summary`, `description`, `runbook_url` and `dashboard_url` are used")
    ] = {}
    starts_at: Annotated[
        AwareDatetime,
        WrapValidator(_or_no_start),
        Field(alias="startsAt", description="Since when it fires"),
    ]
    ends_at: Annotated[
        AwareDatetime | None,
        BeforeValidator(_or_never),
        Field(alias="endsAt", description="Until when it fired; not looked at while it does"),
    ] = None
    fingerprint: Annotated[
        Text, Field(min_length=1, max_length=100, description="Tells one alert from another")
    ]

    def to_alert(self, now: datetime) -> Alert | None:
        """Give the service's terms; None where it does not say since when it fires.

        An alert that has ended and does not say when did so now.
        """
        if self.starts_at == NO_START:
            return None
        ended = None if self.status == "firing" else max(self.starts_at, self.ends_at or now)
        return Alert(self.fingerprint, self.starts_at, ended, self.labels, self.annotations)


class NotificationBody(ForeignModel):
    """What Alertmanager (0.25 or newer) posts to a webhook about one group of alerts: payload version 4."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "version": "4",
                    "groupKey": '{}/{severity="critical"}:{alertname="VFactoryDatabaseDown"}',
                    "truncatedAlerts": 0,
                    "status": "firing",
                    "receiver": "incident-event",
                    "groupLabels": {"alertname": "VFactoryDatabaseDown"},
                    "commonLabels": {"alertname": "VFactoryDatabaseDown", "severity": "critical"},
                    "commonAnnotations": {"summary": "PostgreSQL is down"},
                    "externalURL": "http://alertmanager:9093",
                    "alerts": [
                        {
                            "status": "firing",
                            "labels": {"alertname": "VFactoryDatabaseDown", "severity": "critical"},
                            "annotations": {"summary": "PostgreSQL is down"},
                            "startsAt": "2026-01-15T10:30:00.123Z",
                            "endsAt": NEVER,
                            "generatorURL": "http://prometheus:9090/graph",
                            "fingerprint": "c3d1f0b2a4e59687",
                        }
                    ],
                }
            ]
        }
    )

    version: Annotated[Literal["4"], Field(description="The payload's version")]
    group_key: Annotated[
        Text,
        Field(alias="groupKey", min_length=1, max_length=4096, description="Tells one group from another"),
    ]
    truncated_alerts: Annotated[
        Integer, Field(alias="truncatedAlerts", ge=0, description="How many more alerts the group has")
    ] = 0
    status: Annotated[
        Literal["firing", "resolved"], Field(description="`firing` as long as any alert of the group does")
    ]
    receiver: Annotated[Line, Field(description="Alertmanager's name for this webhook")] = ""
    external_url: Annotated[Line, Field(alias="externalURL", description="Where Alertmanager is")] = ""
    alerts: Annotated[
        list[AlertBody],
        FailFast(),
        Field(min_length=1, description="500 at most are looked at, those that fire longest first"),
    ]

    def refused(self) -> list[FieldError]:
        """Return the alerts that do not say since when they fire, at most 100; the others are taken."""
        places = [number for number, alert in enumerate(self.alerts) if alert.starts_at == NO_START]
        return [
            {"field": f"alerts[{number}].startsAt", "detail": _MUST_SAY} for number in places[:MAX_REFUSED]
        ]

    def to_notification(self, now: datetime) -> Notification:
        """Give the service's terms; a group of which any alert fires does so itself.

        Raises:
            InvalidError: no alert says since when it fires.
        """
        alerts = [told for alert in self.alerts if (told := alert.to_alert(now)) is not None]
        if not alerts:
            raise InvalidError(f"alerts[0].startsAt: {_MUST_SAY}", errors=self.refused())
        alerts.sort(key=lambda one: (one.ended_at is not None, one.started_at, one.fingerprint))
        return Notification(
            group_key=self.group_key,
            receiver=self.receiver,
            is_firing=self.status == "firing" or alerts[0].ended_at is None,
            alerts=alerts[:MAX_ALERTS],
            left_out=self.truncated_alerts + max(0, len(alerts) - MAX_ALERTS),
            alertmanager_url=self.external_url,
        )


class Refused(BaseModel):
    """An alert that was left out."""

    field: Annotated[str, Field(description="Its place in the notification, such as `alerts[3].startsAt`")]
    detail: Annotated[str, Field(description="What is wrong with it")]


class Received(BaseModel):
    """What a notification did."""

    model_config = ConfigDict(from_attributes=True)

    outcome: Annotated[
        GroupOutcome,
        Field(
            description="`opened` or `resolved` an incident (both, where it was over already), `updated` the "
            "open one, left it `unchanged`, or `ignored` what always fires"
        ),
    ]
    incident_id: Annotated[UUID | None, Field(description="The incident it is about, if there is one")]
    refused: Annotated[
        list[Refused],
        Field(description="The alerts that do not say since when they fire; absent where all do"),
    ] = []
