"""What Incident Event's tests share."""

import pytest


@pytest.fixture
def service() -> str:
    return "incident-event"
