"""The metric of the running release."""

import platform
from importlib.metadata import PackageNotFoundError, version

from prometheus_client import Gauge

BUILD_INFO = Gauge(
    "vfactory_build_info", "1; the labels name what runs here", ["service", "version", "python"]
)


def expose_build(service_name: str) -> None:
    """Show the service's name, the release and the interpreter in `/metrics`."""
    BUILD_INFO.labels(service_name, release(), platform.python_version()).set(1)


def release() -> str:
    """Return the version of the installed distribution; `unknown` if none is installed."""
    try:
        return version("v-factory")
    except PackageNotFoundError:
        return "unknown"
