"""Alembic's environment of Asset Management."""

import asset_management.assets.models  # noqa: F401 - it adds its table to the metadata
from asset_management.db import SCHEMA, Base
from utils.database.migrations import run_environment

run_environment(Base.metadata, SCHEMA)
