"""The health of the monitoring itself."""

from monitoring.grafana.board import SERVICE, Board, Panel, Query, Row, query, stat

BOARD = Board(
    uid="vfactory-monitoring",
    title="V-Factory / Monitoring itself",
    description="Prometheus, Alertmanager and the exporters: who watches the watchers.",
    rows=(
        Row(
            "Now",
            (
                stat(
                    "Targets down",
                    "Targets of every job that do not answer. 0 is well.",
                    "short",
                    "count(up == 0) or vector(0)",
                    (1, "red"),
                    runbooks=("VFactoryExporterDown",),
                ),
                stat(
                    "Chosen targets",
                    "Processes that the variables choose.",
                    "short",
                    f"count(up{{{SERVICE}}})",
                ),
                stat(
                    "Series",
                    "Series that Prometheus holds in memory.",
                    "short",
                    "max(prometheus_tsdb_head_series)",
                ),
                stat(
                    "Rules that fail",
                    "Evaluations of rules that failed within five minutes. 0 is well.",
                    "short",
                    "sum(increase(prometheus_rule_evaluation_failures_total[5m]))",
                    (1, "red"),
                    runbooks=("VFactoryPrometheusRulesFailing",),
                ),
                stat(
                    "Alertmanagers",
                    "Alertmanagers that Prometheus hands alerts to. 0 means that nobody is told anything.",
                    "short",
                    "max(prometheus_notifications_alertmanagers_discovered)",
                    runbooks=("VFactoryPrometheusCannotAlert",),
                ),
                stat(
                    "Alertmanagers that Incident Event can ask",
                    "Where it compares the platform's incidents with their alerts. No data: none is set.",
                    "short",
                    "sum(max by (alertmanager) (vfactory_alertmanager_reachable))",
                    runbooks=("VFactoryAlertmanagerUnreachable",),
                ),
                stat(
                    "Failed notifications",
                    "Notifications that failed within five minutes. 0 is well.",
                    "short",
                    "sum(increase(alertmanager_notifications_failed_total[5m]))",
                    (1, "red"),
                    runbooks=("VFactoryAlertmanagerNotificationsFailing",),
                ),
            ),
        ),
        Row(
            "Scrapes",
            (
                Panel(
                    "Targets up by job",
                    "Share of each job's targets that answer.",
                    "percentunit",
                    query("avg by (job) (up)", "{{job}}"),
                    width=12,
                    highest=1,
                    runbooks=("VFactoryTargetDown", "VFactoryTargetAbsent", "VFactoryExporterDown"),
                ),
                Panel(
                    "Duration of scrapes",
                    "Seconds that a scrape takes, by job; 5 s is a warning.",
                    "s",
                    query("max by (job) (scrape_duration_seconds)", "{{job}}"),
                    width=12,
                    thresholds=((5, "orange"),),
                    runbooks=("VFactoryScrapeFailing",),
                ),
                Panel(
                    "Samples by job",
                    "Samples of one scrape, by job. A jump is a label without bounds.",
                    "short",
                    query("sum by (job) (scrape_samples_scraped)", "{{job}}"),
                    width=12,
                    runbooks=("VFactoryScrapeFailing",),
                ),
                Panel(
                    "Samples stored",
                    "Samples per second into the store.",
                    "ops",
                    query(
                        "sum(rate(prometheus_tsdb_head_samples_appended_total[$__rate_interval]))", "samples"
                    ),
                    width=12,
                    runbooks=("VFactoryPrometheusStorageFailing",),
                ),
            ),
        ),
        Row(
            "Rules and alerts",
            (
                Panel(
                    "Duration of rule groups",
                    "Seconds that the last evaluation of each group took.",
                    "s",
                    query(
                        "max by (rule_group) (prometheus_rule_group_last_duration_seconds)", "{{rule_group}}"
                    ),
                    width=12,
                    runbooks=("VFactoryPrometheusRulesLate",),
                ),
                Panel(
                    "Alerts by state",
                    "Alerts that fire and that are pending.",
                    "short",
                    query("count by (alertstate) (ALERTS)", "{{alertstate}}"),
                    width=12,
                ),
                Panel(
                    "Notifications",
                    "Notifications per second by way, and those that failed.",
                    "ops",
                    (
                        Query(
                            "sum by (integration) (rate(alertmanager_notifications_total[$__rate_interval]))",
                            "{{integration}}",
                        ),
                        Query(
                            "sum by (integration) (rate(alertmanager_notifications_failed_total[$__rate_interval]))",
                            "{{integration}} failed",
                        ),
                    ),
                    width=12,
                    runbooks=("VFactoryAlertmanagerNotificationsFailing",),
                ),
                Panel(
                    "Memory of the monitoring",
                    "Resident bytes of Prometheus, Alertmanager and the exporters.",
                    "bytes",
                    query(
                        'process_resident_memory_bytes{job=~"v-factory-(prometheus|alertmanager|node|postgres|redis)"}',
                        "{{job}}",
                    ),
                    width=12,
                ),
                Panel(
                    "Configurations taken",
                    "1 while the last reload was taken; at 0 the process goes on with what it had.",
                    "short",
                    (
                        Query("min by (job) (prometheus_config_last_reload_successful)", "{{job}}"),
                        Query("min by (job) (alertmanager_config_last_reload_successful)", "{{job}}"),
                    ),
                    width=12,
                    highest=1,
                    runbooks=("VFactoryPrometheusConfigFailed", "VFactoryAlertmanagerConfigFailed"),
                ),
                Panel(
                    "Watchdog",
                    "1 while the watchdog fires, as it always must.",
                    "short",
                    query('max(ALERTS{alertname="VFactoryWatchdog", alertstate="firing"})', "watchdog"),
                    width=12,
                    highest=1,
                    runbooks=("VFactoryWatchdog",),
                ),
                Panel(
                    "Refused samples",
                    "Samples that Prometheus refused, per second: too many, twice, or of a wrong time.",
                    "ops",
                    query(
                        "sum(rate(prometheus_target_scrapes_exceeded_sample_limit_total[$__rate_interval])"
                        " + rate(prometheus_target_scrapes_sample_duplicate_timestamp_total[$__rate_interval])"
                        " + rate(prometheus_target_scrapes_sample_out_of_bounds_total[$__rate_interval]))",
                        "refused",
                    ),
                    width=12,
                    runbooks=("VFactoryScrapeFailing",),
                ),
            ),
        ),
    ),
)
