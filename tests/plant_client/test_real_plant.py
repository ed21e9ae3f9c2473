"""The clients and a real service."""

from collections.abc import Callable
from contextlib import closing
from uuid import uuid4

import pytest

from plant_client import Event, Plant, RefusedError, Subscription
from support.plant.both_clients import ClientOf
from support.servers import RunningProcess

PATH = "/v1/incidents"


def test_a_plant_is_told_asked_and_followed_over_the_death_of_its_api(
    running: Callable[..., RunningProcess], make_token: Callable[..., str], client_of: ClientOf
) -> None:
    running("incident-event", "worker")
    api = running("incident-event")
    plant = Plant({"incident-event": api.base_url}, lambda: make_token("engineer"))
    factory = str(uuid4())
    report = {"factory_id": factory, "type": "fall", "severity": 3, "title": "넘어짐"}
    subscription = Subscription(factory, after=0)
    with client_of(plant) as client, closing(client.follow(subscription)) as stream:
        made = [client.post("incident-event", PATH, report)]
        events = [next(stream)]
        with pytest.raises(RefusedError, match="severity") as caught:
            client.post("incident-event", PATH, {**report, "severity": 6})
        assert caught.value.status == 422
        api.kill()
        running("incident-event", port=api.port)
        made.append(client.post("incident-event", PATH, report, headers={"Idempotency-Key": "k"}))
        assert client.post("incident-event", PATH, report, headers={"Idempotency-Key": "k"}) == made[1]
        events.append(next(stream))
        listed = [one["id"] for one in client.items("incident-event", PATH, factory=factory, limit=1)]
        assert client.get("incident-event", f"{PATH}/{made[0]['id']}")["title"] == "넘어짐"

    assert sorted(listed) == sorted(one["id"] for one in made)
    assert [event.seq for event in events if isinstance(event, Event)] == [1, 2]
    assert [event.payload["incident_id"] for event in events if isinstance(event, Event)] == [
        one["id"] for one in made
    ]
    assert (subscription.connections, subscription.repeated) == (2, 0)
