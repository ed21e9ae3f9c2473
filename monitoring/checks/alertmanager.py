"""Routes end where somebody reads, inhibitions name alerts that exist, secrets stay in files, times nest."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from monitoring.checks import alert_times
from monitoring.checks.finding import Finding, UnreadableError
from monitoring.checks.promql import QueryError, labels_left, parse
from monitoring.checks.rule_files import Rule, alerts

CONFIGURATION: Final = Path("monitoring/alertmanager/alertmanager.yml")
SECRETS: Final = "/etc/alertmanager/secrets/"
# Settings that would hold a secret themselves; each has a sibling that names a file.
INLINE: Final = re.compile(
    r"(api_url|api_key|routing_key|service_key|password|bearer_token|credentials|client_secret|token)"
)
MATCHER: Final = re.compile(r'\s*(\w+)\s*(=~|!~|!=|=)\s*"(.*)"\s*', re.DOTALL)
SPLIT: Final = re.compile(r"\|(?![^()]*\))")
GROUP: Final = re.compile(r"(\w*)\(([^()]*)\)")


@dataclass(frozen=True)
class Matcher:
    """One condition on an alert's label."""

    label: str
    operator: str
    value: str

    def accepts(self, text: str) -> bool:
        """Whether a label with this value fits."""
        fits = (
            re.fullmatch(self.value, text) is not None if "~" in self.operator else self.value == text
        )  # Alertmanager anchors, too
        return fits != self.operator.startswith("!")

    def alternatives(self) -> list[str]:
        """The regular expressions it consists of: `A(B|C.+)|D` is `AB`, `AC.+`, `D`."""
        if self.operator in {"=", "!="}:
            return [re.escape(self.value)]
        parts = []
        for part in SPLIT.split(self.value):
            group = GROUP.fullmatch(part)
            parts += [group[1] + inner for inner in group[2].split("|")] if group else [part]
        return parts


def check(root: Path) -> list[Finding]:
    """Everything that is wrong with alertmanager.yml below `root`."""
    try:
        document = yaml.safe_load((root / CONFIGURATION).read_text("utf-8"))
    except yaml.YAMLError as error:
        raise UnreadableError(CONFIGURATION, error) from error
    known = alerts(root)
    findings = [
        *_routes(document, known),
        *_receivers(document),
        *_inhibitions(document["inhibit_rules"], known),
        *(("secrets", problem) for problem in _secrets(document)),
        *alert_times.problems(root, document, inhibited(document["inhibit_rules"], known)),
    ]
    return [Finding(str(CONFIGURATION), subject, message) for subject, message in findings]


def matcher(text: str) -> Matcher:
    """Read `label =~ "value"`.

    Raises:
        ValueError: it is not written like that.
    """
    found = MATCHER.fullmatch(text)
    if found is None:
        raise ValueError(f'{text} is not written as label =~ "value"')
    return Matcher(*found.groups())


def inhibited(rules: Sequence[Mapping[str, Any]], known: Sequence[Rule]) -> list[tuple[Rule, Rule]]:
    """Every pair of alerts of which the first can silence the second, by their names."""
    pairs = []
    for rule in rules:
        sources = _named(rule["source_matchers"], known)
        targets = _named(rule["target_matchers"], known)
        pairs += [(source, target) for source in sources for target in targets if source is not target]
    return pairs


def _named(matchers: Sequence[str], known: Sequence[Rule]) -> list[Rule]:
    on_names = [one for one in map(matcher, matchers) if one.label == "alertname"]
    return [alert for alert in known if all(one.accepts(alert.name) for one in on_names)]


def _inhibitions(rules: Sequence[Mapping[str, Any]], known: Sequence[Rule]) -> Iterator[tuple[str, str]]:
    names = [alert.name for alert in known]
    for number, rule in enumerate(rules, start=1):
        subject = f"inhibition {number}"
        matchers = [matcher(text) for text in (*rule["source_matchers"], *rule["target_matchers"])]
        for one in matchers:
            if one.label == "alertname":
                yield from ((subject, problem) for problem in _unknown(one, names))
        for side in ("source_matchers", "target_matchers"):
            if not any(matcher(text).label == "alertname" for text in rule[side]):
                yield subject, f"{side} names no alert, so it holds for alerts nobody thought of"
        for alert in (*_named(rule["source_matchers"], known), *_named(rule["target_matchers"], known)):
            for label in rule.get("equal", []):
                if not _has(alert, label):
                    yield subject, f"asks for an equal {label}, which {alert.name} does not have"


def _unknown(one: Matcher, names: Sequence[str]) -> Iterator[str]:
    for alternative in one.alternatives():
        if not any(re.fullmatch(alternative, name) for name in names):
            yield f"{alternative} is no alert"


def _has(alert: Rule, label: str) -> bool:
    try:
        left = labels_left(parse(alert.expression))
    except QueryError:
        return True  # another check's finding
    return label in alert.labels or left is None or label in left


def _routes(document: Mapping[str, Any], known: Sequence[Rule]) -> Iterator[tuple[str, str]]:
    routes = list(_walk(document["route"]))
    names = [alert.name for alert in known]
    conditions = [
        [matcher(text) for text in route.get("matchers", [])] for route in document["route"].get("routes", [])
    ]
    for route in routes:
        for one in map(matcher, route.get("matchers", [])):
            if one.label == "alertname":
                yield from ((f"route to {route['receiver']}", problem) for problem in _unknown(one, names))
        if route.get("mute_time_intervals") and not _is_below_critical(route):
            yield f"route to {route['receiver']}", "can be muted although critical alerts may pass it"
    for alert in known:
        labels = {"alertname": alert.name, "severity": alert.labels.get("severity", "")}
        taken = any(
            all(one.accepts(labels[one.label]) for one in condition if one.label in labels)
            for condition in conditions
        )
        if not taken and labels["severity"] != "info":
            yield alert.name, f"no route takes its severity {labels['severity']}"


def _is_below_critical(route: Mapping[str, Any]) -> bool:
    on_severity = [one for one in map(matcher, route.get("matchers", [])) if one.label == "severity"]
    return bool(on_severity) and not all(one.accepts("critical") for one in on_severity)


def _receivers(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    used = {route["receiver"] for route in _walk(document["route"])}
    for receiver in document["receivers"]:
        if receiver["name"] not in used:
            yield receiver["name"], "no route leads to this receiver"
        for webhook in receiver.get("webhook_configs", []):
            if not webhook.get("max_alerts"):
                yield receiver["name"], "a webhook without max_alerts may get a message of any size"


def _walk(route: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield route
    for child in route.get("routes", []):
        yield from _walk({"receiver": route["receiver"], **child})


def _secrets(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _secrets(inner, str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _secrets(inner, name)
    elif INLINE.fullmatch(name):
        yield f"{name} holds a secret: use {name}_file"
    elif name.endswith("_file") and not str(value).startswith(SECRETS):
        yield f"{name} names a file that is not below {SECRETS}"
    elif isinstance(value, str) and re.search(r"://[^/\s]*@|hooks\.slack\.com", value):
        yield f"{name} holds an address that is a secret"
