"""Asks Alertmanagers for what they know (their API, version 2)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import msgspec

from incident_event.alertmanager.comparison import Listing
from incident_event.alertmanager.metrics import REACHABLE
from incident_event.alertmanager.notification import Alert, Notification
from incident_event.alertmanager.service import RECONCILED, WATCHDOG
from utils.clock import Now
from utils.logging import logger

TIMEOUT_SECONDS: Final = 5.0
UNTOLD_FACTOR: Final = 5
"""How many times longer an Alertmanager must run where no watchdog shows that a Prometheus tells it."""
NEITHER_SILENCED_NOR_INHIBITED: Final = {"silenced": "false", "inhibited": "false"}


class AlertmanagerError(Exception):
    """An Alertmanager did not answer, or not as its API says."""


class _Status(msgspec.Struct):
    uptime: datetime


class _State(msgspec.Struct):
    state: str


class _Alert(msgspec.Struct, rename="camel"):
    fingerprint: str
    labels: dict[str, str]
    starts_at: datetime
    status: _State
    annotations: dict[str, str] = {}

    def to_alert(self) -> Alert:
        return Alert(self.fingerprint, self.starts_at, None, self.labels, self.annotations)


class _Listed(msgspec.Struct):
    fingerprint: str
    labels: dict[str, str]


class _Receiver(msgspec.Struct):
    name: str


class _Group(msgspec.Struct):
    labels: dict[str, str]
    receiver: _Receiver
    alerts: list[_Alert]


class AlertmanagerClient:
    """Asks every Alertmanager of a cluster; each request ends within 5 s.

    Args:
        urls: of each; a user and a password in it are sent as basic authentication.
        receiver: Alertmanager's name for our webhook.
        token_file: of a bearer token, read at each use.
        settled_after: how long an Alertmanager runs before its list is complete.
        now: the clock.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        receiver: str,
        token_file: Path | None,
        settled_after: timedelta,
        now: Now,
    ) -> None:
        self._urls = {_place(url): url.rstrip("/") for url in urls}
        self._receiver = receiver
        self._token_file = token_file
        self._settled_after = settled_after
        self._now = now
        self._failed: set[str] = set()
        self._http = httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False)

    async def close(self) -> None:
        """Close the connections, and tell no longer which Alertmanager can be reached."""
        REACHABLE.clear()
        await self._http.aclose()

    async def list_alerts(self) -> Listing | None:
        """Return what those that answer list, together; None where none does."""
        found = [listing for place in self._urls if (listing := await self._ask(place)) is not None]
        if not found:
            return None
        groups = {one.group_key: one for listing in found for one in listing.groups}
        return Listing(
            is_settled=any(one.is_settled for one in found),
            fingerprints=frozenset[str]().union(*(one.fingerprints for one in found)),
            groups=list(groups.values()),
        )

    async def _ask(self, place: str) -> Listing | None:
        try:
            listing = await self._list(place)
        except AlertmanagerError as error:
            REACHABLE.labels(place).set(0)
            if place not in self._failed:
                self._failed.add(place)
                logger.warning(
                    "Alertmanager cannot be asked", extra={"alertmanager": place, "cause": str(error)}
                )
            return None
        REACHABLE.labels(place).set(1)
        if place in self._failed:
            self._failed.remove(place)
            logger.info("Alertmanager answers again", extra={"alertmanager": place})
        return listing

    async def _list(self, place: str) -> Listing:
        url = f"{self._urls[place]}/api/v2"
        status = await self._get(f"{url}/status", {}, _Status)
        alerts = await self._get(f"{url}/alerts", {}, list[_Listed])
        groups = await self._get(
            f"{url}/alerts/groups", {"silenced": "false", "inhibited": "false"}, list[_Group]
        )
        return Listing(
            is_settled=self._now() - status.uptime >= self._settled_after,
            fingerprints=frozenset(one.fingerprint for one in alerts),
            groups=[told for group in groups if (told := self._to_notification(group, place)) is not None],
        )

    def _is_settled(self, status: _Status, alerts: Sequence[_Listed]) -> bool:
        """Whether the list is complete: not right after its start, nor while no Prometheus tells it."""
        is_told = any(one.labels.get("alertname") == WATCHDOG for one in alerts)
        needed = self._settled_after if is_told else UNTOLD_FACTOR * self._settled_after
        return self._now() - status.uptime >= needed

    def _to_notification(self, group: _Group, place: str) -> Notification | None:
        """Return a group as a notification would tell it; None if it is not told to us, or not now."""
        alerts = [one.to_alert() for one in group.alerts if one.status.state == "active"]
        if group.receiver.name != self._receiver or not alerts:
            return None
        alerts.sort(key=lambda one: (one.started_at, one.fingerprint))
        labels = ", ".join(f'{name}="{text}"' for name, text in sorted(group.labels.items()))
        return Notification(
            group_key=f"{RECONCILED}{{{labels}}}",
            receiver=self._receiver,
            is_firing=True,
            alerts=alerts,
            left_out=0,
            alertmanager_url=f"http://{place}",
        )

    async def _get(self, url: str, query: Mapping[str, str], kind: Any) -> Any:
        try:
            answer = await self._http.get(url, params=dict(query), headers=self._headers())
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise AlertmanagerError(type(error).__name__) from error
        if answer.status_code != httpx.codes.OK:
            raise AlertmanagerError(f"status {answer.status_code}")
        try:
            return msgspec.json.decode(answer.content, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise AlertmanagerError(f"an answer that is none of its API: {error}") from error

    def _headers(self) -> dict[str, str]:
        if self._token_file is None:
            return {}
        return {"Authorization": f"Bearer {self._token_file.read_text('utf-8').strip()}"}


def _place(url: str) -> str:
    """Return host and port, without user and password."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port}" if parts.port else str(host)
