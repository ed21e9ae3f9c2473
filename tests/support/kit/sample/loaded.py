"""Imports what the real processes import, turns tracing on if it is to be, and tells what that has loaded."""

import sys

import incident_event.app
import incident_event.worker  # noqa: F401 - imported to be counted
from utils.logging import logger
from utils.tracing import start_tracing


def run() -> None:
    tracing = start_tracing("sample", None)
    loaded = [
        name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))
    ]
    logger.info("loaded", extra={"modules": len(loaded), "tracing": type(tracing).__name__})
    tracing.stop(1)
