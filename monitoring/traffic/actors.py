"""Who asks the plant for something: each actor does one thing, is called again and again, and is counted."""

import asyncio
import json
import random
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import httpx

from monitoring.traffic.plant import MACHINES, Plant, picture, readings
from monitoring.traffic.target import Target

BATCH_SPAN: Final = timedelta(seconds=1)
STREAM_SECONDS: Final = 40.0
REMEMBERED: Final = 50
ON_HAND: Final = 3
NO_JSON: Final = b"{"
JSON: Final = {"Content-Type": "application/json"}


@dataclass
class Tally:
    """How requests ended: by status class (`2xx`, …) or `none` when there was no answer."""

    ended: dict[str, int] = field(default_factory=dict)

    def count(self, status: int | None) -> None:
        """Count one request; None is one without an answer."""
        name = "none" if status is None else f"{status // 100}xx"
        self.ended[name] = self.ended.get(name, 0) + 1

    def __str__(self) -> str:
        return ", ".join(f"{count:,} {name}" for name, count in sorted(self.ended.items()))


@dataclass
class Work:
    """What actors share: where to ask, whom about, and what has come of it."""

    client: httpx.AsyncClient
    target: Target
    plant: Plant
    tally: Tally = field(default_factory=Tally)
    incidents: deque[str] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    assets: deque[str] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    async def ask(self, method: str, url: str, **request: Any) -> Any:
        """Send one request; None when it failed, else the answer's JSON ({} where it has none)."""
        try:
            answer = await self.client.request(method, url, **request)
        except httpx.HTTPError:
            self.tally.count(None)
            return None
        self.tally.count(answer.status_code)
        if not answer.is_success:
            return None
        return json.loads(answer.content) if "json" in answer.headers.get("content-type", "") else {}


Actor = Callable[[Work], Awaitable[None]]


async def send_readings(work: Work) -> None:
    """A batch of a second's readings; now and then with a bad one, or the same batch again."""
    measured = readings(datetime.now(UTC), BATCH_SPAN)
    if _one_in(5):
        measured.append({**measured[0], "source": "nobody-knows"})
    batch = {"batch_id": uuid4().hex, "readings": measured}
    await work.ask("POST", _readings(work), json=batch)
    if _one_in(20):
        await work.ask("POST", _readings(work), json=batch)


async def read_lists(work: Work) -> None:
    """What a console shows: factories, machines, readings, incidents, rules, assets."""
    core, event, assets = work.target.factory_core, work.target.incident_event, work.target.asset_management
    factory = work.plant.factory
    choices: list[tuple[str, Mapping[str, str | int]]] = [
        (f"{core}/v1/factories", {"limit": 20}),
        (f"{core}/v1/factories/{factory}", {}),
        (f"{core}/v1/factories/{factory}/equipment", {"limit": 50}),
        (_readings(work), {"source": random.choice(MACHINES), "metric": "temperature", "limit": 500}),  # noqa: S311
        (f"{event}/v1/incidents", {"factory": factory, "limit": 50}),
        (f"{event}/v1/rules", {"factory": factory}),
        (f"{assets}/v1/assets", {"factory": factory, "limit": 50}),
    ]
    url, parameters = random.choice(choices)  # noqa: S311 - which list is read is no secret
    await work.ask("GET", url, params=parameters)


async def work_incidents(work: Work) -> None:
    """Somebody reports an incident; what is new is taken on, and the oldest of those resolved."""
    incidents = f"{work.target.incident_event}/v1/incidents"
    report = {"factory_id": work.plant.factory, "severity": 2, "title": "Oil on the floor"}
    await work.ask("POST", incidents, json=report, headers={"Idempotency-Key": uuid4().hex})
    listed = await work.ask("GET", incidents, params={"factory": work.plant.factory, "limit": 5})
    for one in (listed or {}).get("items", []):
        if one["status"] == "reported" and await work.ask(
            "POST", f"{incidents}/{one['id']}/acknowledge", json={}
        ):
            work.incidents.append(one["id"])
    if len(work.incidents) > ON_HAND:
        resolved = {"reason": "Cleaned"}
        await work.ask("POST", f"{incidents}/{work.incidents.popleft()}/resolve", json=resolved)


async def move_files(work: Work) -> None:
    """Upload a picture, and fetch one that is there."""
    assets = f"{work.target.asset_management}/v1/assets"
    about = {"factory": work.plant.factory, "name": "Photo", "kind": "image"}
    made = await work.ask(
        "POST", assets, params=about, content=picture(), headers={"Content-Type": "image/png"}
    )
    if made:
        work.assets.append(made["id"])
    if work.assets:
        await work.ask("GET", f"{assets}/{random.choice(work.assets)}/content")  # noqa: S311 - no secret


async def make_mistakes(work: Work) -> None:
    """What clients do wrong: nobody there, no such thing, no valid body, no token."""
    core, event = work.target.factory_core, work.target.incident_event
    match random.randrange(5):  # noqa: S311 - which mistake is made is no secret
        case 0:
            await work.ask("GET", f"{core}/v1/factories/{uuid4()}")
        case 1:
            await work.ask("GET", f"{core}/no/such/path")
        case 2:
            await work.ask(
                "POST", _readings(work), content=NO_JSON, headers={"Content-Type": "application/json"}
            )
        case 3:
            await work.ask("POST", f"{event}/v1/incidents", json={"severity": 9})
        case _:
            url = f"{work.target.asset_management}/v1/assets"
            await work.ask("GET", url, params={"factory": work.plant.factory}, headers={"Authorization": ""})


async def listen(work: Work) -> None:
    """Hold the event stream open for a while, as a console does."""
    url = f"{work.target.incident_event}/v1/events"
    try:
        async with (
            asyncio.timeout(STREAM_SECONDS),
            work.client.stream(
                "GET",
                url,
                params={"factory": work.plant.factory},
                timeout=httpx.Timeout(5, read=STREAM_SECONDS),
            ) as answer,
        ):
            work.tally.count(answer.status_code)
            async for _ in answer.aiter_bytes():
                pass
    except TimeoutError:
        return
    except httpx.HTTPError:
        work.tally.count(None)


# Actor, how many of them, and the pause between two times in seconds at the ordinary pace.
CAST: Final[tuple[tuple[Actor, int, float], ...]] = (
    (send_readings, 2, 1.0),
    (read_lists, 4, 0.5),
    (work_incidents, 1, 4.0),
    (move_files, 1, 3.0),
    (make_mistakes, 1, 3.0),
    (listen, 3, 2.0),
)


def _readings(work: Work) -> str:
    return f"{work.target.factory_core}/v1/factories/{work.plant.factory}/readings"


def _one_in(times: int) -> bool:
    return random.randrange(times) == 0  # noqa: S311 - chance, no secret
