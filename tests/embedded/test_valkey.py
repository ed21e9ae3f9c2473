import os
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError
from redis.retry import Retry

from embedded import PortTakenError, ServerFailedError, ValkeyServer, free_port


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ValkeyServer]:
    server = ValkeyServer(tmp_path / "a b", port=free_port(), password="secret")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def client(server: ValkeyServer) -> Iterator[Redis]:
    with Redis.from_url(server.url()) as client:
        yield client


def test_it_appends_to_disk_and_never_evicts(client: Redis) -> None:
    assert client.config_get("appendonly") == {"appendonly": "yes"}
    assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    assert client.config_get("bind") == {"bind": "127.0.0.1"}


def test_it_asks_for_the_password_and_nobody_else_can_read_it(server: ValkeyServer) -> None:
    with Redis(port=server.port, retry=Retry(NoBackoff(), 0)) as stranger, pytest.raises(AuthenticationError):
        stranger.ping()
    assert stat.S_IMODE(server.configuration.stat().st_mode) == 0o600
    assert "secret" not in " ".join(server.program().command)


@pytest.mark.parametrize("odd", ['h"d', "h'd", "h\\d", "h\nd", "h#d", "하 d"])
def test_folder_and_password_may_hold_any_character(tmp_path: Path, odd: str) -> None:
    with (
        ValkeyServer(tmp_path / odd, port=free_port(), password=odd) as server,
        Redis.from_url(server.url()) as client,
    ):
        assert client.config_get("dir") == {"dir": str(tmp_path / odd)}
        client.set("kept", "yes")
        assert list(server.files.iterdir())


def test_data_survives_an_orderly_restart(server: ValkeyServer, client: Redis) -> None:
    client.set("kept", "yes")
    server.stop()
    server.start()
    assert client.get("kept") == b"yes"


def test_an_append_only_file_cut_short_by_a_kill_is_read_up_to_there(
    server: ValkeyServer, client: Redis
) -> None:
    client.set("kept", "yes")
    client.set("cut", "off")
    server.stop()
    (file,) = server.files.glob("*.incr.aof")
    os.truncate(file, file.stat().st_size - 3)
    server.start()
    assert (client.get("kept"), client.get("cut")) == (b"yes", None)


def test_a_damaged_append_only_file_is_set_aside_and_it_starts_empty(
    server: ValkeyServer, client: Redis
) -> None:
    client.set("kept", "yes")
    server.stop()
    (file,) = server.files.glob("*.incr.aof")
    damaged = b"nonsense" * 10 + file.read_bytes()
    file.write_bytes(damaged)
    server.start()
    assert client.dbsize() == 0
    (aside,) = server.directory.glob("damaged-*")
    assert (aside / file.name).read_bytes() == damaged
    server.stop()
    server.start()
    assert len(list(server.directory.glob("damaged-*"))) == 1


def test_an_orphan_in_the_same_folder_is_ended(server: ValkeyServer) -> None:
    ours = ValkeyServer(server.directory, port=free_port(), password="secret")
    ours.start()
    assert server.process is not None
    assert server.process.wait(10) == 0
    ours.stop()


def test_a_killed_server_starts_again(server: ValkeyServer, client: Redis) -> None:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    server.start()
    assert client.ping()


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"Port {port} for Valkey"):
            ValkeyServer(tmp_path, port=port, password="secret").start()


def test_a_wrong_setting_ends_the_start_with_what_the_server_said(tmp_path: Path) -> None:
    server = ValkeyServer(tmp_path, port=free_port(), password="secret", settings={"appendfsync": "perhaps"})
    with pytest.raises(ServerFailedError, match="argument"):
        server.start()
