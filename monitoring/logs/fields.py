"""The field specification: what a log line holds, and what every pipeline does with it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

SPECIFICATION: Final = Path("monitoring/logs/fields.yml")
TYPES: Final = {"time": str, "string": str, "object": dict, "boolean": bool}


@dataclass(frozen=True)
class Field:
    """One field of a line, and its names in Elasticsearch and Datadog."""

    name: str
    type: str
    present: str
    use: str
    ecs: str
    datadog: str
    meaning: str


@dataclass(frozen=True)
class Level:
    """What the others call a level: syslog's severity, OpenTelemetry's severity number, Datadog's status."""

    syslog: int
    otel: int
    datadog: str


@dataclass(frozen=True)
class Specification:
    """The fields in their order, the levels from the mildest on, and the labels a stream may have."""

    fields: dict[str, Field]
    levels: dict[str, Level]
    labels: tuple[str, ...]

    def used_as(self, use: str) -> list[str]:
        """Names of the fields that serve as `time`, `level`, `label`, `searchable` or `body`."""
        return [field.name for field in self.fields.values() if field.use == use]

    def problems(self, line: dict[str, Any]) -> list[str]:
        """What a line has that the specification does not allow."""
        always = [field.name for field in self.fields.values() if field.present == "always"]
        found = [] if list(line)[: len(always)] == always else [f"does not begin with {', '.join(always)}"]
        for name, value in line.items():
            field = self.fields.get(name)
            if field is not None and not isinstance(value, TYPES[field.type]):
                found.append(f"{name} is no {field.type}")
        if line.get("level") not in self.levels:
            found.append(f"level is none of {', '.join(self.levels)}")
        return found


def read_specification(root: Path) -> Specification:
    """Read `monitoring/logs/fields.yml` below `root`."""
    document = yaml.safe_load((root / SPECIFICATION).read_text("utf-8"))
    return Specification(
        fields={entry["name"]: Field(**entry) for entry in document["fields"]},
        levels={name: Level(**entry) for name, entry in document["levels"].items()},
        labels=tuple(document["labels"]),
    )
