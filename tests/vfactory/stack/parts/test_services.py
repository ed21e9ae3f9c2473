from pathlib import Path

import pytest

from vfactory.stack.configuration import PORTS, POSTGRES, VALKEY, Configuration
from vfactory.stack.parts import SERVICES, Surroundings
from vfactory.stack.parts.services import Service, service_environment, service_url

HOME = Path("/home/of/the/stack")
AROUND = Surroundings("postgresql://u:p@h:1/d", "redis://:p@h:2/0", HOME / "secrets/auth")
FACTORY_CORE, INCIDENT_EVENT, ASSET_MANAGEMENT = SERVICES
COMMON = {
    "PATH",
    "LANG",
    "HOME",
    "SERVICE_NAME",
    "LOG_LEVEL",
    "DATABASE_URL",
    "AUTH_SECRET_FILE",
    "DRAIN_SECONDS",
    "SHUTDOWN_SECONDS",
}


@pytest.mark.parametrize(
    ("service", "name", "more"),
    [
        (FACTORY_CORE, "factory-core", {"REDIS_URL", "HOST", "PORT"}),
        (FACTORY_CORE, "factory-core-worker", {"REDIS_URL", "HOST", "PORT"}),
        (FACTORY_CORE, "factory-core-migrate", {"REDIS_URL"}),
        (INCIDENT_EVENT, "incident-event", {"REDIS_URL", "HOST", "PORT", "INCIDENT_EVENT_FACTORY_CORE_URL"}),
        (ASSET_MANAGEMENT, "asset-management", {"HOST", "PORT", "ASSET_MANAGEMENT_STORE_DIR"}),
    ],
)
def test_a_process_gets_exactly_its_variables(service: Service, name: str, more: set[str]) -> None:
    variables = service_environment(service, name, Configuration(home=HOME), AROUND)
    assert set(variables) == COMMON | more


def test_the_variables_say_where_things_are() -> None:
    variables = service_environment(FACTORY_CORE, "factory-core-worker", Configuration(home=HOME), AROUND)
    assert variables["PORT"] == "8011"
    assert variables["SERVICE_NAME"] == "factory-core"
    assert variables["AUTH_SECRET_FILE"] == str(HOME / "secrets/auth")
    assert variables["DRAIN_SECONDS"] == "0"


def test_a_service_gets_the_variables_with_its_own_prefix_and_those_of_tracing_and_no_other() -> None:
    passed_on = {
        "INCIDENT_EVENT_FACTORY_CORE_URL": "http://elsewhere",
        "INCIDENT_EVENT_X": "1",
        "FACTORY_CORE_Y": "2",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318",
        "SECRET": "3",
    }
    told = Configuration(home=HOME, passed_on=passed_on)
    variables = service_environment(INCIDENT_EVENT, "incident-event", told, AROUND)
    assert variables["INCIDENT_EVENT_X"] == "1"
    assert variables["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://collector:4318"
    assert variables["INCIDENT_EVENT_FACTORY_CORE_URL"] == "http://elsewhere"
    assert "FACTORY_CORE_Y" not in variables
    assert "SECRET" not in variables


def test_every_process_has_a_port_and_every_port_an_owner() -> None:
    names = {name for service in SERVICES for name in service.processes()}
    assert names | {POSTGRES, VALKEY} == set(PORTS)


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert service_url(Configuration(home=HOME, host="::"), "factory-core") == "http://[::1]:8001"
