"""Queries the parts of the stack over HTTP: concurrently, each with a timeout, without raising."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final, Self

import httpx
import msgspec

from vfactory.stack.health_checks import HealthAnswer, troubles
from vfactory.stack.monitoring import WATCHDOG, Alert, of_alertmanager, urgency
from vfactory.top.exposition import Scrape, parse
from vfactory.top.figures import NAMES

PATIENCE_SECONDS: Final = 2.0


class Asker:
    """An HTTP client whose every request ends within `patience` seconds; use it as a context manager."""

    def __init__(self, patience: float = PATIENCE_SECONDS) -> None:
        self._patience = patience
        self._http = httpx.AsyncClient(
            timeout=patience,
            trust_env=False,  # the stack is local: no proxy
            limits=httpx.Limits(max_keepalive_connections=0),  # a kept one may be closed just as it is used
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def health(self, url: str) -> HealthAnswer:
        """Return the answer of /health of the service at `url`, or the reason why there is none."""
        try:
            answer = await self._get(f"{url}/health")
            return HealthAnswer(answer.status_code, msgspec.json.decode(answer.content, type=dict[str, Any]))
        except (msgspec.DecodeError, UnicodeError):
            return HealthAnswer(None, {}, "another program answers there")
        except (httpx.HTTPError, TimeoutError) as error:
            return HealthAnswer(None, {}, _why(error))

    async def metrics(self, url: str) -> Scrape | None:
        """Return the samples in /metrics of the process at `url`; None if it does not answer."""
        try:
            answer = await self._get(f"{url}/metrics")
            return parse(answer.raise_for_status().text, NAMES, time.monotonic())
        except (httpx.HTTPError, TimeoutError, ValueError):
            return None

    async def troubles(self, url: str) -> list[str]:
        """Return what troubles the process at `url` though it is healthy; nothing if it does not answer."""
        try:
            return troubles((await self._get(f"{url}/metrics")).text)
        except (httpx.HTTPError, TimeoutError):
            return []

    async def query(self, prometheus: str, expression: str) -> list[tuple[Mapping[str, str], float]] | None:
        """Return the labels and value of every series of an instant query; None without an answer."""
        try:
            answer = await self._get(f"{prometheus}/api/v1/query", query=expression)
            result = answer.raise_for_status().json()["data"]["result"]
            return [(series["metric"], float(series["value"][1])) for series in result]
        except (httpx.HTTPError, TimeoutError, ValueError, LookupError, TypeError):
            return None

    async def firing(self, alertmanager: str) -> list[Alert] | None:
        """Return the firing alerts but the watchdog, the worst and oldest first; None without an answer."""
        try:
            answer = await self._get(f"{alertmanager}/api/v2/alerts")
            known = [of_alertmanager(entry) for entry in answer.raise_for_status().json()]
        except (httpx.HTTPError, TimeoutError, ValueError, LookupError, TypeError):
            return None
        firing = [alert for alert in known if alert.state == "firing" and alert.name != WATCHDOG]
        return sorted(firing, key=urgency)

    async def _get(self, url: str, **parameters: Any) -> httpx.Response:
        # httpx limits each step; a server that sends byte by byte takes any number of steps.
        async with asyncio.timeout(self._patience):
            return await self._http.get(url, params=parameters)


def _why(error: Exception) -> str:
    if isinstance(error, httpx.ConnectError):
        return "nobody listens"
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return "takes too long"
    return "breaks off"
