"""A client of Factory Core's event log: fetches the events that its stream has lost."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final
from uuid import UUID

import httpx
import msgspec
from prometheus_client import Counter

from incident_event.settings import IncidentEventSettings
from utils.auth import Role, SigningKey, SigningKeyError, issue_token
from utils.clock import Now
from utils.settings import SettingsError
from utils.streams import Gap, StreamEvent

TIMEOUT_SECONDS: Final = 5.0
TOKEN_LIFETIME: Final = timedelta(minutes=5)
TOKEN_RENEWAL: Final = timedelta(minutes=1)
PAGE: Final = 200
KEY_VARIABLE: Final = "INCIDENT_EVENT_SERVICE_KEY_FILE"
SUBJECT: Final = "incident-event-worker"

Query = dict[str, str | int]

FETCH_FAILURES = Counter(
    "vfactory_publisher_fetch_failures",
    "Requests to a publisher's event log that failed.",
    ["publisher", "reason"],
)
for _reason in ("timeout", "connection", "status"):
    FETCH_FAILURES.labels("factory-core", _reason)


class FactoryCoreError(Exception):
    """Factory Core did not answer, or answered with an error."""


class _EventPage(msgspec.Struct):
    items: list[StreamEvent]
    head: int
    oldest: int


class _Head(msgspec.Struct):
    factory_id: UUID
    head: int


class _HeadPage(msgspec.Struct):
    items: list[_Head]
    next_cursor: str | None


class ServiceToken:
    """This service's token for other services: read from a file, or signed for five minutes at a time.

    It is signed with the worker's own key or, deprecated, with the shared secret.

    Raises:
        SettingsError: there is neither a token, a key nor a secret, or the key is not usable.
    """

    def __init__(self, settings: IncidentEventSettings, now: Now) -> None:
        self._file: Path | None = settings.service_token_file
        self._sign = None if self._file is not None else _signer(settings, now)
        self._now = now
        self._token, self._renew_at = "", datetime.min.replace(tzinfo=now().tzinfo)

    def get(self) -> str:
        """Return the token; a signed one is valid for at least another minute.

        Raises:
            OSError: the token's file cannot be read.
        """
        if self._file is not None:
            return self._file.read_text("utf-8").strip()
        now = self._now()
        if now >= self._renew_at and self._sign is not None:
            self._token = self._sign()
            self._renew_at = now + TOKEN_LIFETIME - TOKEN_RENEWAL
        return self._token


def _signer(settings: IncidentEventSettings, now: Now) -> Callable[[], str]:
    """Return what signs a token of the role `service`.

    Raises:
        SettingsError: there is nothing to sign with, or the key is not usable.
    """
    key: SigningKey | str
    if settings.service_key_file is not None:
        key, issuer = _read_key(settings.service_key_file), settings.service_issuer
    elif settings.auth_secret is not None:
        key, issuer = settings.auth_secret.get_secret_value(), settings.auth_issuer
    else:
        needed = (
            "is required, or INCIDENT_EVENT_SERVICE_TOKEN_FILE: the worker needs a token for Factory Core"
        )
        raise SettingsError([("INCIDENT_EVENT_SERVICE_KEY_FILE", needed)])
    return partial(
        issue_token,
        key,
        subject=SUBJECT,
        role=Role.SERVICE,
        lifetime=TOKEN_LIFETIME,
        issuer=issuer,
        audience=settings.auth_audience,
        now=now,
    )


def _read_key(path: Path) -> SigningKey:
    try:
        return SigningKey.read(path.read_text("utf-8"))
    except (OSError, UnicodeError, SigningKeyError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SettingsError(
            [("INCIDENT_EVENT_SERVICE_KEY_FILE", f"the key cannot be used: {reason}")]
        ) from None


class FactoryCoreClient:
    """Reads Factory Core's event log; every step of a request ends within 5 s."""

    def __init__(self, settings: IncidentEventSettings, now: Now) -> None:
        self._token = ServiceToken(settings, now)
        self._http = httpx.AsyncClient(
            base_url=settings.factory_core_url, timeout=TIMEOUT_SECONDS, trust_env=False
        )

    async def fetch_gap(self, factory_id: UUID, after_seq: int, limit: int) -> Gap:
        """Return the first events after `after_seq`, at most `limit` (and at most 200), and the log's ends.

        Raises:
            FactoryCoreError: Factory Core did not answer, or answered with an error.
        """
        query: Query = {"factory": str(factory_id), "after": after_seq, "limit": min(limit, PAGE)}
        page = msgspec.json.decode(await self._get("/v1/event-log", query), type=_EventPage)
        return Gap(page.items, page.head, page.oldest)

    async def fetch_heads(self) -> dict[UUID, int]:
        """Return every factory's newest seq.

        Raises:
            FactoryCoreError: Factory Core did not answer, or answered with an error.
        """
        heads: dict[UUID, int] = {}
        cursor: str | None = ""
        while cursor is not None:
            query: Query = {"limit": PAGE, "cursor": cursor} if cursor else {"limit": PAGE}
            page = msgspec.json.decode(await self._get("/v1/event-log/heads", query), type=_HeadPage)
            heads |= {item.factory_id: item.head for item in page.items}
            cursor = page.next_cursor
        return heads

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _get(self, path: str, query: Query) -> bytes:
        try:
            headers = {"Authorization": f"Bearer {self._token.get()}"}
            answer = await self._http.get(path, params=query, headers=headers)
        except (httpx.HTTPError, OSError) as error:
            reason = "timeout" if isinstance(error, httpx.TimeoutException) else "connection"
            FETCH_FAILURES.labels("factory-core", reason).inc()
            raise FactoryCoreError(f"Factory Core cannot be reached: {type(error).__name__}") from error
        if answer.status_code != httpx.codes.OK:
            FETCH_FAILURES.labels("factory-core", "status").inc()
            raise FactoryCoreError(f"Factory Core answered {answer.status_code} for {path}")
        return answer.content
