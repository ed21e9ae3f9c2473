"""Drills break a real stack, and fall short where somebody is told late, wrongly, twice or not at all."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from monitoring.checks.rule_files import alerts
from monitoring.drills.drill import Drill, Result, perform
from monitoring.drills.receiver import Message
from monitoring.drills.stack import DrillStack, run_stack
from monitoring.grafana.generated_boards import boards
from monitoring.pictures.answers import Prometheus
from monitoring.pictures.drawing import draw

from monitoring.drills import __main__ as command
from monitoring.drills import drill, faults
from support import ROOT

DRILLS = {one.name: one for row in command.ROWS for one in row}
ALERT = {
    "annotations": {
        "summary": "PostgreSQL fails 12.5% of requests",
        "summary_ko": "PostgreSQL 요청의 12.5%가 실패",
        "description": "It is down.",
        "runbook_url": "https://runbooks/VFactoryDatabaseDown.md",
    }
}


def message(
    title: str, text: str = "It is down. <https://runbooks/VFactoryDatabaseDown.md|Runbook>"
) -> Message:
    attachment = {
        "title": title,
        "text": text,
        "title_link": "file:///docs/runbooks/VFactoryDatabaseDown.md",
    }
    return Message(0.0, "/slack", {"attachments": [attachment]})


# A moment after the alert was asked for.
TITLE = "[FIRING] CRITICAL postgres: PostgreSQL fails 13% of requests / PostgreSQL 요청의 13%가 실패"


@pytest.mark.parametrize("one", DRILLS.values(), ids=DRILLS)
def test_every_drill_is_about_an_alert_that_wakes_somebody(one: Drill) -> None:
    [rule] = [rule for rule in alerts(ROOT) if rule.name == one.alert]
    assert rule.labels["severity"] == "critical"
    assert rule.labels["service"] == one.service or "{{" in rule.labels["service"]


def test_a_message_with_the_right_words_is_right_also_with_a_later_figure() -> None:
    assert drill._wrong_words(message(TITLE), ALERT) == []


@pytest.mark.parametrize(
    ("said", "lacks"),
    [
        (message(TITLE.replace("CRITICAL", "WARNING")), "title lacks: CRITICAL"),
        (message(TITLE.partition(" / ")[0]), "title lacks: PostgreSQL 요청의"),
        (message(TITLE, "It is down."), "text lacks: https://runbooks"),
        (message(TITLE, "https://runbooks/VFactoryDatabaseDown.md"), "text lacks: It is down."),
    ],
)
def test_a_message_that_lacks_something_is_named(said: Message, lacks: str) -> None:
    [wrong] = drill._wrong_words(said, ALERT)
    assert lacks in wrong


def test_a_message_concerns_the_drill_of_its_alert_and_service() -> None:
    database = DRILLS["database"]
    assert database.concerns(message(TITLE))
    assert not database.concerns(message(TITLE.replace("postgres:", "redis:")))
    assert not DRILLS["redis"].concerns(message(TITLE))
    assert drill.is_firing(message(TITLE))
    assert not drill.is_firing(message(TITLE.replace("FIRING", "RESOLVED")))


def test_a_line_says_what_was_measured_and_what_fell_short() -> None:
    line = str(Result(DRILLS["database"], 22.4, 37.0, None, firing=1, shortcomings=["not told as over"]))
    assert "detected   22 s  notified   37 s  resolved      -" in line
    assert line.endswith("not told as over")
    assert str(Result(DRILLS["database"])).endswith("ok")


def test_an_unknown_drill_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["--only", "fire"])
    assert "there is no drill fire; choose from consumer, errors" in capsys.readouterr().err


@pytest.fixture(scope="module")
def stack() -> Iterator[DrillStack]:
    """A stack for drills."""
    with run_stack() as stack:
        yield stack


def test_a_stopped_database_is_detected_and_told_while_it_is_down_and_comes_back(
    stack: DrillStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drill, "INCIDENT_SECONDS", 1)  # it is open for minutes
    result = perform(stack, replace(DRILLS["database"], resolve_seconds=0))
    assert result.detected is not None
    assert result.notified is not None
    assert (result.firing, result.over) == (1, 0)
    assert "not told as over within 0 s" in result.shortcomings
    assert not [text for text in result.shortcomings if "lacks" in text or "/health" in text]
    assert stack.postgres.ask("SELECT 1") == "1"


def test_the_threshold_of_a_drill_is_taken_back(stack: DrillStack) -> None:
    path = stack.rules / "resources.yml"
    committed = path.read_text("utf-8")
    with faults.memory_threshold_lowered(stack):
        assert faults.MEMORY_OF_THE_DRILL in path.read_text("utf-8")
    assert path.read_text("utf-8") == committed


def test_a_board_is_drawn_from_what_prometheus_knows(stack: DrillStack, tmp_path: Path) -> None:
    [overview] = [board for board in boards(ROOT) if board.path.stem == "vfactory-overview"]
    prometheus = Prometheus.of_the_last(120, stack.part("prometheus").where)
    silent = draw(overview, prometheus, tmp_path / "board.png")
    assert (tmp_path / "board.png").read_bytes().startswith(b"\x89PNG")
    assert "Health checks" not in silent
    assert draw(overview, replace(prometheus, begin=0, end=60), tmp_path / "past.png") != []
