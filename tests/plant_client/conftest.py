"""Clients of plants, of each kind in turn."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from plant_client import PlantClient
from support.plant.both_clients import Blocking, Client, ClientOf, Connect
from support.servers.scripted import Answer, ScriptedServer, serve


@pytest.fixture(params=[PlantClient, Blocking], ids=["sync", "asyncio"])
def client_of(request: pytest.FixtureRequest) -> ClientOf:
    """Make a client of a plant: `with client_of(plant, **options) as client`."""
    return lambda plant, **options: closing(request.param(plant, **options))


@pytest.fixture
def connect(client_of: ClientOf) -> Connect:
    """Make a server with a script, and a client of it: `with connect(*answers) as (server, client)`."""

    @contextmanager
    def connected(*answers: Answer) -> Iterator[tuple[ScriptedServer, Client]]:
        with serve(*answers) as server, client_of(server.plant) as client:
            yield server, client

    return connected
