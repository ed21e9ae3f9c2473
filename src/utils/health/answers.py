"""The bodies that the health routes answer with, as the API's document describes them."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, defstruct

from utils.faults import Fault


def _said(description: str, **schema: Any) -> Meta:
    return Meta(description=description, extra_json_schema=schema)


Moment = Annotated[
    str,
    _said("When it was checked: UTC, to the second", format="date-time", examples=["2026-01-15T10:30:00Z"]),
]
Connection = Annotated[Literal["connected", "disconnected"], _said("Whether it answers", type="string")]
Reason = Annotated[
    str, _said("Why it is disconnected; absent while it is connected", enum=[fault.value for fault in Fault])
]
_Health = Annotated[
    Literal["healthy", "unhealthy"], _said("Healthy while every dependency is connected", type="string")
]


class Liveness(Struct, forbid_unknown_fields=True):
    """Alive (200) while the process answers."""

    status: Annotated[Literal["alive"], _said("Always the same", type="string")]
    timestamp: Moment


class Readiness(Struct, forbid_unknown_fields=True):
    """Ready (200) while the database answers and the process is not ending."""

    status: Annotated[
        Literal["ready", "unready", "draining"], _said("Draining once it was told to stop", type="string")
    ]
    timestamp: Moment
    database: Connection
    database_error: Reason | UnsetType = UNSET


def health_type(dependencies: Iterable[str]) -> type[Struct]:
    """Return the type of `HealthReport.body` for these dependencies."""
    fields: list[Any] = [("status", _Health), ("timestamp", Moment)]
    fields += [(name, Connection) for name in dependencies]
    fields += [(f"{name}_error", Reason | UnsetType, UNSET) for name in dependencies]
    described = {"__doc__": "Unhealthy (503) while any dependency is disconnected."}
    return defstruct("Health", fields, namespace=described, forbid_unknown_fields=True)
