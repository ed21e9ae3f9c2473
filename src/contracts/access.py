"""The access table: the roles that may call each route, by service, method and route template."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from utils.auth import Role

READ: Final = frozenset({Role.VIEWER, Role.OPERATOR, Role.SAFETY, Role.ENGINEER, Role.ADMIN})
OPERATE: Final = frozenset({Role.OPERATOR, Role.SAFETY, Role.ENGINEER, Role.ADMIN})
WRITE: Final = frozenset({Role.ENGINEER, Role.ADMIN})
READ_PLANT: Final = READ | {Role.SERVICE}
FOLLOW: Final = frozenset({Role.SERVICE, Role.ADMIN})
SEND: Final = frozenset({Role.DEVICE, Role.ENGINEER, Role.ADMIN})
TELL: Final = frozenset({Role.ALERTMANAGER})

_FACTORY_CORE: Final = {
    ("POST", "/v1/factories"): WRITE,
    ("GET", "/v1/factories"): READ_PLANT,
    ("GET", "/v1/factories/{factory_id}"): READ_PLANT,
    ("POST", "/v1/factories/{factory_id}/equipment"): WRITE,
    ("GET", "/v1/factories/{factory_id}/equipment"): READ_PLANT,
    ("GET", "/v1/factories/{factory_id}/equipment/{equipment_id}"): READ_PLANT,
    ("POST", "/v1/factories/{factory_id}/readings"): SEND,
    ("GET", "/v1/factories/{factory_id}/readings"): READ_PLANT,
    ("POST", "/v1/factories/{factory_id}/readings/corrections"): WRITE,
    ("GET", "/v1/factories/{factory_id}/readings/corrections"): READ_PLANT,
    ("GET", "/v1/event-log"): FOLLOW,
    ("GET", "/v1/event-log/heads"): FOLLOW,
}

_INCIDENT_EVENT: Final = {
    ("POST", "/v1/rules"): WRITE,
    ("GET", "/v1/rules"): READ,
    ("GET", "/v1/rules/{rule_id}"): READ,
    ("POST", "/v1/incidents"): OPERATE,
    ("GET", "/v1/incidents"): READ,
    ("GET", "/v1/incidents/{incident_id}"): READ,
    ("POST", "/v1/incidents/{incident_id}/acknowledge"): OPERATE,
    ("POST", "/v1/incidents/{incident_id}/resolve"): OPERATE,
    ("GET", "/v1/events"): READ,
    ("GET", "/v1/set-aside-events"): READ,
    ("POST", "/v1/set-aside-events/retry"): WRITE,
    ("POST", "/v1/webhooks/alertmanager"): TELL,
}

_ASSET_MANAGEMENT: Final = {
    ("POST", "/v1/assets"): WRITE,
    ("GET", "/v1/assets"): READ,
    ("GET", "/v1/assets/{asset_id}"): READ,
    ("GET", "/v1/assets/{asset_id}/content"): READ,
}

ACCESS: Final[Mapping[str, Mapping[tuple[str, str], frozenset[Role]]]] = MappingProxyType(
    {
        "factory-core": _FACTORY_CORE,
        "incident-event": _INCIDENT_EVENT,
        "asset-management": _ASSET_MANAGEMENT,
    }
)
"""`ACCESS[service][method, route template]`: the roles that may call the route.

A service whose table lacks a route, or names one that does not exist, refuses to start.
"""
