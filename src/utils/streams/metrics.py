"""What consumers and feeds tell about themselves."""

from prometheus_client import Counter, Gauge

CONSUMER_LAG = Gauge(
    "vfactory_consumer_lag_events", "Events known to be published and not handled yet.", ["publisher"]
)
CONSUMER_LAST_SUCCESS = Gauge(
    "vfactory_consumer_last_success_timestamp_seconds",
    "When this consumer last handled events, or knew that there were none.",
    ["publisher"],
)
CONSUMER_HANDLED = Counter("vfactory_consumer_handled_total", "Events handled and committed.", ["publisher"])
CONSUMER_FAILURES = Counter(
    "vfactory_consumer_failures_total",
    "Attempts at handling events that failed and are repeated.",
    ["publisher"],
)
CONSUMER_FETCHED = Counter(
    "vfactory_consumer_fetched_total",
    "Events fetched from the publisher itself, because the stream did not have them.",
    ["publisher"],
)
CONSUMER_SKIPPED = Counter(
    "vfactory_consumer_skipped_total",
    "Events that neither the stream nor the publisher had any more: lost to this consumer.",
    ["publisher"],
)
CONSUMER_IS_ACTIVE = Gauge(
    "vfactory_consumer_is_active", "1 while this process consumes, 0 while it stands by.", ["publisher"]
)
FEED_SUBSCRIBERS = Gauge("vfactory_feed_subscribers", "Open subscriptions to events.")
FEED_CUT = Counter("vfactory_feed_cut_total", "Subscribers cut because they were too slow.")


def expose_consumer(publisher: str) -> None:
    """Show what has not happened yet as 0, so that a rate over its first time is one."""
    for counter in (CONSUMER_HANDLED, CONSUMER_FAILURES, CONSUMER_FETCHED, CONSUMER_SKIPPED):
        counter.labels(publisher)
