"""The laptop's configurations are the committed ones with other targets."""

from pathlib import Path
from typing import Any

import pytest

from vfactory.stack.errors import PartFailedError
from vfactory.stack.monitoring import configuration_folder, rendering

FOLDER = configuration_folder()
ADDRESSES = {name: f"127.0.0.1:{20_000 + number}" for number, name in enumerate(rendering.HOSTS.values())}


@pytest.fixture
def committed() -> dict[str, Any]:
    return rendering.read(FOLDER / "prometheus/prometheus.yml")


def without_targets(value: Any) -> Any:
    """The document with every address, committed or rendered, made the same."""
    if isinstance(value, dict):
        return {key: without_targets(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_targets(inner) for inner in value]
    return "an address" if value in {*rendering.HOSTS, *ADDRESSES.values()} else value


def test_the_jobs_differ_in_their_targets_only(committed: dict[str, Any]) -> None:
    rendered = rendering.prometheus(committed, ADDRESSES, FOLDER)
    assert rendered["scrape_configs"] != committed["scrape_configs"]
    assert without_targets(rendered["scrape_configs"]) == without_targets(committed["scrape_configs"])
    assert without_targets(rendered["alerting"]) == without_targets(committed["alerting"])


def test_every_committed_target_has_its_address_here(committed: dict[str, Any]) -> None:
    targets = rendering.text(rendering.prometheus(committed, ADDRESSES, FOLDER))
    for host, name in rendering.HOSTS.items():
        assert host not in targets
        assert ADDRESSES[name] in targets
    assert "-service:" not in targets
    assert "-exporter:" not in targets


def test_rules_and_runbooks_are_those_of_the_repository(committed: dict[str, Any]) -> None:
    rendered = rendering.prometheus(committed, ADDRESSES, FOLDER)
    assert [Path(pattern).parent.is_dir() for pattern in rendered["rule_files"]] == [True]
    labels = rendered["global"]["external_labels"]
    assert labels["runbooks_url"] == (FOLDER.parent / "docs/runbooks").as_uri()
    assert labels["cluster"] == committed["global"]["external_labels"]["cluster"]


def test_a_folder_with_the_signs_of_a_pattern_in_its_name_is_that_folder(committed: dict[str, Any]) -> None:
    odd = Path("/home/mina/[v]?\\factory/monitoring")
    escaped = r"/home/mina/\[v]\?\\factory/monitoring"
    assert rendering.prometheus(committed, ADDRESSES, odd)["rule_files"] == [
        f"{escaped}/prometheus/rules/*.yml"
    ]
    alerts = rendering.read(FOLDER / "alertmanager/alertmanager.yml")
    templates = rendering.alertmanager(alerts, ADDRESSES, odd, Path)["templates"]
    assert all(one.startswith(f"{escaped}/alertmanager/templates/") for one in templates)


def render_alertmanager(secrets: Path) -> dict[str, Any]:
    committed = rendering.read(FOLDER / "alertmanager/alertmanager.yml")
    return rendering.alertmanager(committed, ADDRESSES, FOLDER, lambda name: secrets / name)


def kinds(rendered: dict[str, Any]) -> dict[str, set[str]]:
    return {receiver["name"]: set(receiver) - {"name"} for receiver in rendered["receivers"]}


def test_only_those_are_told_whose_secret_is_here(tmp_path: Path) -> None:
    (tmp_path / "incident_event_token").write_text("a token")
    assert kinds(render_alertmanager(tmp_path)) == {
        "nobody": set(),
        "watchdog": set(),
        "incident-event": {"webhook_configs"},
        "pagerduty": set(),
        "slack-services": set(),
        "slack-platform": set(),
    }
    (tmp_path / "slack_url").write_text("https://hooks.example/x")
    assert kinds(render_alertmanager(tmp_path))["slack-services"] == {"slack_configs"}


def test_alertmanager_posts_to_this_machines_incident_event(tmp_path: Path) -> None:
    (tmp_path / "incident_event_token").write_text("a token")
    receivers = {one["name"]: one for one in render_alertmanager(tmp_path)["receivers"]}
    webhook = receivers["incident-event"]["webhook_configs"][0]
    assert webhook["url"] == f"http://{ADDRESSES['incident-event']}/v1/webhooks/alertmanager"
    assert webhook["http_config"]["authorization"]["credentials_file"] == str(
        tmp_path / "incident_event_token"
    )


def test_routes_and_inhibitions_stay_as_they_are(tmp_path: Path) -> None:
    committed = rendering.read(FOLDER / "alertmanager/alertmanager.yml")
    rendered = render_alertmanager(tmp_path)
    for part in ("route", "inhibit_rules", "time_intervals"):
        assert rendered[part] == committed[part]


@pytest.mark.parametrize("content", ["a: [", "just words", "\xff"])
def test_a_broken_file_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "prometheus.yml"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(PartFailedError, match=r"prometheus\.yml"):
        rendering.read(path)
