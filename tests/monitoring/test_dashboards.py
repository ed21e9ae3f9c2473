"""Dashboards as code: fresh, fixed, the same each time, with what the guide and a control room look for."""

import json
from dataclasses import replace
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.models import dashboard as models
from monitoring.grafana.board import Board, Panel, Row, query
from monitoring.grafana.dashboards import BOARDS
from monitoring.grafana.generate import RUNBOOKS, dashboards, render
from monitoring.grafana.generated_boards import DrawnBoard, boards
from monitoring.grafana.variables import UnknownVariableError, any_of, intervals, names_in, put_in

from support import ROOT

DRAWN = {board.path.stem: board for board in boards(ROOT)}
UIDS = ("overview", "endpoints", "dependencies", "resources", "slo", "factory", "logs", "monitoring")


def test_the_committed_json_is_that_of_the_boards_and_nothing_else() -> None:
    assert [board.uid for board in BOARDS] == [f"vfactory-{uid}" for uid in UIDS]
    assert {board.path.relative_to(ROOT) for board in DRAWN.values()} == set(dashboards())
    for path, text in dashboards().items():
        assert (ROOT / path).read_text("utf-8") == text


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_a_board_is_drawn_the_same_each_time_loads_and_cannot_be_edited(board: Board) -> None:
    text = render(board)
    assert text == render(board)
    loaded = models.Dashboard.from_json(json.loads(text))
    assert (loaded.uid, loaded.title, loaded.editable) == (board.uid, board.title, False)
    assert len(loaded.panels or []) == len(board.rows) + len(board.panels)


def test_addresses_and_titles_are_unique() -> None:
    for names in ([board.uid for board in BOARDS], [board.title for board in BOARDS]):
        assert len(set(names)) == len(names)
    for board in BOARDS:
        titles = [(row.title, panel.title) for row in board.rows for panel in row.panels]
        assert len(set(titles)) == len(titles)


def test_every_board_is_a_configmap_in_kubernetes() -> None:
    text = (ROOT / "monitoring/grafana/generated/kustomization.yaml").read_text("utf-8")
    assert [board.uid for board in BOARDS if f"files: [{board.uid}.json]" not in text] == []


TINY = Board(
    "tiny", "Tiny", "Nothing much.", (Row("Only", (Panel("One", "A figure.", "short", query("up")),)),)
)


def variables(board: Board) -> list[str]:
    return [one["name"] for one in json.loads(render(board))["templating"]["list"]]


def with_panel(**changes: Any) -> Board:
    [row] = TINY.rows
    return replace(TINY, rows=(replace(row, panels=(replace(row.panels[0], **changes),)),))


def test_a_board_has_the_variables_that_its_panels_use() -> None:
    assert variables(TINY) == ["datasource", "service"]
    assert variables(with_panel(runbooks=("VFactoryTargetDown",)))[-1] == "runbooks"
    assert variables(with_panel(queries=query('up{instance=~"$instance"}')))[-1] == "instance"
    assert variables(with_panel(source="loki", kind="logs")) == ["datasource", "loki", "service"]


def test_a_panel_that_may_be_empty_says_why() -> None:
    [_, panel] = json.loads(render(with_panel(empty="there is no replica")))["panels"]
    assert panel["description"] == "A figure. (May be empty: there is no replica.)"


def test_panels_flow_into_lines_of_24_columns() -> None:
    [row] = TINY.rows
    wide = replace(
        TINY, rows=(replace(row, panels=tuple(replace(row.panels[0], width=10) for _ in range(3))),)
    )
    places = [panel.place for panel in DrawnBoard(ROOT, json.loads(render(wide))).panels]
    assert places == [(0, 1, 10, 7), (10, 1, 10, 7), (0, 8, 10, 7)]


SHOWN = {
    "overview": (
        "Requests by service",
        "Requests by status code",
        "Client errors (4xx)",
        "Server errors (5xx)",
        "Mean response time (평균 응답 시간)",
        "Response time, p50, p95 and p99",
        "Alerts that fire",
    ),
    "endpoints": (
        "p99 by endpoint",
        "Mean by endpoint",
        "Server errors by endpoint",
        "Refused requests by endpoint",
    ),
    "dependencies": ("Connections of each process", "Connections in PostgreSQL", "Reachable"),
    "resources": (
        "CPU by process (CPU 사용률)",
        "Memory by process (메모리 사용률)",
        "Pod restarts (Pod 재시작)",
    ),
    "slo": ("Budget left: factory-core-availability", "Burn rate: incident-event-detection"),
    "factory": (
        "Accepted, repeated, refused",
        "Consumer lag",
        "Sources",
        "Open incidents by severity",
        "Event streams",
    ),
    "logs": ("Lines by level", "Errors and worse", "All lines"),
    "monitoring": ("Targets up by job", "Duration of rule groups", "Notifications", "Watchdog"),
}


@pytest.mark.parametrize("uid", UIDS)
def test_what_one_looks_for_is_there(uid: str) -> None:
    assert {panel.title for panel in DRAWN[f"vfactory-{uid}"].panels} >= set(SHOWN[uid])


def test_runbooks_are_where_the_alerts_say_that_they_are() -> None:
    for name in ("prometheus", "prometheus.kubernetes"):
        committed = yaml.safe_load((ROOT / f"monitoring/prometheus/{name}.yml").read_text("utf-8"))
        assert committed["global"]["external_labels"]["runbooks_url"] == RUNBOOKS


def test_variables_are_put_in_as_grafana_does() -> None:
    values = {"a": "1", "b": "2"}
    assert put_in("$a ${b} ${b:regex} $$", values) == "1 2 2 $$"
    assert names_in("$a ${b:queryparam} c") == {"a", "b"}
    with pytest.raises(UnknownVariableError, match=r"\$c"):
        put_in("$c", values)
    assert any_of(["10.0.0.1:8000"]) == r"10\\.0\\.0\\.1:8000"
    assert any_of(["x", "y"]) == "(x|y)"


@pytest.mark.parametrize(("step", "rate"), [(15, "60s"), (60, "75s"), (300, "315s")])
def test_a_rates_window_has_at_least_four_scrapes_and_leaves_no_sample_out(step: float, rate: str) -> None:
    assert intervals(step, 15, 3600)["__rate_interval"] == rate
