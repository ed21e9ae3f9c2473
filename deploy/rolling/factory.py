"""The factory the load works on: made before, compared afterwards with all that was said to be accepted."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from deploy.rolling.load import Accepted
from deploy.rolling.screens import Screen
from plant_client import AsyncPlantClient, Json, Plant, Service

SETTLE_SECONDS: Final = 60.0
TIMEOUT_SECONDS: Final = 15.0


class Factory:
    """One factory with a tank and a rule that watches it; `id` is known once it is built."""

    def __init__(self, plant: Plant) -> None:
        self._client = AsyncPlantClient(plant, timeout_seconds=TIMEOUT_SECONDS)
        self.id = ""
        self._rule = ""

    async def close(self) -> None:
        """Close its connections."""
        await self._client.close()

    async def build(self) -> None:
        """Make the factory, its equipment and the rule."""
        made = await self._client.post("factory-core", "/v1/factories", {"name": "Rolling"})
        self.id = made["id"]
        tank = {"tag": "tank-1", "name": "Tank", "kind": "tank"}
        await self._client.post("factory-core", f"/v1/factories/{self.id}/equipment", tank)
        rule = {
            "factory_id": self.id,
            "name": "Overfull",
            "equipment": "tank-1",
            "metric": "level",
            "operator": ">",
            "threshold": 5,
            "severity": 4,
        }
        self._rule = (await self._client.post("incident-event", "/v1/rules", rule))["id"]

    async def settle(self, accepted: Accepted, screens: Sequence[Screen]) -> None:
        """Wait until every reading is evaluated and every screen has seen every event, but not for ever."""
        expected = len(accepted.reported) + len(accepted.acknowledged)
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline:
            everyone = all(len(screen.sequence) >= expected for screen in screens)
            if everyone and await self._evaluated() >= accepted.readings:
                return
            await asyncio.sleep(0.2)

    async def losses(self, accepted: Accepted) -> list[str]:
        """Compare what the plant holds with what it said it accepted; give every difference."""
        incidents = await self._all("incident-event", "/v1/incidents", factory=self.id)
        path = f"/v1/factories/{self.id}/readings"
        readings = await self._all("factory-core", path, source="tank-1", metric="level", limit=1000)
        assets = await self._all("asset-management", "/v1/assets", factory=self.id)
        held = {one["id"]: one["title"] for one in incidents}
        acknowledged = {one["id"] for one in incidents if one["status"] == "acknowledged"}
        hashes = {one["id"]: one["sha256"] for one in assets}
        return [
            *_difference("incidents", len(accepted.reported), len(held), same=held == accepted.reported),
            *_difference("titles", len(held), len(set(held.values())), same=True),
            *_difference(
                "acknowledgements",
                len(accepted.acknowledged),
                len(acknowledged),
                same=acknowledged == accepted.acknowledged,
            ),
            *_difference("readings", accepted.readings, len(readings), same=True),
            *_difference("evaluated readings", accepted.readings, await self._evaluated(), same=True),
            *_difference("assets", len(accepted.assets), len(hashes), same=hashes == accepted.assets),
        ]

    async def _evaluated(self) -> int:
        state = (await self._client.get("incident-event", f"/v1/rules/{self._rule}"))["state"]
        return int(state["evaluated_readings"]) + int(state["late_readings"])

    async def _all(self, service: Service, path: str, **parameters: object) -> list[Json]:
        return [item async for item in self._client.items(service, path, **parameters)]


def _difference(what: str, accepted: int, held: int, *, same: bool) -> list[str]:
    if accepted == held and same:
        return []
    return [f"{what}: {accepted} accepted, {held} held{'' if same else ', not the same ones'}"]
