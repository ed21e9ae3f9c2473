"""The compose file names what there is, and hardens what it starts."""

import json
from typing import Any

import pytest
import yaml

from support import ROOT
from support.manifests.built import SERVICES, WORKERS

COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
PROCESSES = [*SERVICES, *WORKERS]
GRAFANA = ROOT / "monitoring/grafana/provisioning"
# Written by deploy/compose/prepare.
MADE = "./deploy/compose/secrets"


@pytest.mark.parametrize("name", sorted(COMPOSE["services"]))
def test_every_file_that_is_mounted_is_there(name: str) -> None:
    mounts = [volume.split(":")[0] for volume in COMPOSE["services"][name].get("volumes", [])]
    files = [path for path in mounts if path.startswith("./") and not path.startswith(MADE)]

    assert [path for path in files if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("name", PROCESSES)
def test_our_processes_write_nowhere_and_may_do_nothing(name: str) -> None:
    process = COMPOSE["services"][name]

    assert process["read_only"] is True
    assert process["cap_drop"] == ["ALL"]
    assert process["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("service", SERVICES)
def test_services_have_the_guides_host_names(service: str) -> None:
    assert COMPOSE["services"][service]["networks"]["plant"]["aliases"] == [f"{service}-service"]


@pytest.mark.parametrize("name", PROCESSES)
def test_processes_wait_for_their_services_migration(name: str) -> None:
    migration = f"{name.removesuffix('-worker')}-migrate"

    assert COMPOSE["services"][name]["depends_on"] == {
        migration: {"condition": "service_completed_successfully"}
    }


def test_ports_are_published_on_the_loopback_only() -> None:
    published = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]

    assert published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


def test_grafana_has_a_datasource_of_every_type_the_dashboards_choose_from() -> None:
    files = (ROOT / "monitoring/grafana/generated").glob("*.json")
    dashboards: list[dict[str, Any]] = [json.loads(path.read_text("utf-8")) for path in files]
    wanted = {
        variable["query"]
        for dashboard in dashboards
        for variable in dashboard["templating"]["list"]
        if variable["type"] == "datasource"
    }
    sources = yaml.safe_load((GRAFANA / "datasources/v-factory.yml").read_text("utf-8"))["datasources"]
    [provider] = yaml.safe_load((GRAFANA / "dashboards/v-factory.yml").read_text("utf-8"))["providers"]
    mounts = COMPOSE["services"]["grafana"]["volumes"]

    assert wanted
    assert {source["type"] for source in sources} >= wanted
    assert all(source["url"].split("/")[2].split(":")[0] in COMPOSE["services"] for source in sources)
    assert f"./monitoring/grafana/generated:{provider['options']['path']}:ro" in mounts
