"""What consumers and feeds tell about themselves."""

import contextlib

from prometheus_client import Counter, Gauge

CONSUMER_LAG = Gauge(
    "vfactory_consumer_lag_events",
    "Events of this process's partitions known to be published and not handled yet; absent while it has no "
    "database.",
    ["publisher"],
)
CONSUMER_LAST_SUCCESS = Gauge(
    "vfactory_consumer_last_success_timestamp_seconds",
    "When this process last handled events, or knew that there were none for it.",
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
CONSUMER_PARTITIONS = Gauge(
    "vfactory_consumer_partitions", "Into how many partitions the factories are divided.", ["publisher"]
)
CONSUMER_PARTITIONS_HELD = Gauge(
    "vfactory_consumer_partitions_held",
    "How many of the partitions are this process's; 0 while it stands by or has no database.",
    ["publisher"],
)
FEED_SUBSCRIBERS = Gauge("vfactory_feed_subscribers", "Open subscriptions to events.")
FEED_CUT = Counter("vfactory_feed_cut_total", "Subscribers cut because they were too slow.")


def expose_consumer(publisher: str, partitions: int) -> None:
    """Show what has not happened yet as 0, so that a rate over its first time is one."""
    for counter in (CONSUMER_HANDLED, CONSUMER_FAILURES, CONSUMER_FETCHED, CONSUMER_SKIPPED):
        counter.labels(publisher)
    CONSUMER_PARTITIONS.labels(publisher).set(partitions)
    forget_share(publisher)


def forget_share(publisher: str) -> None:
    """Hold nothing, and claim to know no lag: the lag is another process's now, or nobody knows it."""
    CONSUMER_PARTITIONS_HELD.labels(publisher).set(0)
    with contextlib.suppress(KeyError):
        CONSUMER_LAG.remove(publisher)
