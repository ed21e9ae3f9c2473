from pathlib import Path

import pytest

from vfactory.stack.configuration import PORTS, Configuration, default_home, port_variable
from vfactory.stack.errors import SettingError


def test_everything_lies_below_the_home_unless_it_is_told_otherwise(tmp_path: Path) -> None:
    told = Configuration(home=tmp_path)
    assert (told.logs, told.data, told.store) == (tmp_path / "logs", tmp_path / "data", tmp_path / "assets")
    moved = Configuration(
        home=tmp_path, log_folder=Path("/l"), data_folder=Path("/d"), store_folder=Path("/s")
    )
    assert (moved.logs, moved.data, moved.store) == (Path("/l"), Path("/d"), Path("/s"))


def test_the_home_is_in_the_projects_folder() -> None:
    assert default_home() == Path(__file__).parents[3] / ".vfactory"


def test_two_parts_on_one_port_are_refused_with_both_settings(tmp_path: Path) -> None:
    ports = {**PORTS, "valkey": PORTS["factory-core-worker"]}
    with pytest.raises(SettingError) as error:
        Configuration(home=tmp_path, ports=ports)
    assert "VFACTORY_FACTORY_CORE_WORKER_PORT" in str(error.value)
    assert "VFACTORY_VALKEY_PORT" in str(error.value)


@pytest.mark.parametrize(
    "url", ["mysql://u:hunter2@h/d", "hunter2", "postgresql://", "postgresql://h:hunter2/d"]
)
def test_a_wrong_database_url_is_named_but_not_shown(url: str, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="DATABASE_URL must be an address") as error:
        Configuration(home=tmp_path, database_url=url)
    assert "hunter2" not in str(error.value)


def test_a_server_of_ones_own_takes_the_place_of_the_embedded_one(tmp_path: Path) -> None:
    told = Configuration(home=tmp_path, database_url="postgres://h/d", redis_url="rediss://h")
    assert set(told.parts()) == set(PORTS) - {"postgres", "valkey"}


@pytest.mark.parametrize(
    ("host", "reachable"),
    [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("10.1.2.3", "10.1.2.3")],  # noqa: S104
)
def test_a_service_that_listens_everywhere_is_asked_here(host: str, reachable: str, tmp_path: Path) -> None:
    assert Configuration(home=tmp_path, host=host).reachable_host == reachable


def test_every_port_has_a_variable() -> None:
    assert port_variable("factory-core-worker") == "VFACTORY_FACTORY_CORE_WORKER_PORT"
