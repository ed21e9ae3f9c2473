"""Reads the rule files, each rule with the file it stands in."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

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
    """All rules below `root`, in the order of files and groups."""
    found = []
    for path in sorted((root / RULES).glob("*.yml")):
        document = yaml.safe_load(path.read_text("utf-8"))
        for group in document["groups"]:
            for fields in group["rules"]:
                name = fields.get("alert") or fields["record"]
                file = str(path.relative_to(root))
                found.append(Rule(file, name, "alert" in fields, str(fields["expr"]), fields))
    return found


def alerts(root: Path) -> list[Rule]:
    """All alerts below `root`."""
    return [rule for rule in rules(root) if rule.is_alert]
