import os
import socket
from unittest.mock import Mock

import pytest

from embedded import AddressError, PortForbiddenError, free_port, free_ports, is_port_free, port_holder


def test_a_free_port_can_be_listened_on_and_is_taken_then() -> None:
    port = free_port()
    assert is_port_free(port)
    with socket.create_server(("127.0.0.1", port)):
        assert not is_port_free(port)
    assert is_port_free(port)


def test_free_ports_are_never_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    found = iter([20_001, 20_001, 20_002, 20_001, 20_003])
    monkeypatch.setattr("embedded.ports.free_port", lambda: next(found))
    assert free_ports(["a", "b", "c"]) == {"a": 20_001, "b": 20_002, "c": 20_003}


def test_the_holder_of_a_port_is_named_with_its_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        described = port_holder(server.getsockname()[1])
    assert described is not None
    assert described.endswith(f"process {os.getpid()}")


def test_a_port_that_nobody_listens_on_has_no_holder() -> None:
    assert port_holder(free_port()) is None


def test_a_port_taken_on_every_address_is_not_free_on_one() -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:  # noqa: S104
        assert not is_port_free(server.getsockname()[1])


def test_an_address_of_another_machine_is_not_called_taken() -> None:
    with pytest.raises(AddressError, match=r'^"10\.255\.255\.1": not an address of this machine'):
        is_port_free(free_port(), "10.255.255.1")


def test_a_port_that_only_root_may_use_is_not_called_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.socket.bind", Mock(side_effect=PermissionError(13, "Permission denied")))
    with pytest.raises(PortForbiddenError, match="Only root may listen on port 80"):
        is_port_free(80)
