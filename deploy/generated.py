"""The manifests that are made from other files: Prometheus' rules as resources of its operator."""

from pathlib import Path
from typing import Final

import yaml
from monitoring.checks.finding import Finding

RULES: Final = Path("monitoring/prometheus/rules")
GENERATED: Final = Path("deploy/kubernetes/components/prometheus-operator/generated/rules.yaml")
HEADING: Final = f"# Made from {RULES}/*.yml by `python -m deploy generate`. Change those.\n"


class _Dumper(yaml.SafeDumper):
    """Lists stand further in than what they belong to, as in the files written by hand."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        """Never `indentless`."""
        super().increase_indent(flow, indentless=False)


def files(root: Path) -> dict[Path, str]:
    """Every generated file below `root` and its text."""
    rules = [prometheus_rule(path) for path in sorted((root / RULES).glob("*.yml"))]
    text = yaml.dump_all(
        rules, Dumper=_Dumper, explicit_start=True, sort_keys=False, allow_unicode=True, width=10_000
    )
    return {GENERATED: HEADING + text}


def prometheus_rule(path: Path) -> dict[str, object]:
    """A file of rules as the resource that prometheus-operator loads."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {
            "name": f"v-factory-{path.stem}",
            "namespace": "v-factory",
            "labels": {"app.kubernetes.io/part-of": "v-factory", "role": "alert-rules"},
        },
        "spec": {"groups": yaml.safe_load(path.read_text("utf-8"))["groups"]},
    }


def write(root: Path) -> None:
    """Write every generated file."""
    for path, text in files(root).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def check(root: Path) -> list[Finding]:
    """What is not as it would be generated now."""
    return [
        Finding(str(path), "generated", "is out of date: run `.venv/bin/python -m deploy generate`")
        for path, text in files(root).items()
        if not (root / path).exists() or (root / path).read_text("utf-8") != text
    ]
