"""What a command takes its factory, its rule and its incident to be."""

import json
import re
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from contracts.platform import PLATFORM_FACTORY_ID, PLATFORM_FACTORY_NAME
from support import ROOT
from support.servers.scripted import connect, serve
from vfactory.cli import build
from vfactory.client.errors import CommandError, UsageError
from vfactory.client.references import (
    AmbiguousError,
    NoSuchThingError,
    find_factory,
    find_incident_id,
    find_rule,
    in_path,
    shortest_prefixes,
)

PLATFORM = {"id": str(PLATFORM_FACTORY_ID), "name": PLATFORM_FACTORY_NAME}
ULSAN = {"id": str(uuid4()), "name": "Ulsan"}
PUSAN = {"id": str(uuid4()), "name": "Pusan"}


def find(reference: str | None, factories: Sequence[dict[str, str]]) -> Any:
    page = json.dumps({"items": factories, "next_cursor": None}).encode()
    with connect((200, "application/json", page)) as (_server, client):
        return find_factory(client, reference)


@pytest.mark.parametrize("typed", ["caf\u00e9", "cafe\u0301", "CAFE\u0301", " caf\u00e9"])
def test_a_name_is_found_in_every_form_and_case(typed: str) -> None:
    cafe = {"id": str(uuid4()), "name": "caf\u00e9"}
    assert find(typed, [ULSAN, cafe]) == cafe


def test_the_very_name_comes_before_one_that_differs_in_case() -> None:
    shouted = {"id": str(uuid4()), "name": "ULSAN"}
    assert find("Ulsan", [shouted, ULSAN]) == ULSAN


def test_the_only_plant_is_meant_although_the_platform_has_a_factory_too() -> None:
    assert find(None, [PLATFORM, ULSAN]) == ULSAN


def test_the_platforms_factory_is_never_meant_unless_it_is_named() -> None:
    with pytest.raises(CommandError, match="no factory yet; add one: vfactory factories add"):
        find(None, [PLATFORM])
    assert find(PLATFORM_FACTORY_NAME, [PLATFORM, ULSAN]) == PLATFORM


def test_of_several_plants_one_must_be_named() -> None:
    with pytest.raises(
        CommandError, match=r"which factory\? say it with --factory \(there is: Ulsan, Pusan\)"
    ):
        find(None, [PLATFORM, ULSAN, PUSAN])


def test_control_characters_of_names_do_not_reach_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = [{"id": str(uuid4()), "name": f"\x1b]0;{n}\x07\r\n{'x' * 900}"} for n in range(9)]
    page = json.dumps({"items": odd, "next_cursor": None}).encode()
    with serve((200, "application/json", page)) as server:
        monkeypatch.setenv("VFACTORY_URL", server.url)
        monkeypatch.setenv("VFACTORY_TOKEN", "token")
        ended = CliRunner().invoke(build(), ["equipment", "list", "--factory", "Ulsan"])

    assert ended.exit_code == 1
    assert ended.stderr.startswith(
        r"vfactory: there is no factory called 'Ulsan' (there is: \x1b]0;0\x07\r\n"
    )
    assert ended.stderr.removesuffix("\n").isprintable()
    assert len(ended.stderr) < 2100


SEOUL = {"id": "01a20a42-a799-7702-b97b-92e7a23dc745", "name": "Seoul"}
DAEGU = {"id": "01a20a42-b799-7702-b97b-92e7a23dc745", "name": "Daegu"}


@pytest.mark.parametrize("prefix", ["01a20a42-a", "01a20a42a", "01A20A42-A799-7702", SEOUL["id"][:35]])
def test_a_factory_is_found_by_the_beginning_of_its_id(prefix: str) -> None:
    assert find(prefix, [PLATFORM, SEOUL, DAEGU]) == SEOUL


def test_a_beginning_of_several_ids_is_a_wrong_command_that_lists_them() -> None:
    with pytest.raises(AmbiguousError) as refused:
        find("01a20a42", [PLATFORM, SEOUL, DAEGU])
    assert refused.value.exit_code == 2
    assert str(refused.value) == (
        "the ids of several factories begin with 01a20a42; type more of it: "
        f"{SEOUL['id']} (Seoul), {DAEGU['id']} (Daegu)"
    )


def test_three_characters_are_no_beginning_of_an_id() -> None:
    with pytest.raises(NoSuchThingError, match="there is no factory called '01a'"):
        find("01a", [SEOUL])


def test_a_name_goes_before_the_beginning_of_an_id() -> None:
    named = {"id": str(uuid4()), "name": "01a20a42"}
    assert find("01a20a42", [SEOUL, named]) == named


def test_an_unknown_factory_of_the_environment_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VFACTORY_FACTORY", "Ulsna")
    with pytest.raises(
        NoSuchThingError, match=r"no factory called 'Ulsna' \(from VFACTORY_FACTORY\) \(there is"
    ):
        find("Ulsna", [ULSAN])


def test_an_empty_reference_is_none() -> None:
    assert find("", [PLATFORM, ULSAN]) == ULSAN


def incident(id_: str) -> dict[str, Any]:
    texts = ("title", "status", "type", "description", "occurred_at", "factory_id")
    none = ("equipment", "condition", "cleared_at", "acknowledged_at", "acknowledged_by", "resolved_at")
    return {
        "id": id_,
        "severity": 3,
        "occurrences": 1,
        "resolved_by": None,
        **dict.fromkeys(texts, "x"),
        **dict.fromkeys(none),
    }


def find_incident(reference: str, ids: Sequence[str]) -> tuple[str, list[str]]:
    page = json.dumps({"items": [incident(one) for one in ids], "next_cursor": None}).encode()
    with connect((200, "application/json", page)) as (server, client):
        return find_incident_id(client, reference), [request.path for request in server.requests]


def test_the_plant_looks_an_incident_up_by_the_beginning_of_its_id() -> None:
    found, asked = find_incident("01a20a42-a", [SEOUL["id"]])
    assert (found, asked) == (SEOUL["id"], ["/v1/incidents?id_prefix=01a20a42-a&limit=9"])


def test_a_whole_id_is_not_looked_up() -> None:
    assert find_incident(SEOUL["id"], []) == (SEOUL["id"], [])


def test_an_incident_that_is_none_or_several_is_told() -> None:
    with pytest.raises(NoSuchThingError, match="no incident whose id begins with 01a2"):
        find_incident("01a2", [])
    with pytest.raises(AmbiguousError, match=rf"several incidents .*{SEOUL['id']} \(x\), {DAEGU['id']}"):
        find_incident("01a2", [SEOUL["id"], DAEGU["id"]])


@pytest.mark.parametrize("reference", ["", "..", "01a", "pump", "01a2/../../rules", "01a2?limit=1"])
def test_what_is_no_id_is_not_sent(reference: str) -> None:
    with pytest.raises(UsageError, match="is not an incident's id"):
        find_incident(reference, [])


@pytest.mark.parametrize("part", ["../factories", "a/b", "a?b=c", "a#b", "a%2e", "한 글", "a;b"])
def test_a_part_of_a_path_stays_one_part(part: str) -> None:
    assert not set(in_path(part)) & set("/?#; ")


RULE = {
    "factory_id": "x",
    "equipment": "pump-1",
    "metric": "M",
    "operator": ">",
    "threshold": 1,
    "on_delay_seconds": 0,
    "deadband": 0,
    "severity": 3,
    "state": {
        "condition": "normal",
        "evaluated_readings": 0,
        "late_readings": 0,
        "bad_readings": 0,
        "last_reading_at": None,
        "active_since": None,
    },
}


def test_a_rule_is_found_by_name_or_prefix_among_all_factories() -> None:
    rules = [{**RULE, **SEOUL}, {**RULE, **DAEGU}]
    page = json.dumps({"items": rules, "next_cursor": None}).encode()
    with connect((200, "application/json", page)) as (server, client):
        assert find_rule(client, None, "Daegu")["id"] == DAEGU["id"]
        assert find_rule(client, None, "01a20a42-a")["id"] == SEOUL["id"]
        with pytest.raises(AmbiguousError, match="several rules begin with 01a20a42; type more"):
            find_rule(client, None, "01a20a42")
        with pytest.raises(NoSuchThingError, match=r"no rule called 'Seol' \(there is: Seoul, Daegu\)"):
            find_rule(client, None, "Seol")
    assert {request.path for request in server.requests} == {"/v1/rules?limit=200"}


@given(st.lists(st.uuids(), min_size=1, max_size=30, unique=True))
def test_shortest_prefixes_are_unambiguous_and_at_least_8_long(ids: list[Any]) -> None:
    texts = [str(one) for one in ids]
    for whole, prefix in shortest_prefixes(texts).items():
        assert len(prefix) >= 8
        assert [one for one in texts if one.startswith(prefix)] == [whole]


def test_whatever_is_put_into_a_path_is_quoted() -> None:
    written = {
        f"{path.name}:{number}"
        for path in (ROOT / "src" / "vfactory").rglob("*.py")
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        for part in re.findall(r'f"/v1/[^"]*?\{([^}]*)', line)
        if not part.startswith("in_path(") and part != "move"  # a word of the command itself
    }
    assert written == set()
