"""Factory Core's own settings, read from variables that begin with FACTORY_CORE_."""

from typing import Annotated

from pydantic import Field, SecretStr

from utils.settings import ServiceSettings


class FactoryCoreSettings(ServiceSettings):
    """Factory Core's settings, beside those that all services share."""

    redis_url: SecretStr

    max_metrics_per_equipment: Annotated[
        int, Field(ge=1, le=100_000, validation_alias="FACTORY_CORE_MAX_METRICS_PER_EQUIPMENT")
    ] = 1_000
    """How many metrics one equipment may have; readings of a further one are refused."""

    max_queued_readings: Annotated[
        int, Field(ge=10_000, le=10_000_000, validation_alias="FACTORY_CORE_MAX_QUEUED_READINGS")
    ] = 200_000
    """How many readings may wait for the database in one process; further ones are refused until later."""

    batch_retention_days: Annotated[
        float, Field(gt=0, le=3650, allow_inf_nan=False, validation_alias="FACTORY_CORE_BATCH_RETENTION_DAYS")
    ] = 7
    """How long a batch id is kept. If a batch is repeated later, its readings count as duplicates."""

    stale_after_seconds: Annotated[
        float,
        Field(ge=1, le=86_400, allow_inf_nan=False, validation_alias="FACTORY_CORE_STALE_AFTER_SECONDS"),
    ] = 300
    """How long equipment may send nothing before it counts as silent."""
