"""Reads the committed JSON as Grafana does: its panels, their queries, and where they stand."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path("monitoring/grafana/generated")
Json = Mapping[str, Any]


@dataclass(frozen=True)
class Target:
    """One query of a panel; `instant` asks for the present value only."""

    expression: str
    legend: str
    instant: bool


@dataclass(frozen=True)
class DrawnPanel:
    """A panel of the JSON; `document` is all of it."""

    document: Json

    @property
    def title(self) -> str:
        """Its heading."""
        return str(self.document.get("title", ""))

    @property
    def kind(self) -> str:
        """Grafana's name of the visualisation."""
        return str(self.document["type"])

    @property
    def unit(self) -> str:
        """Grafana's name of the unit; empty when there is none."""
        return str(self.defaults.get("unit", ""))

    @property
    def defaults(self) -> Json:
        """What holds for all of its fields."""
        found: Json = self.document.get("fieldConfig", {}).get("defaults", {})
        return found

    @property
    def place(self) -> tuple[int, int, int, int]:
        """Column, line, width and height in Grafana's grid of 24 columns."""
        grid = self.document["gridPos"]
        return grid["x"], grid["y"], grid["w"], grid["h"]

    @property
    def targets(self) -> list[Target]:
        """Its queries."""
        return [
            Target(one["expr"], one.get("legendFormat", ""), bool(one.get("instant")))
            for one in self.document.get("targets", [])
        ]


@dataclass(frozen=True)
class DrawnBoard:
    """A dashboard of the JSON, and the file it stands in."""

    path: Path
    document: Json

    @property
    def panels(self) -> list[DrawnPanel]:
        """Every panel but the headings of rows, those of closed rows too."""
        return [DrawnPanel(one) for one in self._all() if one["type"] != "row"]

    @property
    def rows(self) -> list[DrawnPanel]:
        """The headings."""
        return [DrawnPanel(one) for one in self._all() if one["type"] == "row"]

    @property
    def variables(self) -> dict[str, Json]:
        """The variables by name."""
        return {one["name"]: one for one in self.document.get("templating", {}).get("list", [])}

    @property
    def annotations(self) -> list[Json]:
        """What is marked in every panel."""
        found: list[Json] = self.document.get("annotations", {}).get("list", [])
        return found

    def _all(self) -> Iterator[Json]:
        for one in self.document.get("panels", []):
            yield one
            yield from one.get("panels", [])


def boards(root: Path) -> list[DrawnBoard]:
    """Every committed dashboard below `root`."""
    return [
        DrawnBoard(path, json.loads(path.read_text("utf-8")))
        for path in sorted((root / FOLDER).glob("*.json"))
    ]
