"""Metrics of consumers and feeds."""

import contextlib

from prometheus_client import Counter, Gauge

CONSUMER_LAG = Gauge(
    "vfactory_consumer_lag_events",
    "Events of this process's partitions known to be published and not handled yet; absent while its "
    "database is unreachable.",
    ["publisher"],
)
CONSUMER_LAST_SUCCESS = Gauge(
    "vfactory_consumer_last_success_timestamp_seconds",
    "When this process last handled events or had none left to handle, in seconds since 1970.",
    ["publisher"],
)
CONSUMER_HANDLED = Counter("vfactory_consumer_handled_total", "Events handled and committed.", ["publisher"])
CONSUMER_FAILURES = Counter(
    "vfactory_consumer_failures_total",
    "Failed attempts at handling events; each is retried.",
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
CONSUMER_SET_ASIDE = Gauge(
    "vfactory_consumer_set_aside_events",
    "Events of this process's factories that could not be handled and wait for another attempt.",
    ["publisher"],
)
CONSUMER_IMPAIRED = Gauge(
    "vfactory_consumer_impaired_factories",
    "Factories of this process with events set aside: they are watched without these.",
    ["publisher"],
)
CONSUMER_SET_ASIDE_TOTAL = Counter(
    "vfactory_consumer_set_aside_total", "Events set aside because they could not be handled.", ["publisher"]
)
STREAM_FOREIGN = Counter(
    "vfactory_stream_foreign_entries_total",
    "Stream entries read that the publisher's relay did not write; what they may hide is read elsewhere.",
    ["publisher"],
)
CONSUMER_PARTITIONS = Gauge(
    "vfactory_consumer_partitions", "Partitions into which the factories are divided.", ["publisher"]
)
CONSUMER_PARTITIONS_HELD = Gauge(
    "vfactory_consumer_partitions_held",
    "Partitions that this process handles; 0 while it stands by or its database is unreachable.",
    ["publisher"],
)
FEED_SUBSCRIBERS = Gauge("vfactory_feed_subscribers", "Open subscriptions to events.")
FEED_CUT = Counter("vfactory_feed_cut_total", "Subscribers cut because they were too slow.")


def expose_consumer(publisher: str, partitions: int) -> None:
    """Show every counter at 0 from the start, so that `rate()` counts its first increment."""
    for metric in (
        CONSUMER_HANDLED,
        CONSUMER_FAILURES,
        CONSUMER_FETCHED,
        CONSUMER_SKIPPED,
        CONSUMER_SET_ASIDE_TOTAL,
        STREAM_FOREIGN,
    ):
        metric.labels(publisher)
    CONSUMER_PARTITIONS.labels(publisher).set(partitions)
    forget_share(publisher)


def forget_share(publisher: str) -> None:
    """Show 0 partitions and no lag: the lag belongs to another process, or is unknown."""
    CONSUMER_PARTITIONS_HELD.labels(publisher).set(0)
    CONSUMER_SET_ASIDE.labels(publisher).set(0)
    CONSUMER_IMPAIRED.labels(publisher).set(0)
    with contextlib.suppress(KeyError):
        CONSUMER_LAG.remove(publisher)
