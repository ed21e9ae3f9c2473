"""Alembic's environment of Factory Core."""

import factory_core.equipment.models
import factory_core.factories.models
import factory_core.readings.corrections.models
import factory_core.readings.models  # noqa: F401 - each adds its tables to the metadata
from factory_core.db import SCHEMA, Base
from utils.database.migrations import run_environment

run_environment(Base.metadata, SCHEMA)
