"""The plant the load works on: made before, and compared afterwards with all it has ever said it accepted."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final

import httpx

from deploy.rolling.load import Accepted, Addresses, Screen

SETTLE_SECONDS: Final = 60.0
EVENTS = {"incident.reported.v1": "reported", "incident.acknowledged.v1": "acknowledged"}


class Plant:
    """One factory with a tank and a rule that watches it."""

    def __init__(self, way: Addresses, token: str) -> None:
        self._way = way
        self._client = httpx.AsyncClient(timeout=15, headers={"Authorization": f"Bearer {token}"})
        self.factory = ""
        self._rule = ""

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()

    async def build(self) -> None:
        """Make the factory, its equipment and the rule."""
        core = f"{self._way.factory_core}/v1/factories"
        self.factory = (await self._post(core, {"name": "Rolling"}))["id"]
        await self._post(
            f"{core}/{self.factory}/equipment", {"tag": "tank-1", "name": "Tank", "kind": "tank"}
        )
        rule = {
            "factory_id": self.factory,
            "name": "Overfull",
            "equipment": "tank-1",
            "metric": "level",
            "operator": ">",
            "threshold": 5,
            "severity": 4,
        }
        self._rule = (await self._post(f"{self._way.incident_event}/v1/rules", rule))["id"]

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
        incidents = await self._pages(f"{self._way.incident_event}/v1/incidents", limit=200)
        readings = await self._pages(
            f"{self._way.factory_core}/v1/factories/{self.factory}/readings",
            source="tank-1",
            metric="level",
            limit=1000,
        )
        assets = await self._pages(f"{self._way.asset_management}/v1/assets", limit=200)
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
        answer = await self._client.get(f"{self._way.incident_event}/v1/rules/{self._rule}")
        answer.raise_for_status()
        state = answer.json()["state"]
        return int(state["evaluated_readings"]) + int(state["late_readings"])

    async def _post(self, url: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self._client.post(url, json=body)
        answer.raise_for_status()
        told: dict[str, Any] = answer.json()
        return told

    async def _pages(self, url: str, **parameters: str | int) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        if "incidents" in url or "assets" in url:
            parameters["factory"] = self.factory
        while True:
            answer = await self._client.get(url, params=parameters)
            answer.raise_for_status()
            page = answer.json()
            items += page["items"]
            if page["next_cursor"] is None:
                return items
            parameters["cursor"] = page["next_cursor"]


def _difference(what: str, accepted: int, held: int, *, same: bool) -> list[str]:
    if accepted == held and same:
        return []
    return [f"{what}: {accepted} accepted, {held} held{'' if same else ', not the same ones'}"]


def flaws_of(screen: Screen, accepted: Accepted) -> list[str]:
    """Say what a screen has missed, had twice, or seen out of order."""
    flaws = list(screen.failures)
    first = screen.first or 0
    expected = list(range(first + 1, first + 1 + len(screen.sequence)))
    if screen.sequence != expected:
        wrong = next(seen for seen, due in zip(screen.sequence, expected, strict=True) if seen != due)
        flaws.append(f"the sequence breaks at {wrong}")
    for kind, name in EVENTS.items():
        seen, due = screen.types.count(kind), len(getattr(accepted, name))
        if seen != due:
            flaws.append(f"{kind}: saw {seen} of {due}")
    return flaws
