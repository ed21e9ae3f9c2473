"""Broken rules."""

from support.monitoring.broken.places import EVENTS, RECORDING, RULES, SERVICES, TESTS
from support.monitoring.tree import Mutation, swap, write

LAG = "sum by (job, publisher) (vfactory_consumer_lag_events) > 1000"
COPY = """
groups:
  - name: twice
    rules:
      - record: job:http_requests:rate5m
        expr: vector(1)
"""


IN_RULES = (
    Mutation(EVENTS, swap(LAG, f"({LAG}"), "VFactoryConsumerLagHigh", "is no PromQL"),
    Mutation(
        EVENTS, swap(f"{LAG}", LAG.replace(" > 1000", "")), "VFactoryConsumerLagHigh", "compares with nothing"
    ),
    Mutation(
        EVENTS, swap("late_total[5m]", "late_total[30s]"), "VFactoryReadingsLate", "fewer than 4 scrapes"
    ),
    Mutation(
        EVENTS,
        swap('{reason="slow"}', '{reason=~"slow"}'),
        "VFactoryStreamClientsCut",
        "no regular expression",
    ),
    Mutation(
        EVENTS, swap('{reason="slow"}', '{reason=~".*"}'), "VFactoryStreamClientsCut", "matches everything"
    ),
    Mutation(
        SERVICES,
        swap(
            '"v-factory-incident-event-worker"})\n        for: 1m',
            '"v-factory-incident-event-worker"})\n        for: 15s',
        ),
        "VFactoryTargetAbsent",
        "absent() without a `for` of two scrapes",
    ),
    Mutation(EVENTS, swap(LAG, f"topk(3, {LAG})"), "VFactoryConsumerLagHigh", "topk or bottomk"),
    Mutation(
        EVENTS,
        swap("severity: warning", "severity: urgent"),
        "VFactoryConsumerLagHigh",
        "severity must be one of",
    ),
    Mutation(
        EVENTS,
        swap("service: incident-event", "team: events"),
        "VFactoryConsumerAbsent",
        "has no label service",
    ),
    Mutation(
        EVENTS,
        swap("service: incident-event", "service: incident-event\n          lag: '{{ $value }}'"),
        "VFactoryConsumerAbsent",
        "the label lag holds the value",
    ),
    Mutation(
        EVENTS,
        swap(
            "Nobody consumes the events of {{ $labels.publisher }}", "Nobody consumes: {{ $labels.instance }}"
        ),
        "VFactoryConsumerAbsent",
        "$labels.instance is used, but does not survive",
    ),
    Mutation(
        EVENTS,
        swap("          summary: 'Nobody", "          title: 'Nobody"),
        "VFactoryConsumerAbsent",
        "no annotation summary",
    ),
    Mutation(
        EVENTS,
        swap(
            "summary_ko: '{{ $labels.publisher }} 이벤트의 전부 또는 일부를 처리하는 프로세스가 없습니다'",
            "summary_ko: 'nobody'",
        ),
        "VFactoryConsumerAbsent",
        "summary_ko is not Korean",
    ),
    Mutation(
        EVENTS,
        swap("alert: VFactoryConsumerAbsent", "alert: ConsumerAbsent"),
        "ConsumerAbsent",
        "is named VFactory",
    ),
    Mutation(
        RECORDING,
        swap("job:http_errors:rate2m", "http_errors_rate2m"),
        "http_errors_rate2m",
        "level:metric:operations",
    ),
    Mutation(
        EVENTS,
        swap("/VFactoryConsumerAbsent.md", "/VFactoryConsumerStalled.md"),
        "VFactoryConsumerAbsent",
        "not to its own page",
    ),
    Mutation(
        EVENTS,
        swap("/d/vfactory-factory", "/d/vfactory-plant"),
        "VFactoryConsumerStalled",
        "which is no dashboard",
    ),
    Mutation(f"{RULES}/twice.yml", write(COPY), "job:http_requests:rate5m", "is there twice"),
    Mutation(
        EVENTS,
        lambda text: text.replace("VFactoryConsumerLagHigh\n", "VFactoryConsumerLag\n"),
        "VFactoryConsumerLagHigh",
        "has no test in which it fires",
        by=TESTS,
    ),
    Mutation(
        EVENTS,
        lambda text: text.replace("VFactoryConsumerLagHigh\n", "VFactoryConsumerLag\n"),
        "VFactoryConsumerLagHigh",
        "has no test in which it is silent",
        by=TESTS,
    ),
)
