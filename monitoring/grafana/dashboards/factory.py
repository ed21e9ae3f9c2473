"""Factory operations: readings in, events through, incidents out."""

from monitoring.grafana.board import NOTHING_WENT_WRONG, SERVICE, Board, Panel, Query, Row, query, stat

BOARD = Board(
    uid="vfactory-factory",
    title="V-Factory / Factory operations",
    description="Readings coming in, events on their way, incidents and who hears of them.",
    rows=(
        Row(
            "Now",
            (
                stat(
                    "Readings per second",
                    "Readings kept and sure to be evaluated.",
                    "ops",
                    f"sum(rate(vfactory_readings_accepted_total{{{SERVICE}}}[1m]))",
                    runbooks=("VFactoryReadingsStopped",),
                ),
                stat(
                    "Silent sources",
                    "Sources that sent within a day and have now been silent for too long.",
                    "short",
                    'max(vfactory_sources{state="stale"}) or vector(0)',
                    (1, "orange"),
                    runbooks=("VFactorySourcesStale",),
                ),
                stat(
                    "Events to be handled",
                    "Published events that the consumer has not handled yet.",
                    "short",
                    "sum(vfactory_consumer_lag_events)",
                    (100, "orange"),
                    (1000, "red"),
                    runbooks=("VFactoryConsumerLagHigh",),
                ),
                stat(
                    "Oldest event in the outbox",
                    "Age of the oldest committed event that is not in its stream yet.",
                    "s",
                    "max(vfactory_outbox_oldest_age_seconds)",
                    (10, "orange"),
                    (60, "red"),
                    runbooks=("VFactoryOutboxStuck",),
                ),
                stat(
                    "Open incidents",
                    "Incidents nobody has resolved yet.",
                    "short",
                    "sum(max by (severity) (vfactory_incidents_open))",
                    (1, "orange"),
                ),
                stat(
                    "Event clients",
                    "Screens and programs that hold an event stream open.",
                    "short",
                    "sum(vfactory_sse_clients)",
                ),
            ),
        ),
        Row(
            "Readings in",
            (
                Panel(
                    "Accepted, repeated, refused",
                    "Readings per second: kept, already there, conflicting with what is kept, and refused.",
                    "ops",
                    (
                        Query(
                            f"sum(rate(vfactory_readings_accepted_total{{{SERVICE}}}[$__rate_interval]))",
                            "accepted",
                        ),
                        Query(
                            f"sum(rate(vfactory_readings_duplicates_total{{{SERVICE}}}[$__rate_interval]))",
                            "already there",
                        ),
                        Query(
                            f"sum(rate(vfactory_readings_conflicts_total{{{SERVICE}}}[$__rate_interval]))",
                            "conflicting",
                        ),
                        Query(
                            f"sum by (reason) (rate(vfactory_readings_rejected_total{{{SERVICE}}}[$__rate_interval]))",
                            "refused: {{reason}}",
                        ),
                    ),
                    runbooks=("VFactoryReadingsRejected", "VFactoryReadingsConflicting"),
                ),
                Panel(
                    "Batch to commit, p50 and p99",
                    "Seconds from a decoded batch to its commit; a second for long is a warning.",
                    "s",
                    tuple(
                        Query(
                            f"histogram_quantile({quantile}, sum by (le) "
                            f"(rate(vfactory_ingest_batch_seconds_bucket{{{SERVICE}}}[$__rate_interval])))",
                            name,
                        )
                        for quantile, name in ((0.5, "p50"), (0.99, "p99"))
                    ),
                    thresholds=((1, "orange"),),
                    runbooks=("VFactoryIngestSlow",),
                ),
                Panel(
                    "Waiting for the database",
                    "Readings in memory on their way to the database, and batches turned away per second.",
                    "short",
                    (
                        Query(
                            f"max by (instance) (vfactory_ingest_queued_readings{{{SERVICE}}})",
                            "waiting {{instance}}",
                        ),
                        Query(
                            f"sum(rate(vfactory_ingest_turned_away_total{{{SERVICE}}}[$__rate_interval]))",
                            "turned away",
                        ),
                    ),
                    runbooks=("VFactoryIngestTurnedAway", "VFactoryIngestQueueHigh"),
                ),
                Panel(
                    "Sources",
                    "Machines that sent within the last day, by whether they still do.",
                    "short",
                    query("max by (state) (vfactory_sources)", "{{state}}"),
                    stacked=True,
                    runbooks=("VFactorySourcesStale",),
                ),
                Panel(
                    "Since the last reading",
                    "Seconds since the newest reading came in.",
                    "s",
                    query("time() - (max(vfactory_last_reading_timestamp_seconds) > 0)", "ago"),
                    runbooks=("VFactoryReadingsStopped",),
                    empty="no reading has come in yet",
                ),
                Panel(
                    "Uploads",
                    "Uploaded files per second by how they ended.",
                    "ops",
                    query(
                        "sum by (outcome) (rate(vfactory_asset_uploads_total[$__rate_interval]))",
                        "{{outcome}}",
                    ),
                    runbooks=("VFactoryAssetUploadsFailing",),
                ),
            ),
        ),
        Row(
            "Events through",
            (
                Panel(
                    "Consumer lag",
                    "Published events that are not handled yet.",
                    "short",
                    query(
                        "sum by (job, publisher) (vfactory_consumer_lag_events)", "{{job}} of {{publisher}}"
                    ),
                    thresholds=((1000, "red"),),
                    runbooks=("VFactoryConsumerLagHigh", "VFactoryConsumerLagNotFalling"),
                ),
                Panel(
                    "Since the consumer got on",
                    "Seconds since events were handled, or known to be none, by the process where it is longest.",
                    "s",
                    query(
                        "time() - min by (job, publisher)"
                        " (vfactory_consumer_last_success_timestamp_seconds > 0)",
                        "{{job}} of {{publisher}}",
                    ),
                    thresholds=((40, "red"),),
                    runbooks=("VFactoryConsumerStalled",),
                ),
                Panel(
                    "Who relays",
                    "Processes that relay each service's events: one of several, the others stand by. 0 is nobody.",
                    "short",
                    query('sum by (job) (vfactory_relay_is_leader{job=~"v-factory-.+-worker"})', "{{job}}"),
                    runbooks=("VFactoryRelayAbsent",),
                ),
                Panel(
                    "Who consumes",
                    "Partitions of the factories that each process has; without a process they are nobody's.",
                    "short",
                    (
                        Query(
                            "sum by (instance, publisher) (vfactory_consumer_partitions_held)",
                            "{{instance}} of {{publisher}}",
                        ),
                        Query(
                            "max by (publisher) (vfactory_consumer_partitions)"
                            " - sum by (publisher) (vfactory_consumer_partitions_held)",
                            "nobody of {{publisher}}",
                        ),
                    ),
                    runbooks=("VFactoryConsumerAbsent",),
                ),
                Panel(
                    "Outbox",
                    "Committed events that are not in their stream yet, by service.",
                    "short",
                    query("max by (job) (vfactory_outbox_pending)", "{{job}}"),
                    runbooks=("VFactoryOutboxStuck",),
                ),
                Panel(
                    "Events published and handled",
                    "Events per second into the streams and out of them.",
                    "ops",
                    (
                        Query(
                            "sum by (job) (rate(vfactory_relay_published_total[$__rate_interval]))",
                            "published {{job}}",
                        ),
                        Query(
                            "sum by (job) (rate(vfactory_consumer_handled_total[$__rate_interval]))",
                            "handled {{job}}",
                        ),
                    ),
                ),
                Panel(
                    "Detection latency, p50, p95 and p99",
                    "From a batch being accepted to its incident being committed; 5 s at p95 wakes somebody.",
                    "s",
                    tuple(
                        Query(
                            f"histogram_quantile({quantile}, sum by (le) "
                            "(rate(vfactory_detection_latency_seconds_bucket[$__rate_interval])))",
                            name,
                        )
                        for quantile, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
                    ),
                    thresholds=((5, "red"),),
                    runbooks=("VFactoryDetectionSlow",),
                    empty="nothing was detected",
                ),
                Panel(
                    "Readings evaluated, late, bad",
                    "Evaluations per second; late and bad readings are kept, not evaluated.",
                    "ops",
                    (
                        Query("sum(rate(vfactory_readings_evaluated_total[$__rate_interval]))", "evaluated"),
                        Query("sum(rate(vfactory_readings_late_total[$__rate_interval]))", "late"),
                        Query("sum(rate(vfactory_readings_bad_total[$__rate_interval]))", "bad quality"),
                    ),
                    runbooks=("VFactoryReadingsLate",),
                ),
                Panel(
                    "Trouble on the way",
                    "Repeated handling, events fetched from the publisher, appended again, skipped, set aside.",
                    "ops",
                    (
                        Query(
                            "sum(rate(vfactory_consumer_failures_total[$__rate_interval]))", "handling failed"
                        ),
                        Query("sum(rate(vfactory_consumer_fetched_total[$__rate_interval]))", "fetched"),
                        Query(
                            "sum(rate(vfactory_relay_republished_total[$__rate_interval]))", "appended again"
                        ),
                        Query("sum(rate(vfactory_consumer_skipped_total[$__rate_interval]))", "skipped"),
                        Query("sum(rate(vfactory_consumer_set_aside_total[$__rate_interval]))", "set aside"),
                        Query(
                            "sum(rate(vfactory_stream_foreign_entries_total[$__rate_interval]))",
                            "foreign in streams",
                        ),
                        Query(
                            "sum by (reason) (rate(vfactory_publisher_fetch_failures_total[$__rate_interval]))",
                            "not fetched: {{reason}}",
                        ),
                    ),
                    runbooks=(
                        "VFactoryEventsSkipped",
                        "VFactoryEventsSetAside",
                        "VFactoryStreamForeignEntries",
                        "VFactoryConsumerFailing",
                        "VFactoryEventsRepublished",
                        "VFactoryPublisherFetchFailing",
                    ),
                ),
            ),
        ),
        Row(
            "Incidents out",
            (
                Panel(
                    "Open incidents by severity",
                    "Incidents nobody has resolved yet; 5 is the worst.",
                    "short",
                    query("max by (severity) (vfactory_incidents_open)", "severity {{severity}}"),
                    stacked=True,
                ),
                Panel(
                    "Incidents opened",
                    "Incidents opened per second by what opened them: a rule, a report, or Alertmanager.",
                    "ops",
                    query(
                        "sum by (source) (rate(vfactory_incidents_opened_total[$__rate_interval]))",
                        "{{source}}",
                    ),
                ),
                Panel(
                    "Event streams",
                    "Open streams; those that end, by why.",
                    "short",
                    (
                        Query("sum(vfactory_sse_clients)", "open"),
                        Query(
                            "sum by (reason) (increase(vfactory_sse_ended_total[$__rate_interval]))",
                            "ended: {{reason}}",
                        ),
                    ),
                    runbooks=("VFactoryStreamClientsCut",),
                ),
                Panel(
                    "Alertmanager's webhook",
                    "Notifications of Alertmanager per second by what they did here.",
                    "ops",
                    query(
                        "sum by (outcome) (rate(vfactory_alertmanager_notifications_total[$__rate_interval]))",
                        "{{outcome}}",
                    ),
                    runbooks=("VFactoryAlertmanagerNotificationsFailing",),
                    empty=NOTHING_WENT_WRONG,
                ),
                Panel(
                    "Rules watched",
                    "Rules that the worker evaluates.",
                    "short",
                    query("max by (job) (vfactory_rules_watched)", "{{job}}"),
                ),
                Panel(
                    "Background tasks restarted",
                    "Restarts of relay, consumer, retention and count, when they happened.",
                    "short",
                    query(
                        "sum by (job, task) (increase(vfactory_task_restarts_total[$__rate_interval]))",
                        "{{job}} {{task}}",
                    ),
                    runbooks=("VFactoryTaskRestarting",),
                ),
            ),
        ),
    ),
)
