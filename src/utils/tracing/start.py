"""Turns tracing on where the environment says so, and hands over the last spans at the end."""

import importlib
import os
from typing import Final, Protocol

from utils.tracing.settings import ENDPOINT, TRACES_ENDPOINT, TracingSettings

_SDK: Final = "utils.tracing.sdk"


class Tracing(Protocol):
    """A process's tracing, from its start to its end."""

    def stop(self, seconds: float) -> None:
        """Export what is left, for at most so many seconds; spans that end later are lost."""


class _Off:
    def stop(self, seconds: float) -> None:
        """Have nothing to do."""


def start_tracing(service_name: str, process: str | None) -> Tracing:
    """Trace from now on if `OTEL_EXPORTER_OTLP_ENDPOINT` says where to; without it nothing is even loaded.

    Raises:
        SettingsError: tracing is on, and one of its settings is wrong.
    """
    if not (os.environ.get(ENDPOINT) or os.environ.get(TRACES_ENDPOINT)):
        return _Off()
    settings = TracingSettings()
    if not settings.is_on:
        return _Off()
    tracing: Tracing = importlib.import_module(_SDK).start(settings, service_name, process)
    return tracing
