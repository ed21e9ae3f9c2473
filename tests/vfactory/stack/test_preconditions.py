import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from embedded import DiskFullError, PortTakenError, free_ports
from vfactory.stack import preconditions
from vfactory.stack.configuration import PORTS, Configuration
from vfactory.stack.errors import SettingError


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


@pytest.mark.parametrize(
    "host", ["999.1.1.1", "nonsense.invalid", " ", "[::1]", "10.255.255.1", "2001:db8::1", "a..b", "x" * 300]
)
def test_a_host_that_is_not_this_machines_is_named_once(host: str, configuration: Configuration) -> None:
    with pytest.raises(SettingError) as error:
        preconditions.check_ports(replace(configuration, host=host))
    assert str(error.value).startswith(f'VFACTORY_HOST "{host}": not an address of this machine')
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("host", ["localhost", "0.0.0.0"])  # noqa: S104
def test_an_address_of_this_machine_is_no_obstacle(host: str, configuration: Configuration) -> None:
    preconditions.check_ports(replace(configuration, host=host))


def test_free_ports_and_room_are_no_obstacle(configuration: Configuration) -> None:
    configuration.data.mkdir()
    preconditions.check(configuration)


def test_a_place_shows_no_password() -> None:
    assert preconditions.place("postgresql://user:hunter2@db.example:5432/d") == "db.example:5432"
    assert preconditions.place("rediss://cache.example") == "cache.example"


def test_a_full_disk_is_noticed_before_anything_is_started(small_disk: Path) -> None:
    with pytest.raises(DiskFullError, match="at least 128 MiB are needed"):
        preconditions.check_room(small_disk)
