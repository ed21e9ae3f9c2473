"""What taking in readings tells about itself. Nothing is labelled by factory: their number is unbounded."""

from prometheus_client import Counter, Gauge, Histogram

from factory_core.readings.lifecycle import Code

READINGS_ACCEPTED = Counter("vfactory_readings_accepted", "Readings kept and sure to be evaluated")
READINGS_DUPLICATE = Counter(
    "vfactory_readings_duplicates", "Readings already there, counted, not kept again"
)
READINGS_CONFLICTING = Counter(
    "vfactory_readings_conflicts",
    "Readings that differ from what is kept under their name",
)
READINGS_REJECTED = Counter("vfactory_readings_rejected", "Readings refused, by reason", ["reason"])
BATCHES = Counter(
    "vfactory_ingest_batches",
    "Batches answered: new, repeated (the stored answer again) or conflict (the id names another body)",
    ["outcome"],
)
BATCH_SECONDS = Histogram(
    "vfactory_ingest_batch_seconds",
    "Seconds from a decoded batch to its commit, waiting included",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
BATCHES_PER_TRANSACTION = Histogram(
    "vfactory_ingest_batches_per_transaction",
    "Batches that shared one transaction",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
)
QUEUED_READINGS = Gauge("vfactory_ingest_queued_readings", "Readings in memory on their way to the database")
TURNED_AWAY = Counter("vfactory_ingest_turned_away", "Batches answered 503 because too many readings waited")

LAST_READING = Gauge(
    "vfactory_last_reading_timestamp_seconds",
    "When readings were last kept, in seconds since 1970; 0 before this process has kept any",
)
SOURCES = Gauge(
    "vfactory_sources",
    "Equipment with a reading of the last day: reporting, or stale where the newest is too old",
    ["state"],
)
BATCHES_FORGOTTEN = Counter(
    "vfactory_ingest_batches_forgotten", "Batch records deleted at the end of their time"
)

for _code in Code:
    READINGS_REJECTED.labels(reason=_code)  # so that a rate over the first refusal is one
NEW = BATCHES.labels(outcome="new")
REPEATED = BATCHES.labels(outcome="repeated")
CONFLICT = BATCHES.labels(outcome="conflict")
REPORTING = SOURCES.labels(state="reporting")
STALE = SOURCES.labels(state="stale")
