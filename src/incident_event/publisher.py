"""A client of Factory Core's event log: fetches the events that its stream has lost."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import httpx
import msgspec
from prometheus_client import Counter
from pydantic import SecretStr

from incident_event.settings import IncidentEventSettings
from utils.auth import Role, issue_token
from utils.clock import Now
from utils.settings import SettingsError
from utils.streams import Gap, StreamEvent

TIMEOUT_SECONDS: Final = 5.0
TOKEN_LIFETIME: Final = timedelta(minutes=5)
TOKEN_RENEWAL: Final = timedelta(minutes=1)
PAGE: Final = 200
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
    """This service's token for other services: signed with the shared secret, or read from a file.

    Raises:
        SettingsError: there is neither a secret nor a file.
    """

    def __init__(self, settings: IncidentEventSettings, now: Now) -> None:
        self._file: Path | None = settings.service_token_file
        self._secret: SecretStr | None = settings.auth_secret
        self._issuer, self._audience = settings.auth_issuer, settings.auth_audience
        self._now = now
        self._token, self._renew_at = "", datetime.min.replace(tzinfo=now().tzinfo)
        if self._file is None and self._secret is None:
            needed = "is required where AUTH_SECRET is not set: the worker needs a token for Factory Core"
            raise SettingsError([("INCIDENT_EVENT_SERVICE_TOKEN_FILE", needed)])

    def get(self) -> str:
        """Return the token; a signed one is valid for at least another minute.

        Raises:
            OSError: the token's file cannot be read.
        """
        if self._file is not None:
            return self._file.read_text("utf-8").strip()
        now = self._now()
        if now >= self._renew_at and self._secret is not None:
            self._token = issue_token(
                self._secret.get_secret_value(),
                subject=SUBJECT,
                role=Role.ADMIN,
                lifetime=TOKEN_LIFETIME,
                issuer=self._issuer,
                audience=self._audience,
                now=self._now,
            )
            self._renew_at = now + TOKEN_LIFETIME - TOKEN_RENEWAL
        return self._token


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
