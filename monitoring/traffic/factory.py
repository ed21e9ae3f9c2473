"""The factory that the traffic is about: its machines and rules, and what the machines measure."""

import math
import random
import struct
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from plant_client import AsyncPlantClient

MACHINES: Final = ("press-1", "press-2", "pump-1", "pump-2", "robot-1", "robot-2", "conveyor-1", "oven-1")
METRICS: Final = ("temperature", "vibration", "current")
LIMIT: Final = 90.0
EXCURSION_EVERY_SECONDS: Final = 60
EXCURSION_SECONDS: Final = 6


async def build(client: AsyncPlantClient) -> str:
    """Make a factory with machines, and rules that some of their readings break, and return its id.

    Raises:
        PlantError: A service does not answer, or refuses.
    """
    made = await client.post("factory-core", "/v1/factories", {"name": f"Traffic {_name()}"})
    factory = str(made["id"])
    for tag in MACHINES:
        body = {"tag": tag, "kind": "other"}
        await client.post("factory-core", f"/v1/factories/{factory}/equipment", body)
    for tag in MACHINES[:4]:
        await client.post("incident-event", "/v1/rules", _rule(factory, tag))
    return factory


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
