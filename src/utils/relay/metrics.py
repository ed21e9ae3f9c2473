"""Metrics of the relay and the outbox."""

from prometheus_client import Counter, Gauge

OUTBOX_PENDING = Gauge(
    "vfactory_outbox_pending",
    "Committed events that are not in the stream yet, as the leading relay sees them.",
)
OUTBOX_OLDEST_AGE = Gauge(
    "vfactory_outbox_oldest_age_seconds", "Age of the oldest committed event that is not in the stream yet."
)
PUBLISHED = Counter("vfactory_relay_published_total", "Events appended to a stream for the first time.")
REPUBLISHED = Counter(
    "vfactory_relay_republished_total", "Events appended again, because Redis had lost them."
)
PURGED = Counter("vfactory_outbox_purged_total", "Published events deleted at the end of their retention.")
IS_LEADER = Gauge("vfactory_relay_is_leader", "1 while this process is the leading relay, else 0.")
LAST_SUCCESS = Gauge(
    "vfactory_relay_last_success_timestamp_seconds",
    "When the leading relay last completed a step without a fault, in seconds since 1970.",
)
STREAM_BYTES = Gauge(
    "vfactory_streams_bytes", "Bytes that the streams take in Redis, as the leading relay sees them."
)
STREAM_LIMIT_BYTES = Gauge(
    "vfactory_streams_limit_bytes", "Bytes that the streams together may take in Redis."
)
STREAM_TRIMMED = Counter(
    "vfactory_streams_trimmed_total", "Entries trimmed from streams because they took too many bytes."
)
