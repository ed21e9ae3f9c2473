"""Resources: CPU, memory, files and disks against their limits, and who was restarted."""

from monitoring.grafana.board import NEEDS_KUBERNETES, NEEDS_LIMIT, SERVICE, Board, Panel, Row, query, stat

DISKS = 'fstype!~"tmpfs|overlay|squashfs|ramfs|iso9660"'

BOARD = Board(
    uid="vfactory-resources",
    title="V-Factory / Resources",
    description="CPU and memory of processes, containers and nodes against their limits (CPU 및 메모리 사용률).",
    rows=(
        Row(
            "Now",
            (
                stat(
                    "CPU",
                    "Cores in use by the chosen processes.",
                    "cores",
                    f"sum(rate(process_cpu_seconds_total{{{SERVICE}}}[5m]))",
                ),
                stat(
                    "Memory",
                    "Resident bytes of the chosen processes.",
                    "bytes",
                    f"sum(process_resident_memory_bytes{{{SERVICE}}})",
                ),
                stat(
                    "Starts in an hour",
                    "How often one of the chosen processes started anew within the last hour.",
                    "short",
                    f"sum(changes(process_start_time_seconds{{{SERVICE}}}[1h]))",
                    (1, "orange"),
                    (5, "red"),
                    runbook="VFactoryCrashLooping",
                ),
                stat(
                    "Node memory free",
                    "Share of the node's memory that is available; below 10 % the kernel may begin to kill.",
                    "percentunit",
                    "min(node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)",
                    runbook="VFactoryNodeMemoryLow",
                ),
                stat(
                    "Fullest disk",
                    "Share of the fullest file system that is in use.",
                    "percentunit",
                    f"max(1 - node_filesystem_avail_bytes{{{DISKS}}} / node_filesystem_size_bytes{{{DISKS}}})",
                    (0.85, "orange"),
                    (0.95, "red"),
                    runbook="VFactoryDiskFull",
                ),
                stat(
                    "Node CPU",
                    "Share of the nodes' CPU time in use.",
                    "percentunit",
                    '1 - avg(rate(node_cpu_seconds_total{mode="idle"}[5m]))',
                    (0.8, "orange"),
                    (0.95, "red"),
                    runbook="VFactoryCpuHigh",
                ),
            ),
        ),
        Row(
            "Processes",
            (
                Panel(
                    "CPU by process (CPU 사용률)",
                    "Cores in use. One process uses one core at most.",
                    "cores",
                    query(
                        f"sum by (job, instance) (rate(process_cpu_seconds_total{{{SERVICE}}}[$__rate_interval]))",
                        "{{job}} {{instance}}",
                    ),
                    width=12,
                    runbook="VFactoryCpuHigh",
                ),
                Panel(
                    "Memory by process (메모리 사용률)",
                    "Resident bytes. A slope over days at the same load is a leak.",
                    "bytes",
                    query(f"process_resident_memory_bytes{{{SERVICE}}}", "{{job}} {{instance}}"),
                    width=12,
                    runbook="VFactoryMemoryHigh",
                ),
                Panel(
                    "CPU against its limit",
                    "Share of the CPU that a process or its container may use; 80 % is a warning, 95 % wakes somebody.",
                    "percentunit",
                    query('vfactory:cpu_limit:ratio{job=~"v-factory-$service(-worker)?"}', "{{job}} {{pod}}"),
                    width=12,
                    thresholds=((0.8, "orange"), (0.95, "red")),
                    runbook="VFactoryCpuCritical",
                    empty=NEEDS_LIMIT,
                ),
                Panel(
                    "Memory against its limit",
                    "Share of the memory that a process or its container may use; at 100 % the kernel kills it.",
                    "percentunit",
                    query(
                        'vfactory:memory_limit:ratio{job=~"v-factory-$service(-worker)?"}', "{{job}} {{pod}}"
                    ),
                    width=12,
                    thresholds=((0.8, "orange"), (0.95, "red")),
                    runbook="VFactoryMemoryCritical",
                    empty=NEEDS_LIMIT,
                ),
                Panel(
                    "File descriptors",
                    "Share of the files and connections that a process may have open.",
                    "percentunit",
                    query(
                        f"process_open_fds{{{SERVICE}}} / process_max_fds{{{SERVICE}}}",
                        "{{job}} {{instance}}",
                    ),
                    thresholds=((0.8, "orange"),),
                    runbook="VFactoryFileDescriptorsHigh",
                ),
                Panel(
                    "Event loop",
                    "Seconds that the event loop stood still at most; everything the process serves waits as long.",
                    "s",
                    query(f"max by (job) (vfactory_event_loop_lag_seconds{{{SERVICE}}})", "{{job}}"),
                    thresholds=((0.25, "orange"),),
                    runbook="VFactoryEventLoopBlocked",
                ),
                Panel(
                    "Starts",
                    "Starts of processes; a rollout makes one each.",
                    "short",
                    query(
                        f"sum by (job) (changes(process_start_time_seconds{{{SERVICE}}}[$__rate_interval]))",
                        "{{job}}",
                    ),
                    runbook="VFactoryRestarted",
                ),
            ),
        ),
        Row(
            "Containers",
            (
                Panel(
                    "Container memory",
                    "Working set by pod: what the kernel counts against the limit.",
                    "bytes",
                    query(
                        'max by (pod, container) (container_memory_working_set_bytes{namespace="v-factory", container!=""})',
                        "{{pod}} {{container}}",
                    ),
                    empty=NEEDS_KUBERNETES,
                    runbook="VFactoryMemoryHigh",
                ),
                Panel(
                    "Container CPU",
                    "Cores in use by pod.",
                    "cores",
                    query(
                        "sum by (pod, container) (rate(container_cpu_usage_seconds_total"
                        '{namespace="v-factory", container!=""}[$__rate_interval]))',
                        "{{pod}} {{container}}",
                    ),
                    empty=NEEDS_KUBERNETES,
                    runbook="VFactoryCpuHigh",
                ),
                Panel(
                    "Pod restarts (Pod 재시작)",
                    "Restarts of containers by Kubernetes, when they happened.",
                    "short",
                    query(
                        "sum by (pod, container) "
                        '(increase(kube_pod_container_status_restarts_total{namespace="v-factory"}[$__rate_interval]))',
                        "{{pod}} {{container}}",
                    ),
                    empty=NEEDS_KUBERNETES,
                    runbook="VFactoryPodRestarted",
                ),
            ),
        ),
        Row(
            "Nodes",
            (
                Panel(
                    "Node CPU",
                    "Share of CPU time by mode, all nodes.",
                    "percentunit",
                    query(
                        'avg by (mode) (rate(node_cpu_seconds_total{mode!="idle"}[$__rate_interval]))',
                        "{{mode}}",
                    ),
                    stacked=True,
                    highest=1,
                ),
                Panel(
                    "Node memory available",
                    "Bytes available on every node.",
                    "bytes",
                    query("node_memory_MemAvailable_bytes", "{{instance}}"),
                    runbook="VFactoryNodeMemoryLow",
                ),
                Panel(
                    "Disk in use",
                    "Share of every file system that is in use.",
                    "percentunit",
                    query(
                        f"max by (instance, mountpoint) (1 - node_filesystem_avail_bytes{{{DISKS}}}"
                        f" / node_filesystem_size_bytes{{{DISKS}}})",
                        "{{instance}} {{mountpoint}}",
                    ),
                    thresholds=((0.85, "orange"), (0.95, "red")),
                    highest=1,
                    runbook="VFactoryDiskFilling",
                ),
                Panel(
                    "Kills for lack of memory",
                    "Processes that the kernel killed, per second, by node.",
                    "ops",
                    query("rate(node_vmstat_oom_kill[$__rate_interval])", "{{instance}}"),
                    runbook="VFactoryOutOfMemoryKilled",
                ),
                Panel(
                    "Disk throughput",
                    "Bytes read and written per second by node.",
                    "binBps",
                    query(
                        "sum by (instance) (rate(node_disk_read_bytes_total[$__rate_interval])"
                        " + rate(node_disk_written_bytes_total[$__rate_interval]))",
                        "{{instance}}",
                    ),
                ),
            ),
        ),
    ),
)
