"""What the evaluation of rules tells about itself."""

from prometheus_client import Counter, Gauge, Histogram

READINGS_EVALUATED = Counter(
    "vfactory_readings_evaluated", "Readings evaluated, once for each rule that watches them."
)
READINGS_LATE = Counter(
    "vfactory_readings_late", "Readings not evaluated because they came later than a rule's bound."
)
READINGS_BAD = Counter(
    "vfactory_readings_bad", "Readings not evaluated because their quality was bad, once for each rule."
)
READINGS_HELD = Gauge(
    "vfactory_readings_held", "Readings stamped ahead of the clock that wait in this process for their time."
)
DETECTION_LATENCY = Histogram(
    "vfactory_detection_latency_seconds",
    "From a batch being accepted to the incident it caused being committed.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
RULES_WATCHED = Gauge("vfactory_rules_watched", "Rules this process evaluates.")
