"""Reads the figures of all processes from Prometheus, with one instant query per figure."""

import asyncio
import math
from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from vfactory.top.asking import Asker
from vfactory.top.figures import CONNECTIONS, LAG, MEMORY, READINGS, Figures

JOB: Final = "v-factory-"
WINDOW_SECONDS: Final = 300.0
SERVICES: Final = f'job=~"{JOB}.+"'
ANSWERS: Final = "answers"

# The query of each field of Figures. The recording rules are explained in
# monitoring/prometheus/rules/recording.yml; dashboards and alerts use them too.
QUERIES: Final[Mapping[str, str]] = {
    ANSWERS: f"min by (job) (up{{{SERVICES}}})",
    "request_rate": "job:http_requests:rate5m",
    "mean_seconds": "job:http_request_duration_seconds:mean5m",
    "p99_seconds": "job:http_request_duration_seconds:p99_5m",
    "server_error_ratio": "job:http_errors:ratio_rate5m",
    "client_error_ratio": "job:http_client_errors:ratio_rate5m",
    "cpu_cores": "job:process_cpu_cores:rate5m",
    "cpu_limit_ratio": "max by (job) (vfactory:cpu_limit:ratio)",
    "memory_bytes": f"sum by (job) ({MEMORY}{{{SERVICES}}})",
    "memory_limit_ratio": "max by (job) (vfactory:memory_limit:ratio)",
    "connections_in_use": f'sum by (job) ({CONNECTIONS}{{state="in_use"}})',
    "connections_open": f'sum by (job) ({CONNECTIONS}{{state!="limit"}})',
    "connections_limit": f'sum by (job) ({CONNECTIONS}{{state="limit"}})',
    "readings_rate": f"sum by (job) (rate({READINGS}[5m]))",
    "lag_events": f"max by (job) ({LAG})",
}


async def ask(asker: Asker, prometheus: str) -> Mapping[str, Figures] | None:
    """Return figures by process name, for those that Prometheus reaches now; None if it does not answer."""
    answers = await asyncio.gather(*(asker.query(prometheus, query) for query in QUERIES.values()))
    columns: dict[str, dict[str, float]] = {}
    for field, answer in zip(QUERIES, answers, strict=True):
        if answer is None:
            return None
        columns[field] = {
            labels.get("job", "").removeprefix(JOB): value for labels, value in answer if math.isfinite(value)
        }
    return _by_part(columns)


def _by_part(columns: Mapping[str, Mapping[str, float]]) -> Mapping[str, Figures]:
    """Return figures by process, without those that are down: their rates last longer than they do."""
    fields: dict[str, dict[str, float]] = defaultdict(dict)
    for field, values in columns.items():
        for name, value in values.items():
            if field != ANSWERS and columns[ANSWERS].get(name):
                fields[name][field] = value
    return {name: Figures(**known) for name, known in fields.items()}
