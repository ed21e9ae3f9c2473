"""Refusals in the words of the command: options instead of fields, moves that exist, each thing once."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from plant_client import RefusedError
from support.servers.scripted import serve
from vfactory.cli import build

FACTORY = {"id": "01a20a42-a799-7702-b97b-92e7a23dc745", "name": "Seoul"}
EQUIPMENT = {"id": "x", "tag": "pump-1", "name": "pump-1", "kind": "pump"}
PUMP = ["-F", FACTORY["id"], "-e", "pump-1", "-m", "M"]


def refuse(command: list[str], problem: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Result:
    """Run a command whose last request is refused."""
    known = json.dumps({**FACTORY, "items": [EQUIPMENT], "next_cursor": None}).encode()
    answers = [(200, "application/json", known)] * (2 if command[0] == "rules" else 0)
    refusal = (int(problem["status"]), "application/problem+json", json.dumps(problem).encode())
    with serve(*answers, refusal) as server:
        monkeypatch.setenv("VFACTORY_URL", server.url)
        monkeypatch.setenv("VFACTORY_TOKEN", "token")
        return CliRunner().invoke(build(), command)


def invalid(*fields: tuple[str, str]) -> dict[str, Any]:
    return {
        "title": "Invalid request",
        "status": 422,
        "detail": "; ".join(f"{field}: {detail}" for field, detail in fields),
        "errors": [{"field": field, "detail": detail} for field, detail in fields],
    }


@pytest.mark.parametrize(
    ("command", "field", "option"),
    [
        (["rules", "add", *PUMP, "--above", "1", "--for", "-1"], "on_delay_seconds", "--for"),
        (["rules", "add", *PUMP, "--above", "1", "--lateness", "-1"], "lateness_seconds", "--lateness"),
        (["rules", "add", *PUMP, "--above", "1"], "threshold", "--above"),
        (["rules", "add", *PUMP, "--below", "1"], "threshold", "--below"),
        (["rules", "add", *PUMP, "--above", "1", "--type", "x"], "incident_type", "--type"),
        (["factories", "add", "x", "--floor", "0x0x0"], "floor.width_m", "--floor"),
        (["factories", "add", ""], "name", "NAME"),
        (["incidents", "list", "--status", "x"], "status[0]", "--status"),
    ],
)
def test_a_field_is_told_as_the_option_it_came_from(
    command: list[str], field: str, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = refuse(command, invalid((field, "must be otherwise")), monkeypatch)
    assert ended.exit_code == 1
    assert ended.stderr == f"vfactory: {option}: must be otherwise\n"


def test_each_wrong_field_is_told_once() -> None:
    problem = invalid(("on_delay_seconds", "must be 0 or more"), ("odd", "with on_delay_seconds"))
    told = RefusedError(422, problem).tell({"on_delay_seconds": "--for"})
    assert told == "--for: must be 0 or more; odd: with --for"


def test_a_detail_is_told_without_its_title() -> None:
    problem = {"title": "Not found", "detail": "There is no rule x."}
    assert RefusedError(404, problem).tell({}) == "There is no rule x."
    assert RefusedError(404, {"title": "Not found"}).tell({}) == "Not found"
    assert RefusedError(418, {}).tell({}) == "HTTP status 418"


ID = "01a20a42-bbce-70ee-83c2-e44ca5238535"


@pytest.mark.parametrize(
    ("move", "status", "moves", "sentence"),
    [
        (
            "resolve",
            "reported",
            ["acknowledge"],
            f"the incident is reported; possible now: vfactory incidents ack {ID}",
        ),
        ("ack", "resolved", [], "the incident is resolved; nothing can be done with it any more"),
        (
            "ack",
            "in_response",
            ["contain", "resolve"],
            f"the incident is in response; possible now: vfactory incidents resolve {ID}",
        ),
    ],
)
def test_a_move_that_is_not_allowed_names_commands_that_exist(
    move: str, status: str, moves: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = {
        "title": "Transition not allowed",
        "status": 409,
        "detail": "…",
        "incident_status": status,
        "legal_moves": moves,
    }
    ended = refuse(["incidents", move, ID], problem, monkeypatch)
    assert (ended.exit_code, ended.stderr) == (1, f"vfactory: {sentence}\n")
