"""Which labels targets have in Kubernetes, and what of an exposition is kept there."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

CONFIGURATION: Final = Path("monitoring/prometheus/prometheus.kubernetes.yml")
SERVICES: Final = "v-factory"
EXPORTERS: Final = "v-factory-exporters"
BEHIND_SERVICES: Final = (
    "v-factory-postgres",
    "v-factory-redis",
    "v-factory-prometheus",
    "v-factory-alertmanager",
)


class Jobs:
    """The scrape configurations of prometheus.kubernetes.yml, found by the job that series have."""

    def __init__(self, root: Path) -> None:
        document = yaml.safe_load((root / CONFIGURATION).read_text("utf-8"))
        self._by_name: Mapping[str, Mapping[str, Any]] = {
            one["job_name"]: one for one in document["scrape_configs"]
        }

    def labels(self, job: str) -> set[str]:
        """The labels that its targets get; none of a job that is not ours."""
        configuration = self._find(job)
        if configuration is None:
            return set()
        rules = configuration.get("relabel_configs", [])
        given = {rule["target_label"] for rule in rules if "target_label" in rule}
        return {"job", "instance"} | {label for label in given if not label.startswith("__")}

    def keeps(self, job: str, metric: str) -> bool:
        """Whether samples of this metric are kept."""
        return all(
            re.fullmatch(rule["regex"].partition(";")[0], metric)
            for rule in self._after_scrape(job, "keep")
            if rule["source_labels"][0] == "__name__"
        )

    def keeps_label(self, job: str, label: str) -> bool:
        """Whether samples keep this label of theirs."""
        return not any(re.fullmatch(rule["regex"], label) for rule in self._after_scrape(job, "labeldrop"))

    def _after_scrape(self, job: str, action: str) -> Iterator[Mapping[str, Any]]:
        for rule in (self._find(job) or {}).get("metric_relabel_configs", []):
            if rule.get("action") == action:
                yield rule

    def _find(self, job: str) -> Mapping[str, Any] | None:
        if job in self._by_name:
            return self._by_name[job]
        if job in BEHIND_SERVICES:
            return self._by_name[EXPORTERS]
        return self._by_name[SERVICES] if job.startswith(SERVICES) else None
