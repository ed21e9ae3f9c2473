"""Who asks the plant for something: each actor does one thing, is called again and again, and is counted."""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Unpack
from uuid import uuid4

from monitoring.traffic.factory import MACHINES, picture, readings
from plant_client import (
    AsyncPlantClient,
    Break,
    PlantError,
    RequestOptions,
    Service,
    Subscription,
    UnreachableError,
)

BATCH_SPAN: Final = timedelta(seconds=1)
STREAM_SECONDS: Final = 40.0
REMEMBERED: Final = 50
ON_HAND: Final = 3
NO_JSON: Final = b"{"
JSON: Final = {"Content-Type": "application/json"}
OK: Final = 200
INCIDENTS: Final = "/v1/incidents"
ASSETS: Final = "/v1/assets"


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
    """What actors share: whom to ask, which factory about, and what has come of it."""

    client: AsyncPlantClient
    factory: str
    tally: Tally = field(default_factory=Tally)
    incidents: deque[str] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    assets: deque[str] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    async def ask(self, service: Service, method: str, path: str, **options: Unpack[RequestOptions]) -> Any:
        """Send one request; None when it failed, else the answer's JSON ({} where it has none)."""
        try:
            answer = await self.client.send(service, method, path, **options)
        except UnreachableError:
            self.tally.count(None)
            return None
        self.tally.count(answer.status_code)
        if not answer.is_success:
            return None
        return answer.json() if "json" in answer.headers.get("content-type", "") else {}


Actor = Callable[[Work], Awaitable[None]]


async def send_readings(work: Work) -> None:
    """A batch of a second's readings; now and then with a bad one, or the same batch again."""
    measured = readings(datetime.now(UTC), BATCH_SPAN)
    if _one_in(5):
        measured.append({**measured[0], "source": "nobody-knows"})
    batch = {"batch_id": uuid4().hex, "readings": measured}
    await work.ask("factory-core", "POST", _readings(work), json=batch)
    if _one_in(20):
        await work.ask("factory-core", "POST", _readings(work), json=batch)


async def read_lists(work: Work) -> None:
    """What a console shows: factories, machines, readings, incidents, rules, assets."""
    factory = work.factory
    choices: list[tuple[Service, str, Mapping[str, str | int]]] = [
        ("factory-core", "/v1/factories", {"limit": 20}),
        ("factory-core", f"/v1/factories/{factory}", {}),
        ("factory-core", f"/v1/factories/{factory}/equipment", {"limit": 50}),
        (
            "factory-core",
            _readings(work),
            {"source": random.choice(MACHINES), "metric": "temperature", "limit": 500},  # noqa: S311
        ),
        ("incident-event", "/v1/incidents", {"factory": factory, "limit": 50}),
        ("incident-event", "/v1/rules", {"factory": factory}),
        ("asset-management", "/v1/assets", {"factory": factory, "limit": 50}),
    ]
    service, path, parameters = random.choice(choices)  # noqa: S311 - which list is read is no secret
    await work.ask(service, "GET", path, params=parameters)


async def work_incidents(work: Work) -> None:
    """Somebody reports an incident; what is new is taken on, and the oldest of those resolved."""
    service: Service = "incident-event"
    report = {"factory_id": work.factory, "severity": 2, "title": "Oil on the floor"}
    await work.ask(service, "POST", INCIDENTS, json=report, headers={"Idempotency-Key": uuid4().hex})
    listed = await work.ask(service, "GET", INCIDENTS, params={"factory": work.factory, "limit": 5})
    for one in (listed or {}).get("items", []):
        if one["status"] == "reported" and await work.ask(
            service, "POST", f"{INCIDENTS}/{one['id']}/acknowledge", json={}
        ):
            work.incidents.append(one["id"])
    if len(work.incidents) > ON_HAND:
        resolved = {"reason": "Cleaned"}
        await work.ask(service, "POST", f"{INCIDENTS}/{work.incidents.popleft()}/resolve", json=resolved)


async def move_files(work: Work) -> None:
    """Upload a picture, and fetch one that is there."""
    service: Service = "asset-management"
    about = {"factory": work.factory, "name": "Photo", "kind": "image"}
    made = await work.ask(
        service, "POST", ASSETS, params=about, content=picture(), headers={"Content-Type": "image/png"}
    )
    if made:
        work.assets.append(made["id"])
    if work.assets:
        one = random.choice(work.assets)  # noqa: S311 - which file is read is no secret
        await work.ask(service, "GET", f"{ASSETS}/{one}/content")


async def make_mistakes(work: Work) -> None:
    """What clients do wrong: nobody there, no such thing, no valid body, no token."""
    match random.randrange(5):  # noqa: S311 - which mistake is made is no secret
        case 0:
            await work.ask("factory-core", "GET", f"/v1/factories/{uuid4()}")
        case 1:
            await work.ask("factory-core", "GET", "/no/such/path")
        case 2:
            await work.ask("factory-core", "POST", _readings(work), content=NO_JSON, headers=JSON)
        case 3:
            await work.ask("incident-event", "POST", INCIDENTS, json={"severity": 9})
        case _:
            nobody = {"Authorization": ""}
            await work.ask(
                "asset-management", "GET", ASSETS, params={"factory": work.factory}, headers=nobody
            )


async def listen(work: Work) -> None:
    """Follow the events for a while, as a console does."""

    def note_break(end: Break) -> None:
        if end.error is not None:
            work.tally.count(end.error.status)

    subscription = Subscription(work.factory, on_connect=lambda: work.tally.count(OK), on_break=note_break)
    try:
        async with asyncio.timeout(STREAM_SECONDS):
            async for _ in work.client.follow(subscription):
                pass
    except TimeoutError:
        return
    except PlantError as error:
        work.tally.count(error.status)


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
    return f"/v1/factories/{work.factory}/readings"


def _one_in(times: int) -> bool:
    return random.randrange(times) == 0  # noqa: S311 - chance, no secret
