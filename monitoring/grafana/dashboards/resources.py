"""Resources: CPU, memory, files and disks against their limits, and who was restarted."""

from monitoring.grafana.board import (
    NEEDS_KUBERNETES,
    SERVICE,
    Board,
    Panel,
    Query,
    Row,
    query,
    stat,
)

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
                    runbooks=("VFactoryCrashLooping",),
                ),
                stat(
                    "Node memory free",
                    "Share of the node's memory that is available; below 10 % the kernel may begin to kill.",
                    "percentunit",
                    "min(node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)",
                    runbooks=("VFactoryNodeMemoryLow",),
                ),
                stat(
                    "Fullest disk",
                    "Share of the fullest file system that is in use.",
                    "percentunit",
                    f"max(1 - node_filesystem_avail_bytes{{{DISKS}}} / node_filesystem_size_bytes{{{DISKS}}})",
                    (0.85, "orange"),
                    (0.95, "red"),
                    runbooks=("VFactoryDiskFull",),
                ),
                stat(
                    "Node CPU",
                    "Share of the nodes' CPU time in use.",
                    "percentunit",
                    '1 - avg(rate(node_cpu_seconds_total{mode="idle"}[5m]))',
                    (0.8, "orange"),
                    (0.95, "red"),
                    runbooks=("VFactoryCpuHigh",),
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
                    runbooks=("VFactoryCpuHigh",),
                ),
                Panel(
                    "Memory by process (메모리 사용률)",
                    "Resident bytes. A slope over days at the same load is a leak.",
                    "bytes",
                    query(f"process_resident_memory_bytes{{{SERVICE}}}", "{{job}} {{instance}}"),
                    width=12,
                    runbooks=("VFactoryMemoryHigh",),
                ),
                Panel(
                    "CPU against its limit",
                    "Share of the CPU that a process or its container may use; 80 % is a warning, 95 % wakes somebody.",
                    "percentunit",
                    query('vfactory:cpu_limit:ratio{job=~"v-factory-$service(-worker)?"}', "{{job}} {{pod}}"),
                    width=12,
                    thresholds=((0.8, "orange"), (0.95, "red")),
                    runbooks=("VFactoryCpuCritical",),
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
                    runbooks=("VFactoryMemoryCritical",),
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
                    runbooks=("VFactoryFileDescriptorsHigh",),
                ),
                Panel(
                    "Event loop",
                    "Seconds that the event loop stood still at most; everything the process serves waits as long.",
                    "s",
                    query(f"max by (job) (vfactory_event_loop_lag_seconds{{{SERVICE}}})", "{{job}}"),
                    thresholds=((0.25, "orange"),),
                    runbooks=("VFactoryEventLoopBlocked",),
                ),
                Panel(
                    "Held requests",
                    "Share of the bytes of requests, and of the connections, that a process may hold.",
                    "percentunit",
                    (
                        *query(
                            f"vfactory_http_held_bytes{{{SERVICE}}} / vfactory_http_held_limit_bytes{{{SERVICE}}}",
                            "bytes {{job}} {{instance}}",
                        ),
                        *query(
                            f"vfactory_http_connections{{{SERVICE}}} / vfactory_http_connections_limit{{{SERVICE}}}",
                            "connections {{job}} {{instance}}",
                        ),
                    ),
                    thresholds=((0.9, "orange"),),
                    runbooks=("VFactoryRequestsTurnedAway",),
                ),
                Panel(
                    "Starts",
                    "Starts of processes; a rollout makes one each.",
                    "short",
                    query(
                        f"sum by (job) (changes(process_start_time_seconds{{{SERVICE}}}[$__rate_interval]))",
                        "{{job}}",
                    ),
                    runbooks=("VFactoryRestarted",),
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
                    runbooks=("VFactoryMemoryHigh",),
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
                    runbooks=("VFactoryCpuHigh",),
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
                    runbooks=("VFactoryPodRestarted", "VFactoryCrashLooping"),
                ),
                Panel(
                    "Throttled",
                    "Share of its scheduling periods in which the kernel held a container back; above 25 % its limit is too small.",
                    "percentunit",
                    query(
                        "sum by (pod, container) (rate(container_cpu_cfs_throttled_periods_total"
                        '{namespace="v-factory", container!=""}[$__rate_interval]))'
                        " / sum by (pod, container) (rate(container_cpu_cfs_periods_total"
                        '{namespace="v-factory", container!=""}[$__rate_interval]))',
                        "{{pod}} {{container}}",
                    ),
                    thresholds=((0.25, "orange"),),
                    highest=1,
                    empty=NEEDS_KUBERNETES,
                    runbooks=("VFactoryCpuThrottled",),
                ),
                Panel(
                    "Not there",
                    "Pods that are not ready, replicas that are missing, and pods of jobs that failed. All should be 0.",
                    "short",
                    (
                        Query(
                            'sum(kube_pod_status_ready{namespace="v-factory", condition="false"}'
                            ' unless on (pod) kube_pod_status_phase{namespace="v-factory", phase="Succeeded"} == 1)',
                            "pods not ready",
                        ),
                        Query(
                            'sum(kube_deployment_spec_replicas{namespace="v-factory"}'
                            ' - kube_deployment_status_replicas_available{namespace="v-factory"})',
                            "replicas missing",
                        ),
                        Query('sum(kube_job_status_failed{namespace="v-factory"})', "pods of jobs failed"),
                    ),
                    empty=NEEDS_KUBERNETES,
                    runbooks=(
                        "VFactoryPodNotReady",
                        "VFactoryReplicasMissing",
                        "VFactoryRolloutStuck",
                        "VFactoryAutoscalerAtMaximum",
                        "VFactoryJobFailed",
                        "VFactoryBackupOld",
                    ),
                ),
                Panel(
                    "Volumes in use",
                    "Share of every persistent volume that is in use.",
                    "percentunit",
                    query(
                        "1 - max by (persistentvolumeclaim) "
                        '(kubelet_volume_stats_available_bytes{namespace="v-factory"})'
                        " / max by (persistentvolumeclaim) "
                        '(kubelet_volume_stats_capacity_bytes{namespace="v-factory"})',
                        "{{persistentvolumeclaim}}",
                    ),
                    thresholds=((0.85, "orange"),),
                    highest=1,
                    empty=NEEDS_KUBERNETES,
                    runbooks=("VFactoryVolumeFilling",),
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
                    runbooks=("VFactoryNodeMemoryLow",),
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
                    runbooks=("VFactoryDiskFull", "VFactoryDiskFilling"),
                ),
                Panel(
                    "Inodes in use",
                    "Share of every file system's inodes; with none left no file can be made, however much space there is.",
                    "percentunit",
                    query(
                        f"max by (instance, mountpoint) (1 - node_filesystem_files_free{{{DISKS}}}"
                        f" / (node_filesystem_files{{{DISKS}}} > 0))",
                        "{{instance}} {{mountpoint}}",
                    ),
                    thresholds=((0.95, "orange"),),
                    highest=1,
                    runbooks=("VFactoryInodesLow",),
                ),
                Panel(
                    "Clocks",
                    "Seconds between every node's clock and Prometheus'; rules run in event time, so 5 s is a warning.",
                    "s",
                    query("abs(node_time_seconds - timestamp(node_time_seconds))", "{{instance}}"),
                    thresholds=((5, "orange"),),
                    runbooks=("VFactoryClockSkewed",),
                ),
                Panel(
                    "Kills for lack of memory",
                    "Processes that the kernel killed, per second, by node.",
                    "ops",
                    query("rate(node_vmstat_oom_kill[$__rate_interval])", "{{instance}}"),
                    runbooks=("VFactoryOutOfMemoryKilled",),
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
