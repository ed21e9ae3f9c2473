"""The guide speaks of every backend service: so do its tests."""

import pytest

SERVICES = ("factory-core", "incident-event", "asset-management")


@pytest.fixture(params=SERVICES)
def each_service(request: pytest.FixtureRequest) -> str:
    """Every backend service, one after the other."""
    return str(request.param)
