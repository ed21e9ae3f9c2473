"""Dependencies: PostgreSQL, Redis, and what the services have open to them."""

from monitoring.grafana.board import NEEDS_REPLICA, SERVICE, Board, Panel, Query, Row, query, stat

BOARD = Board(
    uid="vfactory-dependencies",
    title="V-Factory / Dependencies and databases",
    description="PostgreSQL and Redis, and the connections of every process to them (데이터베이스 연결 수).",
    rows=(
        Row(
            "Now",
            (
                stat(
                    "PostgreSQL unreachable for",
                    "Processes that do not reach their database. 0 is well.",
                    "short",
                    f'count(vfactory_dependency_up{{dependency="database", {SERVICE}}} == 0) or vector(0)',
                    (1, "red"),
                    runbooks=("VFactoryDatabaseDown",),
                ),
                stat(
                    "Redis unreachable for",
                    "Processes that do not reach Redis. 0 is well.",
                    "short",
                    f'count(vfactory_dependency_up{{dependency="redis", {SERVICE}}} == 0) or vector(0)',
                    (1, "red"),
                    runbooks=("VFactoryRedisDown",),
                ),
                stat(
                    "Connections in use",
                    "Share of PostgreSQL's max_connections.",
                    "percentunit",
                    "sum(pg_stat_activity_count) / max(pg_settings_max_connections)",
                    (0.8, "orange"),
                    (0.95, "red"),
                    runbooks=("VFactoryDatabaseConnectionsHigh",),
                ),
                stat(
                    "Longest transaction",
                    "Age of the oldest open transaction. A service's own ends within seconds.",
                    "s",
                    'max(pg_stat_activity_max_tx_duration{state!="idle"})',
                    (60, "orange"),
                    (300, "red"),
                    runbooks=("VFactoryDatabaseLongTransaction",),
                ),
                stat(
                    "Redis memory",
                    "Bytes that Redis uses.",
                    "bytes",
                    "max(redis_memory_used_bytes)",
                    runbooks=("VFactoryRedisMemoryHigh",),
                ),
                stat(
                    "Redis clients",
                    "Connections to Redis.",
                    "short",
                    "sum(redis_connected_clients)",
                    runbooks=("VFactoryRedisRejectsConnections",),
                ),
            ),
        ),
        Row(
            "Database connections (데이터베이스 연결 수)",
            (
                Panel(
                    "Connections of each process",
                    "Connections of the pool in use and idle.",
                    "short",
                    query(
                        f'sum by (job, state) (vfactory_database_pool_connections{{state!="limit", {SERVICE}}})',
                        "{{job}} {{state}}",
                    ),
                    width=12,
                    runbooks=("VFactoryDatabasePoolSaturated",),
                ),
                Panel(
                    "Pool in use",
                    "Share of a process' pool that is in use; above 90 % requests begin to wait.",
                    "percentunit",
                    query(
                        f'max by (job) (vfactory_database_pool_connections{{state="in_use", {SERVICE}}} / ignoring (state) '
                        f'(vfactory_database_pool_connections{{state="limit", {SERVICE}}} > 0))',
                        "{{job}}",
                    ),
                    width=12,
                    thresholds=((0.9, "orange"),),
                    highest=1,
                    runbooks=("VFactoryDatabasePoolSaturated",),
                ),
                Panel(
                    "Wait for a connection, p99",
                    "99 % of the transactions waited at most this long for a connection.",
                    "s",
                    query(
                        "histogram_quantile(0.99, sum by (job, le) "
                        f"(rate(vfactory_database_pool_wait_seconds_bucket{{{SERVICE}}}[$__rate_interval])))",
                        "{{job}}",
                    ),
                    width=12,
                    thresholds=((0.25, "orange"),),
                    runbooks=("VFactoryDatabasePoolWaitLong",),
                ),
                Panel(
                    "Connections in PostgreSQL",
                    "All sessions by state, of whoever.",
                    "short",
                    query("sum by (state) (pg_stat_activity_count)", "{{state}}"),
                    width=12,
                    stacked=True,
                    runbooks=("VFactoryDatabaseConnectionsHigh",),
                ),
            ),
        ),
        Row(
            "PostgreSQL",
            (
                Panel(
                    "Transactions",
                    "Commits and rollbacks per second in all databases.",
                    "ops",
                    (
                        Query("sum(rate(pg_stat_database_xact_commit[$__rate_interval]))", "commits"),
                        Query("sum(rate(pg_stat_database_xact_rollback[$__rate_interval]))", "rollbacks"),
                    ),
                ),
                Panel(
                    "Rows written",
                    "Rows inserted, updated and deleted per second.",
                    "ops",
                    (
                        Query("sum(rate(pg_stat_database_tup_inserted[$__rate_interval]))", "inserted"),
                        Query("sum(rate(pg_stat_database_tup_updated[$__rate_interval]))", "updated"),
                        Query("sum(rate(pg_stat_database_tup_deleted[$__rate_interval]))", "deleted"),
                    ),
                ),
                Panel(
                    "Database size",
                    "Bytes of every database.",
                    "bytes",
                    query('sum by (datname) (pg_database_size_bytes{datname!~"template.+"})', "{{datname}}"),
                    runbooks=("VFactoryDiskFilling",),
                ),
                Panel(
                    "Deadlocks",
                    "Deadlocks that PostgreSQL ended by failing a transaction. Any is a defect or a stranger.",
                    "ops",
                    query(
                        "sum by (datname) (rate(pg_stat_database_deadlocks[$__rate_interval]))", "{{datname}}"
                    ),
                    runbooks=("VFactoryDatabaseDeadlocks",),
                ),
                Panel(
                    "Locks",
                    "Locks held by mode. Exclusive ones that stay are somebody's open transaction.",
                    "short",
                    query("sum by (mode) (pg_locks_count)", "{{mode}}"),
                    stacked=True,
                ),
                Panel(
                    "Replication lag",
                    "Bytes of write-ahead log that a replica has not replayed.",
                    "bytes",
                    query(
                        "max by (application_name) (pg_stat_replication_pg_wal_lsn_diff)",
                        "{{application_name}}",
                    ),
                    runbooks=("VFactoryDatabaseReplicationLag",),
                    empty=NEEDS_REPLICA,
                ),
                Panel(
                    "Reads of history by server",
                    "Reads per second that a replica may answer, and which server did; the primary's are those that "
                    "no replica could.",
                    "ops",
                    query(
                        f"sum by (job, server) (rate(vfactory_database_reads_total{{{SERVICE}}}[$__rate_interval]))",
                        "{{job}} {{server}}",
                    ),
                    width=8,
                    stacked=True,
                    runbooks=("VFactoryReplicaUnusable",),
                    empty=NEEDS_REPLICA,
                ),
                Panel(
                    "Read replica in use",
                    "1 while the process sends reads of history to its replica, by the process that has the most "
                    "trouble.",
                    "short",
                    query(f"min by (job) (vfactory_database_replica_usable{{{SERVICE}}})", "{{job}}"),
                    width=8,
                    highest=1,
                    runbooks=("VFactoryReplicaUnusable",),
                    empty=NEEDS_REPLICA,
                ),
                Panel(
                    "Lag of the read replica",
                    "Seconds by which the replica was behind the primary when a process last looked.",
                    "s",
                    query(f"max by (job) (vfactory_database_replica_lag_seconds{{{SERVICE}}})", "{{job}}"),
                    width=8,
                    runbooks=("VFactoryReplicaUnusable",),
                    empty=NEEDS_REPLICA,
                ),
            ),
        ),
        Row(
            "Redis",
            (
                Panel(
                    "Memory",
                    "Bytes used, and the limit where one is set.",
                    "bytes",
                    (
                        Query("max(redis_memory_used_bytes)", "used"),
                        Query("max(redis_memory_max_bytes > 0)", "limit"),
                    ),
                    runbooks=("VFactoryRedisMemoryHigh",),
                ),
                Panel(
                    "Commands",
                    "Commands per second.",
                    "ops",
                    query("sum(rate(redis_commands_processed_total[$__rate_interval]))", "commands"),
                ),
                Panel(
                    "Refused and lost",
                    "Errors answered, keys evicted and connections refused per second. All should be 0.",
                    "ops",
                    (
                        Query("sum by (err) (rate(redis_errors_total[$__rate_interval]))", "error {{err}}"),
                        Query("sum(rate(redis_evicted_keys_total[$__rate_interval]))", "evicted keys"),
                        Query(
                            "sum(rate(redis_rejected_connections_total[$__rate_interval]))",
                            "refused connections",
                        ),
                    ),
                    runbooks=(
                        "VFactoryRedisReadOnly",
                        "VFactoryRedisEvicting",
                        "VFactoryRedisRejectsConnections",
                    ),
                ),
                Panel(
                    "Takes writes",
                    "1 while the dependency takes writes, 0 while it answers and refuses them.",
                    "short",
                    query(
                        f"min by (job, dependency) (vfactory_dependency_writable{{{SERVICE}}})",
                        "{{job}} {{dependency}}",
                    ),
                    runbooks=("VFactoryDependencyNotWritable",),
                ),
                Panel(
                    "Reachable",
                    "1 while the process reaches the dependency.",
                    "short",
                    query(
                        f"min by (job, dependency) (vfactory_dependency_up{{{SERVICE}}})",
                        "{{job}} {{dependency}}",
                    ),
                    width=24,
                    highest=1,
                    runbooks=("VFactoryDependencyUnreachable",),
                ),
            ),
        ),
    ),
)
