"""Prints the JSON schemas of custom resources, as one object; run by the Python of `.cache/deploy`.

They come from the pinned packages `cloudcoil-models-*`, made from the operators' own definitions. Every
object that lists its fields is closed here, so that a misspelt one is refused.
"""

import importlib
import json
import re
import sys
from typing import Any, Final

KINDS: Final = {
    "cloudcoil.models.cert_manager.v1": ("cert-manager.io/v1", ("Certificate", "ClusterIssuer", "Issuer")),
    "cloudcoil.models.keda.v1alpha1": ("keda.sh/v1alpha1", ("ScaledObject", "TriggerAuthentication")),
    "cloudcoil.models.prometheus_operator.v1": (
        "monitoring.coreos.com/v1",
        ("PodMonitor", "PrometheusRule", "ServiceMonitor"),
    ),
    "cloudcoil.models.prometheus_operator.v1alpha1": (
        "monitoring.coreos.com/v1alpha1",
        ("ScrapeConfig", "AlertmanagerConfig"),
    ),
}


def main() -> None:
    """Print `{"apiVersion/Kind": schema, …}`."""
    schemas = {
        f"{version}/{kind}": closed(getattr(importlib.import_module(module), kind).model_json_schema())
        for module, (version, kinds) in KINDS.items()
        for kind in kinds
    }
    json.dump(schemas, sys.stdout)


def closed(schema: Any) -> Any:
    """The schema whose objects refuse fields they do not list, without patterns Python cannot read."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: closed(part) for name, part in schema.items() if name != "pattern" or compiles(part)}
    if isinstance(kept.get("properties"), dict) and kept.get("type") == "object" and kept["properties"]:
        kept.setdefault("additionalProperties", False)
    return kept


def compiles(pattern: Any) -> bool:
    """Whether Python reads a pattern written for Go; a field may also be called `pattern`."""
    if not isinstance(pattern, str):
        return True
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


if __name__ == "__main__":
    main()
