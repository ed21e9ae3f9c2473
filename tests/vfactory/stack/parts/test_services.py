import json
from dataclasses import replace
from pathlib import Path

import pytest

from utils.auth import Role
from vfactory.stack.configuration import PORTS, POSTGRES, VALKEY, Configuration
from vfactory.stack.parts import SERVICES, Surroundings
from vfactory.stack.parts.services import Service, service_environment, service_url
from vfactory.stack.state import Issuers

HOME = Path("/home/of/the/stack")
ISSUERS = Issuers(HOME / "keys/command.pem", HOME / "keys/worker.pem", HOME / "secrets/worker-key")
URLS = {service.name: f"postgresql://{service.name}:p@h:1/d" for service in SERVICES}
AROUND = Surroundings(URLS, "redis://:p@h:2/0", ISSUERS, HOME / "secrets/stream-key")
FACTORY_CORE, INCIDENT_EVENT, ASSET_MANAGEMENT = SERVICES
COMMON = {
    "PATH",
    "LANG",
    "HOME",
    "SERVICE_NAME",
    "LOG_LEVEL",
    "DATABASE_URL",
    "AUTH_ISSUERS",
    "DRAIN_SECONDS",
    "SHUTDOWN_SECONDS",
}


@pytest.mark.parametrize(
    ("service", "name", "more"),
    [
        (FACTORY_CORE, "factory-core", {"REDIS_URL", "STREAM_KEY_FILE", "HOST", "PORT"}),
        (FACTORY_CORE, "factory-core-worker", {"REDIS_URL", "STREAM_KEY_FILE", "HOST", "PORT"}),
        (FACTORY_CORE, "factory-core-migrate", {"REDIS_URL", "STREAM_KEY_FILE"}),
        (
            INCIDENT_EVENT,
            "incident-event",
            {
                *("REDIS_URL", "STREAM_KEY_FILE", "HOST", "PORT"),
                *("INCIDENT_EVENT_FACTORY_CORE_URL", "INCIDENT_EVENT_SERVICE_KEY_FILE"),
                "INCIDENT_EVENT_ALERTMANAGER_URLS",
            },
        ),
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
    assert variables["DATABASE_URL"] == URLS["factory-core"]
    assert variables["DRAIN_SECONDS"] == "0"


@pytest.mark.parametrize("service", SERVICES)
def test_only_factory_core_accepts_the_workers_tokens_and_only_as_a_service(service: Service) -> None:
    variables = service_environment(service, service.name, Configuration(home=HOME), AROUND)
    trusted = json.loads(variables["AUTH_ISSUERS"])
    command = {"issuer": "vfactory", "roles": list(Role), "keys_file": str(ISSUERS.command_keys)}
    worker = {"issuer": "incident-event-worker", "roles": ["service"], "keys_file": str(ISSUERS.worker_keys)}
    assert trusted == ([command, worker] if service is FACTORY_CORE else [command])


@pytest.mark.parametrize("service", SERVICES)
def test_no_process_but_incident_events_gets_a_private_key(service: Service) -> None:
    variables = service_environment(service, service.name, Configuration(home=HOME), AROUND)
    assert (str(ISSUERS.worker_key) in variables.values()) == (service is INCIDENT_EVENT)


def test_the_secret_of_an_earlier_release_is_passed_on() -> None:
    kept = replace(AROUND, issuers=replace(ISSUERS, shared_secret=HOME / "secrets/auth"))
    variables = service_environment(FACTORY_CORE, "factory-core", Configuration(home=HOME), kept)
    assert variables["AUTH_SECRET_FILE"] == str(HOME / "secrets/auth")


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
