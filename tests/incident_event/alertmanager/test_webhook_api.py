"""Alertmanager's notifications over HTTP: what each does to the incidents of the platform."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from contracts.platform import PLATFORM_FACTORY_ID
from support.monitoring.alertmanager_payload import alert, minute, notification
from support.plant.incident_event import Message, listening

PATH = "/v1/webhooks/alertmanager"
MakeClient = Callable[..., httpx.AsyncClient]


class Group:
    """A group of alerts nobody else tells of."""

    def __init__(self, client_as: MakeClient) -> None:
        self.key = f'{{}}/{{severity="critical"}}:{{alertname="{uuid4()}"}}'
        self.alertmanager = client_as("alertmanager", subject="alertmanager")
        self.people = client_as("operator")

    async def post(self, *alerts: dict[str, Any], **more: Any) -> httpx.Response:
        return await self.alertmanager.post(PATH, json=notification(self.key, *alerts, **more))

    async def tell(self, *alerts: dict[str, Any], **more: Any) -> tuple[str, str]:
        """Tell of the group's alerts; give what it did, and to which incident."""
        answer = await self.post(*alerts, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()["outcome"], answer.json()["incident_id"]

    async def incident(self, incident_id: str) -> dict[str, Any]:
        answer = await self.people.get(f"/v1/incidents/{incident_id}")
        assert answer.status_code == 200, answer.text
        read: dict[str, Any] = answer.json()
        return read

    async def move(self, incident_id: str, *moves: str) -> None:
        for move in moves:
            answer = await self.people.post(f"/v1/incidents/{incident_id}/{move}")
            assert answer.status_code == 200, answer.text


@pytest.fixture
async def group(client_as: MakeClient) -> Group:
    return Group(client_as)


def told_of(incident: dict[str, Any]) -> list[tuple[str, str]]:
    return [(entry["what"], entry["to_status"]) for entry in incident["timeline"]]


async def test_a_group_that_fires_opens_an_incident_of_the_platform(group: Group) -> None:
    outcome, incident_id = await group.tell(alert("a", 5), alert("b", 2, severity="warning"))
    assert outcome == "opened"
    incident = await group.incident(incident_id)
    assert incident["factory_id"] == str(PLATFORM_FACTORY_ID)
    assert (incident["type"], incident["source"], incident["severity"]) == ("other", "alertmanager", 4)
    assert (incident["status"], incident["condition"], incident["occurrences"]) == ("reported", "active", 2)
    assert incident["occurred_at"] == minute(2)
    assert incident["title"] == "PostgreSQL is down (and 1 more)"
    assert "Runbook: https://runbooks.example/down.md" in incident["description"]
    assert incident["reported_by"] == "alertmanager"
    assert told_of(incident) == [("reported", "reported")]


async def test_a_resolved_group_resolves_it_with_nobody_having_touched_it(group: Group) -> None:
    _, incident_id = await group.tell(alert())
    assert await group.tell(alert(until=7)) == ("resolved", incident_id)
    incident = await group.incident(incident_id)
    assert (incident["status"], incident["condition"]) == ("resolved", "cleared")
    assert (incident["cleared_at"], incident["resolved_by"]) == (minute(7), "alertmanager")
    assert incident["acknowledged_at"] is None
    assert told_of(incident)[1:] == [("condition_cleared", "reported"), ("recover", "resolved")]


async def test_repeats_change_nothing(group: Group) -> None:
    _, incident_id = await group.tell(alert())
    before = await group.incident(incident_id)
    measured = alert(annotations={"summary": "Measured 0.93 now"})
    for repeat in (alert(), measured, alert()):
        assert await group.tell(repeat) == ("unchanged", incident_id)
    assert await group.incident(incident_id) == before
    await group.tell(alert(until=7))
    ended = await group.incident(incident_id)
    for repeat in (alert(until=7), alert(until=7.5)):
        assert await group.tell(repeat) == ("unchanged", incident_id)
    assert await group.incident(incident_id) == ended


async def test_a_group_whose_alerts_change_while_it_fires_stays_one_incident(group: Group) -> None:
    _, incident_id = await group.tell(alert("a", 0, severity="warning"))
    assert (await group.incident(incident_id))["severity"] == 3
    assert await group.tell(alert("a", 0), alert("b", 3, annotations={})) == ("updated", incident_id)
    assert await group.tell(alert("a", 0, 5), alert("b", 3, annotations={})) == ("updated", incident_id)
    assert await group.tell(alert("b", 3, annotations={})) == ("unchanged", incident_id)
    incident = await group.incident(incident_id)
    assert (incident["occurrences"], incident["severity"]) == (2, 4)
    assert (incident["occurred_at"], incident["title"]) == (minute(0), "VFactoryDatabaseDown")
    assert [entry["detail"] for entry in incident["timeline"][1:]] == [
        {"firing": 2, "started": 1},
        {"firing": 1, "started": 0},
    ]
    assert await group.tell(alert("b", 3, 9)) == ("resolved", incident_id)


async def test_what_resolved_and_fires_again_is_another_incident(group: Group) -> None:
    _, first = await group.tell(alert())
    await group.tell(alert(until=7))
    outcome, second = await group.tell(alert(since=8))
    assert (outcome, first != second) == ("opened", True)
    assert (await group.incident(second))["occurred_at"] == minute(8)
    assert await group.tell(alert(until=7)) == ("unchanged", second)
    assert (await group.incident(second))["status"] == "reported"


async def test_what_nobody_told_of_while_it_lasted_is_opened_and_resolved_once(group: Group) -> None:
    outcome, incident_id = await group.tell(alert("a", 1, 4), alert("b", 2, 6))
    assert outcome == "resolved"
    incident = await group.incident(incident_id)
    assert (incident["status"], incident["occurrences"]) == ("resolved", 2)
    assert (incident["occurred_at"], incident["cleared_at"]) == (minute(1), minute(6))
    assert [what for what, _ in told_of(incident)] == ["reported", "condition_cleared", "recover"]
    assert await group.tell(alert("a", 1, 4), alert("b", 2, 6)) == ("unchanged", incident_id)
    assert await group.tell(alert("b", 2)) == ("unchanged", incident_id)
    assert await group.incident(incident_id) == incident


async def test_a_firing_that_comes_after_its_end_opens_nothing(group: Group) -> None:
    _, incident_id = await group.tell(alert())
    await group.tell(alert(until=7))
    assert await group.tell(alert()) == ("unchanged", incident_id)
    assert (await group.incident(incident_id))["status"] == "resolved"


@pytest.mark.parametrize("moves", [("acknowledge",), ("acknowledge", "resolve")])
async def test_what_somebody_works_on_is_resolved_by_its_end_and_never_opened_twice(
    group: Group, moves: tuple[str, ...]
) -> None:
    _, incident_id = await group.tell(alert())
    await group.move(incident_id, *moves)
    worked = await group.incident(incident_id)
    assert await group.tell(alert()) == ("unchanged", incident_id)
    assert await group.tell(alert(), alert("b", 3)) == ("updated", incident_id)
    assert await group.tell(alert(until=7), alert("b", 3, 7)) == ("resolved", incident_id)
    incident = await group.incident(incident_id)
    assert (incident["status"], incident["condition"]) == ("resolved", "cleared")
    if "resolve" in moves:
        assert incident["title"] == worked["title"]
        assert (incident["resolved_by"], told_of(incident)[-1][0]) == ("kim", "condition_cleared")
    assert (await group.tell(alert(since=8)))[0] == "opened"


async def test_two_that_post_the_same_at_once_make_one_incident(group: Group) -> None:
    for since in (0, 10, 20):
        fired = await asyncio.gather(*(group.tell(alert(since=since)) for _ in range(8)))
        assert sorted(outcome for outcome, _ in fired) == ["opened"] + ["unchanged"] * 7
        ended = await asyncio.gather(*(group.tell(alert(since=since, until=since + 5)) for _ in range(8)))
        assert sorted(outcome for outcome, _ in ended) == ["resolved"] + ["unchanged"] * 7
        [incident_id] = {incident_id for _, incident_id in (*fired, *ended)}
        assert len(told_of(await group.incident(incident_id))) == 3


async def test_beginning_and_end_that_race_end_in_one_resolved_incident(group: Group) -> None:
    posts = [alert(), alert(until=5)] * 6
    told = await asyncio.gather(*(group.tell(one) for one in posts))
    [incident_id] = {incident_id for _, incident_id in told}
    assert (await group.incident(incident_id))["status"] == "resolved"


async def test_what_happens_is_told_as_events(group: Group) -> None:
    async with listening(group.people, PLATFORM_FACTORY_ID) as stream:
        _, incident_id = await group.tell(alert())
        await group.tell(alert())
        await group.tell(alert(), alert("b", 1))
        await group.tell(alert(until=7), alert("b", 1, 7))
        told: list[Message] = []
        while len(told) < 4:  # the platform's stream is everybody's
            told += [
                one for one in [await stream.next()] if one.data["payload"]["incident_id"] == incident_id
            ]
    assert [message.type for message in told] == [
        "incident.reported.v1",
        "incident.alerts_changed.v1",
        "incident.condition_cleared.v1",
        "incident.resolved.v1",
    ]
    reported, changed, cleared, resolved = (message.data["payload"] for message in told)
    assert (reported["source"], reported["occurred_at"]) == ("alertmanager", "2026-01-15T10:30:00Z")
    assert (changed["occurrences"], changed["firing"], changed["severity"]) == (2, 2, 4)
    assert (cleared["rule_id"], cleared["cleared_at"]) == (None, "2026-01-15T10:37:00Z")
    assert resolved["by"] == "alertmanager"


async def test_it_is_counted_by_what_it_did(group: Group) -> None:
    async def counted(outcome: str) -> float:
        text = (await group.people.get("/metrics")).text
        name = f'vfactory_alertmanager_notifications_total{{outcome="{outcome}"}} '
        return next(float(line.removeprefix(name)) for line in text.splitlines() if line.startswith(name))

    before = {outcome: await counted(outcome) for outcome in ("opened", "unchanged", "ignored")}
    for _ in range(3):
        await group.tell(alert())
    assert await counted("opened") == before["opened"] + 1
    assert await counted("unchanged") == before["unchanged"] + 2
    assert await counted("ignored") == before["ignored"]


async def test_the_watchdog_is_thanked_and_ignored(group: Group) -> None:
    watchdog = alert(labels={"alertname": "VFactoryWatchdog", "severity": "none"})
    assert (await group.post(watchdog)).json() == {"outcome": "ignored", "incident_id": None}


async def test_a_token_for_another_factory_does_not_learn_of_the_platform(client_as: MakeClient) -> None:
    body = notification(str(uuid4()))
    stranger = client_as("alertmanager", factories=[uuid4()])
    assert (await stranger.post(PATH, json=body)).status_code == 404
    own = client_as("alertmanager", factories=[PLATFORM_FACTORY_ID])
    assert (await own.post(PATH, json=body)).status_code == 200


@pytest.mark.parametrize("role", ["viewer", "operator", "engineer", "admin", "device"])
async def test_nobody_else_may_post_it(client_as: MakeClient, role: str) -> None:
    assert (await client_as(role).post(PATH, json=notification("g"))).status_code == 403
