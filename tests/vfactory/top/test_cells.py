from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest

from vfactory.stack.monitoring import Alert
from vfactory.top.cells import (
    COLUMNS,
    HEADERS,
    UNKNOWN,
    Level,
    cells,
    heading,
    in_order,
    problems,
    rate,
    remark,
    remarks,
    seconds,
    servers,
    short,
)
from vfactory.top.figures import Figures
from vfactory.top.text import text
from vfactory.top.view import Row, Server, View

NOON = datetime(2026, 1, 15, 12, 0, 3, tzinfo=UTC)
HEALTHY = Row(name="factory-core", condition="healthy", figures=Figures(request_rate=1.5))
SILENT = Row(name="incident-event", condition="silent", detail="nobody listens", last_answer=NOON)
ALERT = Alert("VFactoryTargetDown", "critical", "incident-event", "firing", NOON, "It is\x1b[2J down.", "")
VIEW = View(home="/plant", at=NOON, state="running", rows=(HEALTHY, SILENT), alerts=())


def level(title: str, figures: Figures) -> Level:
    return next(column for column in COLUMNS if column.title == title).cell(figures).level


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "0"),
        (0.001, "<0.01"),
        (0.0123, "0.012"),
        (1.26, "1.3"),
        (9.94, "9.9"),
        (9.96, "10"),
        (12345, "12345"),
    ],
)
def test_numbers_are_short(value: float, written: str) -> None:
    assert short(value) == written


def test_units_are_written_beside_the_number() -> None:
    assert rate(2.5) == "2.5/s"
    assert seconds(0.0031) == "3.1 ms"
    assert seconds(1.25) == "1.2 s"


def test_what_is_unknown_is_a_dash_in_every_column() -> None:
    assert {column.cell(Figures()).text for column in COLUMNS} == {UNKNOWN}


def test_every_figure_is_shown_or_decides_how_bad_another_is() -> None:
    everything = Figures(**dict.fromkeys((field.name for field in fields(Figures)), 1.0))
    shown = [column.cell(everything) for column in COLUMNS]
    for field in fields(Figures):
        without = replace(everything, **{field.name: None})
        assert [column.cell(without) for column in COLUMNS] != shown, field.name


@pytest.mark.parametrize(
    ("title", "figures", "expected"),
    [
        ("5xx", Figures(server_error_ratio=0.009), Level.PLAIN),
        ("5xx", Figures(server_error_ratio=0.01), Level.WARNING),
        ("5xx", Figures(server_error_ratio=0.05), Level.BAD),
        ("p99", Figures(p99_seconds=1.0), Level.WARNING),
        ("CPU", Figures(cpu_cores=1.9), Level.PLAIN),
        ("CPU", Figures(cpu_cores=1.9, cpu_limit_ratio=0.95), Level.BAD),
        ("memory", Figures(memory_bytes=1, memory_limit_ratio=0.8), Level.WARNING),
        ("DB in use", Figures(connections_in_use=17, connections_limit=20), Level.PLAIN),
        ("DB in use", Figures(connections_in_use=18, connections_limit=20), Level.WARNING),
        ("lag", Figures(lag_events=1000), Level.BAD),
    ],
)
def test_figures_are_to_worry_about_from_where_alerts_fire(
    title: str, figures: Figures, expected: Level
) -> None:
    assert level(title, figures) is expected


def test_every_colour_has_its_sign() -> None:
    signs = [known.value for known in Level if known is not Level.PLAIN]
    assert all(signs)
    assert len(set(signs)) == len(signs)


def test_a_silent_process_says_since_when_and_shows_no_figure() -> None:
    line = [str(cell) for cell in cells(SILENT, VIEW)]
    assert line[1] == "✖ no answer"
    assert line[-1] == "nobody listens; last answer 12:00:03Z"
    assert set(line[2:-2]) == {UNKNOWN}
    assert len(line) == len(HEADERS)
    assert remark(replace(SILENT, last_answer=None)) == "nobody listens"


def test_alerts_are_counted_beside_their_service_with_the_sign_of_the_worst() -> None:
    firing = replace(VIEW, alerts=(ALERT, replace(ALERT, severity="warning")))
    assert str(cells(SILENT, firing)[-2]) == "✖ 2"
    assert str(cells(HEALTHY, firing)[-2]) == "0"
    assert str(cells(SILENT, replace(VIEW, alerts=None))[-2]) == UNKNOWN


def test_no_alert_is_told_as_such_and_an_unknown_one_is_not() -> None:
    assert [str(line) for line in remarks(VIEW)] == ["Nothing fires."]
    unknown = replace(VIEW, alerts=None, notes=("Alertmanager does not answer.",))
    assert [str(line) for line in remarks(unknown)] == ["Alertmanager does not answer."]


def test_what_is_wrong_comes_first_and_names_its_severity() -> None:
    bad = replace(VIEW, rows=(HEALTHY, SILENT), alerts=(ALERT,))
    silent, alert = map(str, problems(bad))
    assert silent == f"✖ {SILENT.name}  no answer  nobody listens; last answer 12:00:03Z"
    assert alert.startswith(f"✖ critical  {ALERT.name}  ")
    assert in_order(bad) == [SILENT, HEALTHY]
    written = text(bad)
    assert written.index("nobody listens") < written.index("VFactoryTargetDown") < written.index("DB open")
    assert problems(replace(VIEW, rows=(HEALTHY,))) == []


def test_what_others_have_written_cannot_steer_the_terminal() -> None:
    written = text(replace(VIEW, alerts=(ALERT,), rows=(replace(SILENT, detail="a\x1b[2Jb\nc"),)))
    assert "\x1b" not in written
    assert "a [2Jb c" in written
    assert "VFactoryTargetDown" in written


def test_servers_that_are_silent_are_named() -> None:
    known = tuple(Server(name=name, answers=name != "valkey") for name in ("postgres", "valkey"))
    assert [str(cell) for cell in servers(replace(VIEW, servers=known))] == [
        "✖ valkey does not answer",
        "✔ 1 databases and monitors answer",
    ]


def test_the_heading_says_where_figures_come_from_and_of_when_they_are() -> None:
    assert heading(VIEW) == "V-Factory in /plant · 12:00:03Z · from /metrics of every process, no rates yet"
    monitored = replace(VIEW, source="prometheus", window_seconds=300.0)
    assert heading(monitored).endswith("from Prometheus, rates over 300 s")
    assert "is stopping" in heading(replace(VIEW, state="stopping"))
    assert "vfactory up" in heading(replace(VIEW, state="stopped"))
