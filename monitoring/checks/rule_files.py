"""Reads the rule files, each rule with the file it stands in."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from monitoring.checks.finding import UnreadableError

RULES: Final = Path("monitoring/prometheus/rules")


@dataclass(frozen=True)
class Rule:
    """An alert or a recording rule."""

    file: str
    name: str
    is_alert: bool
    expression: str
    fields: Mapping[str, Any]

    @property
    def labels(self) -> Mapping[str, str]:
        """What the rule adds to its series."""
        return self.fields.get("labels") or {}

    @property
    def annotations(self) -> Mapping[str, str]:
        """What an alert says."""
        return self.fields.get("annotations") or {}


def rules(root: Path) -> list[Rule]:
    """All rules below `root`, in the order of files and groups.

    Raises:
        UnreadableError: a file holds none.
    """
    found = []
    for path in sorted((root / RULES).glob("*.yml")):
        file = path.relative_to(root)
        try:
            document = yaml.safe_load(path.read_text("utf-8"))
            found += [_rule(str(file), one) for group in document["groups"] for one in group["rules"]]
        except (yaml.YAMLError, TypeError, KeyError, AttributeError) as error:
            raise UnreadableError(file, error) from error
    return found


def _rule(file: str, fields: Mapping[str, Any]) -> Rule:
    name = fields.get("alert") or fields["record"]
    return Rule(file, str(name), "alert" in fields, str(fields["expr"]), fields)


def alerts(root: Path) -> list[Rule]:
    """All alerts below `root`."""
    return [rule for rule in rules(root) if rule.is_alert]
