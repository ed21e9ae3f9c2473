"""What people read in Slack and PagerDuty, as Alertmanager itself renders it."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from support import ROOT
from vfactory.stack.programs import AMTOOL, require_programs
from vfactory.stack.state import state_directory

FOLDER = ROOT / "monitoring/alertmanager"
GOLDEN = Path(__file__).parent / "golden"
LANGUAGES = ("both", "english", "korean")
NAMES = ("title", "text", "color", "runbook_url", "dashboard_url")
RUNBOOKS = "https://runbooks.example"
SLACKS_LIMIT = 4000


@pytest.fixture(scope="module")
def amtool() -> str:
    """The program."""
    return str(require_programs([AMTOOL], state_directory())[AMTOOL])


def alert(name: str, summary: str, summary_ko: str, **changes: Any) -> dict[str, Any]:
    ended = changes.get("status") == "resolved"
    return {
        "status": "firing",
        "labels": {"alertname": name, "severity": "critical", "service": "postgres"},
        "annotations": {
            "summary": summary,
            "summary_ko": summary_ko,
            "description": "No service reaches PostgreSQL (measured 0 of 1): readings wait at their senders.",
            "runbook_url": f"{RUNBOOKS}/{name}.md",
            "dashboard_url": "https://dashboards.example/d/vfactory-dependencies",
        },
        "startsAt": "2026-01-15T10:30:00.123Z",
        "endsAt": "2026-01-15T10:41:07Z" if ended else "0001-01-01T00:00:00Z",
        **changes,
    }


def group(*alerts: dict[str, Any]) -> dict[str, Any]:
    def common(key: str) -> dict[str, str]:
        first = alerts[0][key]
        return {
            name: text for name, text in first.items() if all(one[key].get(name) == text for one in alerts)
        }

    return {
        "receiver": "slack-platform",
        "status": "firing" if any(one["status"] == "firing" for one in alerts) else "resolved",
        "alerts": alerts,
        "groupLabels": common("labels"),
        "commonLabels": common("labels"),
        "commonAnnotations": common("annotations"),
        "externalURL": "http://alertmanager.example",
    }


def render(amtool: str, tmp_path: Path, data: dict[str, Any], name: str, language: str = "both") -> str:
    file = tmp_path / "data.json"
    file.write_text(json.dumps(data), "utf-8")
    done = subprocess.run(
        [
            *(amtool, "template", "render", "--no-version-check"),
            *(f"--template.glob={FOLDER}/templates/{part}.tmpl" for part in ("messages", language)),
            f'--template.text={{{{ template "vfactory.{name}" . }}}}',
            f"--template.data={file}",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.removesuffix("\n")


DOWN = alert("VFactoryDatabaseDown", "PostgreSQL is down", "PostgreSQL에 연결할 수 없습니다")
OVER = {**DOWN, "status": "resolved", "endsAt": "2026-01-15T10:41:07Z"}
CASES = {
    "firing": group(DOWN),
    "resolved": group(OVER),
    "several": group(*[DOWN] * 4, OVER),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_messages_are_as_agreed(amtool: str, tmp_path: Path, language: str) -> None:
    shown = [
        f"--- {case}: {name}\n{render(amtool, tmp_path, data, name, language)}\n"
        for case, data in CASES.items()
        for name in NAMES
    ]
    golden = GOLDEN / f"alertmanager_messages.{language}.txt"
    assert "".join(shown) == golden.read_text("utf-8")


def test_the_configuration_takes_the_messages_and_one_language() -> None:
    text = (FOLDER / "alertmanager.yml").read_text("utf-8")
    assert "  - templates/messages.tmpl\n  - templates/both.tmpl\n" in text
    assert {path.stem for path in (FOLDER / "templates").iterdir()} == {"messages", *LANGUAGES}


def defined(language: str) -> set[str]:
    text = (FOLDER / f"templates/{language}.tmpl").read_text("utf-8")
    return {part.split('"')[1] for part in text.split("{{ define ")[1:]}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_every_word(language: str) -> None:
    assert defined(language) == defined("both")


def huge(number: int) -> dict[str, Any]:
    long = alert(f"VFactoryLong{number}", "s" * 5000, "요" * 5000)
    return {**long, "annotations": {**long["annotations"], "description": "d" * 50_000}}


@pytest.mark.parametrize("count", [1, 3, 100])
def test_no_message_grows_beyond_what_slack_takes(amtool: str, tmp_path: Path, count: int) -> None:
    many = group(*(huge(number) for number in range(count)))
    for language in LANGUAGES:
        text = render(amtool, tmp_path, many, "text", language)
        assert len(text) <= SLACKS_LIMIT
        assert ("100" in text) == (count == 100)
        assert len(render(amtool, tmp_path, many, "title", language)) <= 1024


HOSTILE: Sequence[str] = ("<!channel>", "<https://evil.example|Runbook>", "</script>")


@pytest.mark.parametrize("quoted", HOSTILE)
def test_what_an_alert_quotes_is_text_and_nothing_else(amtool: str, tmp_path: Path, quoted: str) -> None:
    bad = alert("VFactoryReadingsRejected", f"From {quoted}", f"{quoted}에서")
    bad["annotations"]["description"] = f"The source {quoted} sends nonsense."
    for name in ("title", "text"):
        shown = render(amtool, tmp_path, group(bad), name)
        assert quoted not in shown
        assert (
            quoted.replace("<", "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}").replace(
                ">", "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"
            )
            in shown
        )
