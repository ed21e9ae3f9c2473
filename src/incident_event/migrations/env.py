"""Alembic's environment of Incident Event."""

import incident_event.alertmanager.models
import incident_event.incidents.models
import incident_event.rules.models  # noqa: F401 - each adds its tables to the metadata
from incident_event.db import SCHEMA, Base
from utils.database.migrations import run_environment

run_environment(Base.metadata, SCHEMA)
