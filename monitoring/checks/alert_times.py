"""Whether the times of rules and routes nest: a cause is told before, and outlasts, what it explains."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from monitoring.checks import promql
from monitoring.checks.rule_files import Rule, rules
from monitoring.checks.rules import seconds

# Alertmanager's pauses between two tries of a notification grow to a minute, more or less a half.
LONGEST_RETRY_SECONDS: Final = 90.0
# A fault of these keeps the webhook from being taken, so they must still fire when it is back.
LATE: Final = ("VFactoryDatabaseDown", "VFactoryTargetDown")
# These explain others from their first moment to the last of what they explain.
CAUSES: Final = ("VFactoryDatabaseDown", "VFactoryRedisDown", "VFactoryTargetDown")
# A budget that is spent is spent, and what crashed may crash again: these may be told after their cause.
OUTLASTING: Final = ("VFactoryErrorBudgetBurnFast", "VFactoryLatencyBudgetBurnFast", "VFactoryCrashLooping")
# Too little of something: over as soon as the first new sample comes in.
SHORTAGE: Final = ("==", "<", "<=")


def problems(
    root: Path, document: Mapping[str, Any], pairs: Sequence[tuple[Rule, Rule]]
) -> Iterator[tuple[str, str]]:
    """Subject and message of every time that does not fit.

    Args:
        root: the repository.
        document: alertmanager.yml.
        pairs: alerts of which the first silences the second.
    """
    known = rules(root)
    records = {rule.name: rule for rule in known if not rule.is_alert}
    wait = max(seconds(route["group_wait"]) for route in _critical(document))
    pause = wait + seconds(document["route"]["group_interval"]) + LONGEST_RETRY_SECONDS
    for alert in known:
        if alert.name in LATE and kept(alert) <= pause:
            yield alert.name, f"keep_firing_for must be longer than {pause:g} s to be delivered late"
    for source, target in pairs:
        if source.name in CAUSES and target.labels.get("severity") == "critical":
            yield from _pair(source, target, wait, records)


def kept(alert: Rule) -> float:
    """Its keep_firing_for in seconds."""
    return seconds(alert.fields.get("keep_firing_for", "0s"))


def memory(tree: Any, records: Mapping[str, Rule]) -> float:
    """Longest time in seconds for which an expression can hold after what it looks at has ended."""
    kind = promql.kind(tree)
    if kind == "MatrixSelector":
        return float(tree.range.total_seconds())
    if kind == "VectorSelector":
        record = records.get(promql.metric(tree))
        return memory(promql.parse(record.expression), records) if record else 0.0
    if kind == "BinaryExpr":
        sides = memory(tree.lhs, records), memory(tree.rhs, records)
        operator = promql.operation(tree)
        if operator in SHORTAGE:
            return 0.0
        return {"and": min(sides), "unless": sides[0]}.get(operator, max(sides))
    children = [getattr(tree, name, None) for name in ("expr", "vector_selector")]
    children += list(getattr(tree, "args", []) or [])
    own = tree.range.total_seconds() if kind == "SubqueryExpr" else 0.0
    return own + max((memory(child, records) for child in children if child is not None), default=0.0)


def _pair(source: Rule, target: Rule, wait: float, records: Mapping[str, Rule]) -> Iterator[tuple[str, str]]:
    tree = promql.parse(target.expression)
    lasts = memory(tree, records) + kept(target)
    if lasts >= kept(source) and target.name not in OUTLASTING:
        yield target.name, f"may last {lasts:g} s, longer than {source.name} ({kept(source):g} s) explains it"
    begins, told = seconds(source.fields.get("for", "0s")), seconds(target.fields.get("for", "0s")) + wait
    if begins >= told and not _looks_back(tree):
        yield target.name, f"may be told after {told:g} s, before {source.name} fires ({begins:g} s)"


def _looks_back(tree: Any) -> bool:
    """Whether it takes its time by itself: over a window, or since a point in time."""
    return any(promql.kind(node) == "MatrixSelector" for node in promql.walk(tree)) or bool(
        promql.calls(tree, "time")
    )


def _critical(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [route for route in document["route"]["routes"] if 'severity = "critical"' in route["matchers"]]
