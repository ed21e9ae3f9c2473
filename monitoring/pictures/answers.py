"""Asks a Prometheus what a panel shows."""

import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import httpx

from monitoring.checks.panels import is_logs
from monitoring.grafana.generated_boards import DrawnBoard, DrawnPanel, Target
from monitoring.grafana.variables import intervals, put_in

STEP_SECONDS: Final = 15.0
TIMEOUT_SECONDS: Final = 30.0
ALL: Final = ".*"
PLACEHOLDER: Final = re.compile(r"\{\{\w+\}\}")


@dataclass(frozen=True)
class Line:
    """One series: its name in the legend, times in seconds since 1970, and values."""

    name: str
    times: list[float]
    values: list[float]


@dataclass(frozen=True)
class Prometheus:
    """Where it is, and the span that is looked at, in seconds since 1970."""

    url: str
    begin: float
    end: float

    @classmethod
    def of_the_last(cls, seconds: float, url: str) -> Self:
        """What the Prometheus at `url` knows of the time up to now."""
        now = time.time()
        return cls(url, now - seconds, now)

    def lines(self, board: DrawnBoard, panel: DrawnPanel) -> list[Line]:
        """Every series of a panel that has a value; none of one that asks Loki."""
        if is_logs(panel):
            return []
        values = {
            **dict.fromkeys(board.variables, ALL),
            **intervals(STEP_SECONDS, STEP_SECONDS, self.end - self.begin),
        }
        return [line for target in panel.targets for line in self._lines(target, values)]

    def _lines(self, target: Target, values: Mapping[str, str]) -> list[Line]:
        query = put_in(target.expression, values)
        if target.instant:
            found = self._ask("query", query=query, time=self.end)
            lines = [_line(one["metric"], target, [one["value"]]) for one in found]
        else:
            found = self._ask("query_range", query=query, start=self.begin, end=self.end, step=STEP_SECONDS)
            lines = [_line(one["metric"], target, one["values"]) for one in found]
        return [line for line in lines if line.values]

    def _ask(self, path: str, **parameters: str | float) -> list[Mapping[str, Any]]:
        answer = httpx.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=TIMEOUT_SECONDS)
        data = answer.raise_for_status().json()["data"]
        if data["resultType"] == "scalar":
            return [{"metric": {}, "value": data["result"]}]
        result: list[Mapping[str, Any]] = data["result"]
        return result


def _line(labels: Mapping[str, str], target: Target, samples: list[tuple[float, str]]) -> Line:
    """A series without what is no number."""
    known = [(float(at), float(value)) for at, value in samples]
    shown = [(at, value) for at, value in known if math.isfinite(value)]
    return Line(_legend(target.legend, labels), [at for at, _ in shown], [value for _, value in shown])


def _legend(template: str, labels: Mapping[str, str]) -> str:
    """The name of a series: its labels where the template leaves it to Grafana (`__auto`)."""
    if template in {"", "__auto"}:
        return " ".join(value for name, value in labels.items() if name != "__name__")
    text = template
    for name, value in labels.items():
        text = text.replace(f"{{{{{name}}}}}", value)
    return PLACEHOLDER.sub("", text).strip()
