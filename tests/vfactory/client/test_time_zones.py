"""Times are shown in the zone that is asked for, else in that of the environment, else in the factory's."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from support.servers.scripted import serve
from vfactory.cli import build
from vfactory.client.errors import UsageError
from vfactory.client.output import local_time
from vfactory.client.time_zones import TIME_ZONE_VARIABLE, ZoneError, find_zone, read_zone

FACTORY: dict[str, Any] = {
    "id": "01a20a42-a799-7702-b97b-92e7a23dc745",
    "name": "Ulsan",
    "timezone": "Asia/Seoul",
    "floor": None,
    "created_at": "2026-01-15T10:40:09Z",
}
INCIDENT: dict[str, Any] = {
    "id": "01a20a42-bbce-70ee-83c2-e44ca5238535",
    "factory_id": FACTORY["id"],
    "title": "Fire",
    "status": "acknowledged",
    "severity": 3,
    "type": "fire",
    "description": "",
    "equipment": None,
    "occurred_at": "2026-01-15T10:40:09Z",
    "condition": None,
    "cleared_at": None,
    "occurrences": 1,
    "acknowledged_at": "2026-01-15T10:41:09.250001Z",
    "acknowledged_by": "mina",
    "resolved_at": None,
    "resolved_by": None,
    "timeline": [{"at": "2026-01-15T10:40:10Z", "what": "reported", "by": "kim", "reason": None}],
}
EVENT = b'id: 1\nevent: incident.resolved.v1\ndata: {"seq": 1, "payload": {"at": "2026-01-15T10:40:09Z"}}\n\n'
COMMANDS: dict[str, list[Any]] = {
    "a list": ["incidents", "list"],
    "a list of one factory": ["incidents", "list", "-F", FACTORY["id"]],
    "an incident": ["incidents", "show", INCIDENT["id"]],
    "a move": ["incidents", "ack", INCIDENT["id"]],
    "events": ["events", "-F", FACTORY["id"], "--count", "1"],
}


def shown(command: list[Any], monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what a command prints of a plant whose every answer holds the factory and the incident."""
    answers = {
        "list": [{"items": [INCIDENT]}, {"items": [FACTORY]}],
        "-F": [FACTORY, {"items": [INCIDENT]}],
        "show": [INCIDENT, FACTORY],
        "ack": [INCIDENT, FACTORY],
    }
    kind = "-F" if "-F" in command else command[1]
    script: list[Any] = [(200, "application/json", json.dumps(one).encode()) for one in answers[kind]]
    if command[0] == "events":
        script[1] = (200, "text/event-stream", EVENT)
    with serve(*script) as server:
        monkeypatch.setenv("VFACTORY_URL", server.url)
        monkeypatch.setenv("VFACTORY_TOKEN", "token")
        ended = CliRunner().invoke(build(), command)
    assert ended.exit_code == 0, ended.output
    return str(ended.stdout)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_factorys_zone_is_the_default(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TIME_ZONE_VARIABLE, raising=False)
    assert "2026-01-15 19:40:09+09:00" in shown(COMMANDS[command], monkeypatch)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_environments_zone_and_then_the_options_go_before_it(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TIME_ZONE_VARIABLE, "Europe/Berlin")
    assert "2026-01-15 11:40:09+01:00" in shown(COMMANDS[command], monkeypatch)
    assert "2026-01-15 10:40:09Z" in shown([*COMMANDS[command], "--time-zone", "UTC"], monkeypatch)


def test_every_time_of_an_incident_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TIME_ZONE_VARIABLE, raising=False)
    said = shown(COMMANDS["an incident"], monkeypatch)
    assert "2026-01-15 19:41:09.250+09:00 by mina" in said
    assert "Z" not in said.replace("ZONE", "")


def test_an_unknown_zone_is_told_before_anything_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VFACTORY_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("VFACTORY_TOKEN", "token")
    ended = CliRunner().invoke(build(), ["incidents", "ack", INCIDENT["id"], "--time-zone", "Mars/Base"])
    assert ended.exit_code == 2
    assert "--time-zone 'Mars/Base' is not a time zone" in ended.stderr


SEOUL = {"timezone": "Asia/Seoul"}
AT = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "hours"), [("UTC", 0.0), ("utc", 0.0), ("+09:00", 9.0), ("-0330", -3.5), ("Asia/Seoul", 9.0)]
)
def test_a_zone_has_a_name_or_an_offset(name: str, hours: float) -> None:
    moment = datetime(2020, 2, 8, tzinfo=read_zone(name))

    assert moment.utcoffset() == timedelta(hours=hours)


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../../etc/passwd", "+25:00", "KST+9"])
def test_a_zone_nobody_knows_is_refused(name: str) -> None:
    with pytest.raises(ZoneError):
        read_zone(name)


def test_the_option_goes_before_the_environment_and_that_before_the_factory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(TIME_ZONE_VARIABLE, raising=False)
    assert local_time(AT, find_zone(None, None)) == "2026-01-15 10:30:00Z"
    assert local_time(AT, find_zone(None, SEOUL)) == "2026-01-15 19:30:00+09:00"
    monkeypatch.setenv(TIME_ZONE_VARIABLE, "Europe/Berlin")
    assert local_time(AT, find_zone(None, SEOUL)) == "2026-01-15 11:30:00+01:00"
    assert local_time(AT, find_zone("UTC", SEOUL)) == "2026-01-15 10:30:00Z"


def test_a_wrong_zone_is_named_by_where_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="--time-zone 'Mars'"):
        find_zone("Mars", SEOUL)
    monkeypatch.setenv(TIME_ZONE_VARIABLE, "Mars")
    with pytest.raises(UsageError, match=f"{TIME_ZONE_VARIABLE} 'Mars'"):
        find_zone(None, SEOUL)
