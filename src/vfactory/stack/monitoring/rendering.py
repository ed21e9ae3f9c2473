"""Derives the local stack's configurations from the committed ones: only targets and files differ."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from vfactory.stack.errors import PartFailedError

Document = dict[str, Any]

# Addresses in the committed files, and the names of the same parts in the local stack.
HOSTS: Final[Mapping[str, str]] = {
    "factory-core-service:8000": "factory-core",
    "incident-event-service:8000": "incident-event",
    "asset-management-service:8000": "asset-management",
    "factory-core-worker:8000": "factory-core-worker",
    "incident-event-worker:8000": "incident-event-worker",
    "postgres-exporter:9187": "postgres-exporter",
    "redis-exporter:9121": "redis-exporter",
    "node-exporter:9100": "node-exporter",
    "blackbox-exporter:9115": "blackbox-exporter",
    "localhost:9090": "prometheus",
    "alertmanager:9093": "alertmanager",
}
SECRETS: Final = "/etc/alertmanager/secrets/"


def prometheus(committed: Document, addresses: Mapping[str, str], folder: Path) -> Document:
    """Return the committed prometheus.yml with this machine's targets.

    Args:
        committed: the committed file's content.
        addresses: host:port of every local part, by name.
        folder: the repository's folder `monitoring`, whose rules are loaded and whose runbooks are linked.
    """
    rendered: Document = _with_targets(committed, addresses)
    rendered["rule_files"] = [
        f"{_literal(folder / 'prometheus')}/{pattern}" for pattern in committed["rule_files"]
    ]
    labels = {**committed["global"]["external_labels"]}
    labels["runbooks_url"] = (folder.parent / "docs" / "runbooks").as_uri()
    rendered["global"] = {**rendered["global"], "external_labels": labels}
    return rendered


def alertmanager(
    committed: Document, addresses: Mapping[str, str], folder: Path, secret: Callable[[str], Path]
) -> Document:
    """Return the committed alertmanager.yml with this machine's addresses and secrets.

    An integration whose secret does not exist is omitted; its receiver stays, so that every route has one.

    Args:
        committed: the committed file's content.
        addresses: host:port of every local part, by name.
        folder: the repository's folder `monitoring`, whose templates are used.
        secret: returns the path of a secret's file, which may not exist.
    """
    rendered: Document = _with_targets(committed, addresses)
    templates = _literal(folder / "alertmanager" / "templates")
    rendered["templates"] = [f"{templates}/{Path(pattern).name}" for pattern in committed["templates"]]
    rendered["receivers"] = [_receiver(receiver, secret) for receiver in rendered["receivers"]]
    return rendered


def read(path: Path) -> Document:
    """Return the content of the committed file at `path`.

    Raises:
        PartFailedError: the file cannot be read, or is not a YAML mapping.
    """
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise PartFailedError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
    if not isinstance(document, dict):
        raise PartFailedError(f"{path} is no configuration.")
    return document


def text(document: Document) -> str:
    """Return the document as YAML."""
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=1000)


def _with_targets(value: Any, addresses: Mapping[str, str]) -> Any:
    """Return `value` with every committed address, also within URLs, replaced by that of the local part."""
    if isinstance(value, dict):
        return {key: _with_targets(inner, addresses) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_targets(inner, addresses) for inner in value]
    if isinstance(value, str):
        for committed, name in HOSTS.items():
            if value == committed or f"://{committed}" in value:
                return value.replace(committed, addresses[name])
    return value


def _literal(folder: Path) -> str:
    """Return `folder` as a pattern that matches only itself."""
    return re.sub(r"[\\*?\[]", r"\\\g<0>", str(folder))


def _receiver(receiver: Document, secret: Callable[[str], Path]) -> Document:
    kept: Document = {"name": receiver["name"]}
    for kind, integrations in receiver.items():
        if isinstance(integrations, list):
            here = [_with_secrets(one, secret) for one in integrations]
            there = [one for one in here if all(path.exists() for path in _secret_files(one, secret))]
            if there:
                kept[kind] = there
    return kept


def _with_secrets(value: Any, secret: Callable[[str], Path]) -> Any:
    if isinstance(value, dict):
        return {key: _with_secrets(inner, secret) for key, inner in value.items()}
    if isinstance(value, str) and value.startswith(SECRETS):
        return str(secret(value.removeprefix(SECRETS)))
    return value


def _secret_files(value: Any, secret: Callable[[str], Path]) -> list[Path]:
    folder = str(secret("x").parent)
    if isinstance(value, dict):
        return [path for inner in value.values() for path in _secret_files(inner, secret)]
    return [Path(value)] if isinstance(value, str) and str(Path(value).parent) == folder else []
