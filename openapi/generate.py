"""Writes one OpenAPI document per service beside this file; with `--check`, says which are out of date."""

import importlib
import json
import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from utils.settings import ServiceSettings

FOLDER = Path(__file__).resolve().parent
SERVICES = ("factory-core", "incident-event", "asset-management")
# Enough for a service to be put together; nothing is connected to.
ENVIRONMENT = {
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "AUTH_JWKS_URL": "http://127.0.0.1:1/keys",
    "LOG_LEVEL": "ERROR",
}


def document(service: str) -> str:
    """The service's document, keys sorted, so that a change shows as what it is."""
    os.environ.update(ENVIRONMENT, SERVICE_NAME=service)
    package = service.replace("-", "_")
    module = vars(importlib.import_module(f"{package}.settings"))
    (settings,) = (kind for kind in module.values() if isinstance(kind, type) and is_own(kind, package))
    with tempfile.TemporaryDirectory() as store:
        os.environ["ASSET_MANAGEMENT_STORE_DIR"] = store
        app = importlib.import_module(f"{package}.app").create_app(settings())
    return json.dumps(app.openapi(), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def is_own(kind: type, package: str) -> bool:
    """Whether `kind` is the settings class that the service itself defines."""
    return kind.__module__ == f"{package}.settings" and issubclass(kind, ServiceSettings)


def documents() -> dict[Path, str]:
    """Every service's document by its path, each made in a process of its own, as the service runs."""
    with ProcessPoolExecutor(len(SERVICES), mp_context=get_context("spawn")) as processes:
        texts = processes.map(document, SERVICES)
        return {FOLDER / f"{service}.json": text for service, text in zip(SERVICES, texts, strict=True)}


def is_current(path: Path, text: str) -> bool:
    """Whether `path` holds `text`."""
    return path.exists() and path.read_text(encoding="utf-8") == text


def main() -> int:
    """Write, or check; 1 when a checked document is out of date."""
    written = documents()
    if sys.argv[1:] != ["--check"]:
        for path, text in written.items():
            path.write_text(text, encoding="utf-8")
        return 0
    old = [path.name for path, text in written.items() if not is_current(path, text)]
    if old:
        print(f"Out of date in openapi/: {', '.join(old)}. Run `make openapi`.", file=sys.stderr)
    return 1 if old else 0


if __name__ == "__main__":
    sys.exit(main())
