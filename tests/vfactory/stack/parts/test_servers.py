from pathlib import Path

import asyncpg
import pytest

from embedded import free_ports, make_folder
from vfactory.stack.configuration import PORTS, Configuration
from vfactory.stack.parts import postgres_server, valkey_server


async def select_one(url: str) -> object:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return await connection.fetchval("select 1")
    finally:
        await connection.close()


async def test_a_lost_password_of_the_database_is_replaced_by_a_new_one(tmp_path: Path) -> None:
    told = Configuration(home=tmp_path, ports=free_ports(PORTS))
    make_folder(told.logs)
    first = postgres_server(told)
    first.prepare()
    (tmp_path / "secrets" / "postgres").unlink()
    second = postgres_server(told)
    assert second.password != first.password
    second.start()
    assert await select_one(second.url()) == 1
    with pytest.raises(asyncpg.InvalidPasswordError):
        await select_one(first.url())
    second.stop()


def test_a_servers_port_and_log_are_as_configured(tmp_path: Path) -> None:
    told = Configuration(home=tmp_path, log_folder=tmp_path / "elsewhere", data_folder=tmp_path / "data")
    server = valkey_server(told)
    assert server.port == PORTS["valkey"]
    assert server.log_file == tmp_path / "elsewhere" / "valkey.log"
    assert server.directory == tmp_path / "data" / "valkey"
