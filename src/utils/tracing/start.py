"""Turns tracing on if the environment names a collector, and exports the last spans at the end."""

import importlib
import os
from typing import Final, Protocol

from utils.tracing.settings import ENDPOINT, TRACES_ENDPOINT, TracingSettings

_SDK: Final = "utils.tracing.sdk"


class Tracing(Protocol):
    """A process's tracing, from its start to its end."""

    def stop(self, seconds: float) -> None:
        """Export the waiting spans for at most `seconds`; spans that end later are lost."""


class _Off:
    def stop(self, seconds: float) -> None:
        """Do nothing: tracing is off."""


def start_tracing(service_name: str, process: str | None) -> Tracing:
    """Start tracing if an `OTEL_EXPORTER_OTLP…_ENDPOINT` is set; without one the SDK is not even loaded.

    Raises:
        SettingsError: an endpoint is set, and one of the settings is invalid.
    """
    if not (os.environ.get(ENDPOINT) or os.environ.get(TRACES_ENDPOINT)):
        return _Off()
    settings = TracingSettings()
    if not settings.is_on:
        return _Off()
    tracing: Tracing = importlib.import_module(_SDK).start(settings, service_name, process)
    return tracing
