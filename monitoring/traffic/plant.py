"""The plant that the traffic is about: its factory, machines and rules, and what its machines measure."""

import json
import math
import random
import struct
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import httpx

from monitoring.traffic.target import Target

MACHINES: Final = ("press-1", "press-2", "pump-1", "pump-2", "robot-1", "robot-2", "conveyor-1", "oven-1")
METRICS: Final = ("temperature", "vibration", "current")
LIMIT: Final = 90.0
EXCURSION_EVERY_SECONDS: Final = 60
EXCURSION_SECONDS: Final = 6


@dataclass(frozen=True)
class Plant:
    """A factory made for the traffic, by its id."""

    factory: str


async def build(client: httpx.AsyncClient, target: Target) -> Plant:
    """Make a factory with machines, and rules that some of their readings break.

    Raises:
        httpx.HTTPError: a service does not answer, or refuses.
    """
    factory = await _post(client, f"{target.factory_core}/v1/factories", {"name": f"Traffic {_name()}"})
    for tag in MACHINES:
        where = f"{target.factory_core}/v1/factories/{factory['id']}/equipment"
        await _post(client, where, {"tag": tag, "kind": "other"})
    for tag in MACHINES[:4]:
        await _post(client, f"{target.incident_event}/v1/rules", _rule(factory["id"], tag))
    return Plant(factory["id"])


def readings(now: datetime, span: timedelta) -> list[dict[str, Any]]:
    """What every machine measured in the `span` before `now`, ten times; some of it too hot once a minute."""
    moments = [now - span * part / 10 for part in range(10)]
    return [
        {"source": tag, "metric": metric, "at": _text(at), "value": _value(tag, metric, at)}
        for at in moments
        for tag in MACHINES
        for metric in METRICS
    ]


def picture() -> bytes:
    """A small PNG that no upload has had before."""
    header = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + random.randbytes(8) for _ in range(8)))  # noqa: S311 - no secret
    chunks = [_chunk(b"IHDR", header), _chunk(b"IDAT", pixels), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _rule(factory: str, tag: str) -> dict[str, Any]:
    return {
        "factory_id": factory,
        "name": f"{tag} too hot",
        "equipment": tag,
        "metric": "temperature",
        "operator": ">",
        "threshold": LIMIT,
        "severity": 1 + MACHINES.index(tag),
    }


def _value(tag: str, metric: str, at: datetime) -> float:
    phase, seconds = MACHINES.index(tag), at.timestamp()
    calm = 50 + 10 * math.sin(seconds / 20 + phase)
    second = (seconds + 15 * phase) % EXCURSION_EVERY_SECONDS
    return 100 + calm / 10 if metric == "temperature" and second < EXCURSION_SECONDS else calm


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _name() -> str:
    return uuid4().hex[:8]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


async def _post(client: httpx.AsyncClient, url: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await client.post(url, json=body)
    answer.raise_for_status()
    made: dict[str, Any] = json.loads(answer.content)
    return made
