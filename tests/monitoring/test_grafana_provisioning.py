"""A Grafana that starts with the provisioning files has what the dashboards ask for, and nobody edits it."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from monitoring.grafana.generated_boards import FOLDER, boards
from monitoring.logs.golden import golden_lines

from support import ROOT

PROVISIONING = "monitoring/grafana/provisioning"
VARIABLE = "var-"


def read(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text("utf-8"))


SOURCES = {one["uid"]: one for one in read(f"{PROVISIONING}/datasources/v-factory.yml")["datasources"]}
[PROVIDER] = read(f"{PROVISIONING}/dashboards/v-factory.yml")["providers"]
COMPOSE = read("compose.yaml")["services"]
BOARDS = {board.path.stem: board for board in boards(ROOT)}


def links() -> list[str]:
    """Where exemplars and lines lead to."""
    exemplars = SOURCES["prometheus"]["jsonData"]["exemplarTraceIdDestinations"]
    return [one["url"] for one in (*exemplars, *SOURCES["loki"]["jsonData"]["derivedFields"])]


@pytest.mark.parametrize("board", BOARDS.values(), ids=lambda board: board.path.stem)
def test_a_dashboards_sources_are_at_first_the_provisioned_ones(board: Any) -> None:
    chosen = [one for one in board.variables.values() if one["type"] == "datasource"]
    assert chosen
    for variable in chosen:
        assert SOURCES[variable["current"]["value"]]["type"] == variable["query"]


def test_there_is_one_default_and_nothing_can_be_edited() -> None:
    assert [uid for uid, one in SOURCES.items() if one.get("isDefault")] == ["prometheus"]
    assert [uid for uid, one in SOURCES.items() if one["editable"] is not False] == []
    assert PROVIDER["allowUiUpdates"] is False
    assert PROVIDER["disableDeletion"] is True


def test_sources_are_where_the_others_say_that_they_are() -> None:
    assert {urlsplit(one["url"]).hostname for one in SOURCES.values()} <= set(COMPOSE)
    jobs = {job["job_name"]: job for job in read("monitoring/prometheus/prometheus.yml")["scrape_configs"]}
    [alertmanager] = jobs["v-factory-alertmanager"]["static_configs"][0]["targets"]
    assert SOURCES["alertmanager"]["url"] == f"http://{alertmanager}"
    [prometheus] = jobs["v-factory-prometheus"]["static_configs"][0]["targets"]
    assert urlsplit(SOURCES["prometheus"]["url"]).port == int(prometheus.rpartition(":")[2])
    loki = read("monitoring/logs/loki/loki.yml")["server"]["http_listen_port"]
    assert urlsplit(SOURCES["loki"]["url"]).port == loki


def test_compose_mounts_the_provisioning_and_the_dashboards_where_grafana_looks_for_them() -> None:
    mounts = COMPOSE["grafana"]["volumes"]
    assert f"./{PROVISIONING}:/etc/grafana/provisioning:ro" in mounts
    assert f"./{FOLDER}:{PROVIDER['options']['path']}:ro" in mounts


def test_prometheus_is_asked_as_often_as_it_scrapes() -> None:
    committed = read("monitoring/prometheus/prometheus.yml")["global"]["scrape_interval"]
    assert SOURCES["prometheus"]["jsonData"]["timeInterval"] == committed


@pytest.mark.parametrize("field", ["request_id", "trace_id"])
def test_a_line_leads_to_the_lines_of_its_request_and_trace(field: str) -> None:
    [derived] = [one for one in SOURCES["loki"]["jsonData"]["derivedFields"] if one["name"] == field]
    lines = [(line.line.decode(), (line.fields or {}).get(field)) for line in golden_lines() if line.fields]
    with_it = [(line, value) for line, value in lines if isinstance(value, str)]
    assert with_it
    for line, value in with_it:
        found = re.search(derived["matcherRegex"], line)
        assert found is not None
        assert found[1] == value


@pytest.mark.parametrize("link", links())
def test_links_fill_a_variable_of_a_dashboard_with_what_was_clicked(link: str) -> None:
    address = urlsplit(link)
    board = BOARDS[address.path.rpartition("/")[2]]
    [(name, values)] = parse_qs(address.query).items()
    assert name.removeprefix(VARIABLE) in board.variables
    assert values == ["$${__value.raw}"]
