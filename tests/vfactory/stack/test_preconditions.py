import os
import socket
from pathlib import Path

import pytest

from embedded import DiskFullError, PortTakenError, free_ports
from vfactory.stack import preconditions
from vfactory.stack.configuration import PORTS, Configuration


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    return Configuration(home=tmp_path, ports=free_ports(PORTS))


def test_every_taken_port_is_named_with_its_setting_and_holder(configuration: Configuration) -> None:
    names = ("incident-event", "valkey")
    with (
        socket.create_server(("127.0.0.1", configuration.ports[names[0]])),
        socket.create_server(("127.0.0.1", configuration.ports[names[1]])),
        pytest.raises(PortTakenError) as error,
    ):
        preconditions.check_ports(configuration)
    text = str(error.value)
    for name, variable in zip(names, ("VFACTORY_INCIDENT_EVENT_PORT", "VFACTORY_VALKEY_PORT"), strict=True):
        assert f"Port {configuration.ports[name]} for {name} is taken" in text
        assert variable in text
    assert text.count(f"process {os.getpid()}") == 2


def test_free_ports_and_room_are_no_obstacle(configuration: Configuration) -> None:
    configuration.data.mkdir()
    preconditions.check(configuration)


def test_a_place_shows_no_password() -> None:
    assert preconditions.place("postgresql://user:hunter2@db.example:5432/d") == "db.example:5432"
    assert preconditions.place("rediss://cache.example") == "cache.example"


def test_a_full_disk_is_noticed_before_anything_is_started(small_disk: Path) -> None:
    with pytest.raises(DiskFullError, match="at least 128 MiB are needed"):
        preconditions.check_room(small_disk)
