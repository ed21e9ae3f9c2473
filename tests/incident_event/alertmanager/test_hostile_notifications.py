"""Notifications no Alertmanager sends, and those only a strange one does."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from support.monitoring.alertmanager_payload import alert, minute, notification

PATH = "/v1/webhooks/alertmanager"
MakeClient = Callable[..., httpx.AsyncClient]
MISSING = object()


@pytest.fixture
def alertmanager(client_as: MakeClient) -> httpx.AsyncClient:
    return client_as("alertmanager")


def group() -> str:
    return str(uuid4())


def without_missing(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not MISSING}


async def read(client_as: MakeClient, answer: httpx.Response) -> dict[str, Any]:
    """The incident a notification opened."""
    assert answer.status_code == 200, answer.text
    assert answer.json()["outcome"] == "opened"
    found = await client_as("viewer").get(f"/v1/incidents/{answer.json()['incident_id']}")
    incident: dict[str, Any] = found.json()
    return incident


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", "3"),
        ("version", 4),
        ("version", MISSING),
        ("groupKey", MISSING),
        ("groupKey", ""),
        ("groupKey", "k" * 4097),
        ("groupKey", 7),
        ("groupKey", "a\x00b"),
        ("groupKey", None),
        ("status", "burning"),
        ("status", MISSING),
        ("truncatedAlerts", -1),
        ("truncatedAlerts", "1"),
        ("truncatedAlerts", 2**63),
        ("truncatedAlerts", 0.5),
        ("externalURL", 7),
        ("receiver", ["a"]),
        ("alerts", MISSING),
        ("alerts", []),
        ("alerts", {}),
        ("alerts", ["a"]),
    ],
)
async def test_a_wrong_field_is_named(alertmanager: httpx.AsyncClient, field: str, value: Any) -> None:
    body = without_missing(notification(group(), **{field: value}))
    answer = await alertmanager.post(PATH, json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].split("[")[0] == field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "x"),
        ("startsAt", "2026-01-15T10:30:00"),
        ("startsAt", "yesterday"),
        ("startsAt", 1768473000),
        ("startsAt", "2026-02-30T00:00:00Z"),
        ("startsAt", MISSING),
        ("endsAt", "2026-01-15T10:30:00"),
        ("endsAt", 7),
        ("fingerprint", MISSING),
        ("fingerprint", ""),
        ("fingerprint", "f" * 101),
        ("fingerprint", 7),
        ("labels", []),
        ("labels", None),
        ("labels", {"severity": 1}),
        ("labels", {"severity": {"a": "b"}}),
        ("annotations", {"summary": ["a"]}),
    ],
)
async def test_a_wrong_field_of_an_alert_is_named(
    alertmanager: httpx.AsyncClient, field: str, value: Any
) -> None:
    body = notification(group(), alert("good"), without_missing(alert(**{field: value})), status="firing")
    answer = await alertmanager.post(PATH, json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].startswith(f"alerts[1].{field}")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-1e999", "1" + "0" * 400])
async def test_numbers_that_are_none_are_refused(alertmanager: httpx.AsyncClient, number: str) -> None:
    text = json.dumps(notification(group(), truncatedAlerts="@")).replace('"@"', number)
    answer = await alertmanager.post(PATH, content=text, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422


async def test_fields_of_a_newer_alertmanager_are_no_error(alertmanager: httpx.AsyncClient) -> None:
    newer = alert(severityText="dire", silenced={"by": []})
    body = notification(group(), newer, notificationReason="new alerts", groupID=7)
    assert (await alertmanager.post(PATH, json=body)).json()["outcome"] == "opened"


async def test_a_long_text_is_cut_and_its_alert_is_not_lost(
    alertmanager: httpx.AsyncClient, client_as: MakeClient
) -> None:
    long = dict.fromkeys(("summary", "description", "runbook_url", "dashboard_url"), "한" * 20000)
    labels = {"alertname": "n" * 5000, **{f"label{number}": "v" * 100 for number in range(500)}}
    body = notification(group(), alert(annotations=long, labels=labels), externalURL="u" * 50_000)
    incident = await read(client_as, await alertmanager.post(PATH, json=body))
    assert len(incident["title"]) == 200
    assert incident["title"].endswith("한…")
    assert len(incident["description"]) <= 4000
    assert "Runbook: 한" in incident["description"]
    assert "- nnn" in incident["description"]


async def test_what_cannot_be_kept_is_replaced(
    alertmanager: httpx.AsyncClient, client_as: MakeClient
) -> None:
    body = notification(group(), alert(annotations={"summary": "a\x00b\ud800c", "\udc00": "\r\nX: 1"}))
    sent = json.dumps(body)  # a lone surrogate as an escape, as a broken program writes it
    answer = await alertmanager.post(PATH, content=sent, headers={"Content-Type": "application/json"})
    incident = await read(client_as, answer)
    assert incident["title"] == "a\N{REPLACEMENT CHARACTER}b?c"


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "{{7*7}}"])
async def test_markup_is_text_like_any_other(
    alertmanager: httpx.AsyncClient, client_as: MakeClient, text: str
) -> None:
    body = notification(group(), alert(annotations={"summary": text, "description": text}))
    incident = await read(client_as, await alertmanager.post(PATH, json=body))
    assert incident["title"] == text
    assert incident["description"].startswith(text)


async def test_of_thousands_of_alerts_the_first_are_looked_at_and_the_others_counted(
    alertmanager: httpx.AsyncClient, client_as: MakeClient
) -> None:
    def small(number: int) -> dict[str, Any]:
        return {
            "status": "firing",
            "labels": {},
            "startsAt": minute(number),
            "fingerprint": str(number),
        }

    body = notification(group(), *(small(number) for number in reversed(range(10_000))), truncatedAlerts=5)
    answer = await alertmanager.post(PATH, json=body)
    incident = await read(client_as, answer)
    assert incident["title"] == "unnamed alert (and 10004 more)"
    assert (incident["occurred_at"], incident["occurrences"]) == (minute(0), 500)
    assert "- and 9985 more" in incident["description"]
    again = await alertmanager.post(PATH, json=body)
    assert again.json() == {"outcome": "unchanged", "incident_id": incident["id"]}


async def test_a_body_too_large_is_refused_as_such(alertmanager: httpx.AsyncClient) -> None:
    body = notification(group(), alert(annotations={"summary": "x" * 2_000_000}))
    assert (await alertmanager.post(PATH, json=body)).status_code == 413


@pytest.mark.parametrize("since", ["2999-01-01T00:00:00Z", "9999-12-30T00:00:00.123456789Z"])
async def test_a_clock_that_runs_ahead_makes_no_incident_of_the_future(
    alertmanager: httpx.AsyncClient, client_as: MakeClient, since: str
) -> None:
    key = group()
    answer = await alertmanager.post(PATH, json=notification(key, alert(startsAt=since)))
    incident = await read(client_as, answer)
    assert incident["occurred_at"] <= incident["created_at"]
    ended = alert(status="resolved", startsAt=since, endsAt=since)
    resolved = await alertmanager.post(PATH, json=notification(key, ended))
    assert resolved.json() == {"outcome": "resolved", "incident_id": incident["id"]}


@pytest.mark.parametrize("since", ["0001-01-02T00:00:00Z", "1900-01-01T00:00:00+09:00"])
async def test_times_of_long_ago_are_kept(
    alertmanager: httpx.AsyncClient, client_as: MakeClient, since: str
) -> None:
    key = group()
    incident = await read(
        client_as, await alertmanager.post(PATH, json=notification(key, alert(startsAt=since)))
    )
    assert datetime.fromisoformat(incident["occurred_at"]) == datetime.fromisoformat(since)
    again = await alertmanager.post(PATH, json=notification(key, alert(startsAt=since)))
    assert again.json()["outcome"] == "unchanged"


async def test_an_end_before_its_beginning_ends_at_its_beginning(
    alertmanager: httpx.AsyncClient, client_as: MakeClient
) -> None:
    answer = await alertmanager.post(PATH, json=notification(group(), alert(since=5, until=1)))
    found = await client_as("viewer").get(f"/v1/incidents/{answer.json()['incident_id']}")
    assert found.json()["cleared_at"] == found.json()["occurred_at"] == minute(5)


@pytest.mark.parametrize(
    "never", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z", "0001-01-01T00:00:00+00:00"]
)
async def test_an_alert_that_does_not_say_since_when_is_left_out_and_the_others_count(
    alertmanager: httpx.AsyncClient, client_as: MakeClient, never: str
) -> None:
    body = notification(group(), alert("first", startsAt=never), alert("second", 3), alert("third", 4))
    answer = await alertmanager.post(PATH, json=body)
    incident = await read(client_as, answer)
    assert (incident["occurrences"], incident["occurred_at"]) == (2, minute(3))
    [refused] = answer.json()["refused"]
    assert refused["field"] == "alerts[0].startsAt"
    assert "since when" in refused["detail"]


async def test_a_notification_of_which_no_alert_says_since_when_is_refused(
    alertmanager: httpx.AsyncClient,
) -> None:
    never = "0001-01-01T00:00:00Z"
    answer = await alertmanager.post(
        PATH, json=notification(group(), alert(startsAt=never), alert("b", startsAt=never))
    )
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == ["alerts[0].startsAt", "alerts[1].startsAt"]
