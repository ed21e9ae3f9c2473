"""The platform's own factory, from the command line of a running plant."""

import json
from typing import Any

import httpx

from contracts.platform import PLATFORM_FACTORY_ID
from support.monitoring.alertmanager_payload import alert, notification
from support.plant.stack import Stack


def items(stack: Stack, *command: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(stack.run(*command, "--json", code=0).stdout)["items"]
    return listed


def test_what_alertmanager_tells_is_listed_by_the_platforms_name(running_stack: Stack) -> None:
    token = running_stack.run("token", "--role", "alertmanager", code=0).stdout.strip()
    answer = httpx.post(
        f"{running_stack.part('incident-event')['where']}/v1/webhooks/alertmanager",
        json=notification("a group", alert()),
        headers={"Authorization": f"Bearer {token}"},
    )
    incident_id = answer.raise_for_status().json()["incident_id"]
    listed = items(running_stack, "incidents", "list", "-F", "platform")
    assert [one["id"] for one in listed] == [incident_id]
    assert listed == items(running_stack, "incidents", "list", "-F", str(PLATFORM_FACTORY_ID))
    first = items(running_stack, "factories", "list")[0]
    assert (first["name"], first["id"]) == ("platform", str(PLATFORM_FACTORY_ID))
