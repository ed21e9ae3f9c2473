"""Broken routes, inhibitions, secrets, and times that do not nest."""

from support.monitoring.broken.places import DEPENDENCIES, EVENTS, ROUTES
from support.monitoring.tree import Change, Mutation, swap, without_lines

WEBHOOK = "http://incident-event-service:8000"
IN_ROUTES = (
    Mutation(
        ROUTES,
        swap("DiskFilling|InodesLow", "DiskFills|InodesLow"),
        "inhibition 10",
        "VFactoryDiskFills is no alert",
    ),
    Mutation(
        ROUTES,
        swap(
            'target_matchers: [alertname =~ "VFactoryRedis(',
            'target_matchers: [service =~ "redis", job =~ "VFactoryRedis(',
        ),
        "inhibition 8",
        "target_matchers names no alert",
    ),
    Mutation(
        ROUTES,
        swap('(Stalled|Failing)"]\n    equal: [service]', '(Stalled|Failing)"]\n    equal: [instance]'),
        "inhibition 22",
        "asks for an equal instance, which VFactoryConsumerAbsent does not have",
    ),
    Mutation(
        ROUTES,
        swap('"VFactoryWatchdog"', '"VFactoryWatch"'),
        "route to watchdog",
        "VFactoryWatch is no alert",
    ),
    Mutation(
        ROUTES,
        swap('matchers: [severity = "warning"]', 'matchers: [severity =~ "warning|critical"]'),
        "route to slack-services",
        "can be muted although critical alerts may pass it",
    ),
    Mutation(
        ROUTES,
        lambda text: text.replace('[severity = "warning"', '[severity = "warn"'),
        "VFactoryConsumerLagHigh",
        "no route takes its severity warning",
    ),
    Mutation(
        ROUTES,
        swap("receivers:\n  - name: nobody", "receivers:\n  - name: someone\n  - name: nobody"),
        "someone",
        "no route leads to",
    ),
    Mutation(ROUTES, without_lines("max_alerts"), "incident-event", "without max_alerts"),
    Mutation(
        ROUTES,
        swap("routing_key_file: /etc/alertmanager/secrets/pagerduty_routing_key", "routing_key: abc"),
        "secrets",
        "routing_key holds a secret",
    ),
    Mutation(
        ROUTES,
        swap("/etc/alertmanager/secrets/slack_url", "/srv/slack_url"),
        "secrets",
        "api_url_file names a file that is not below",
    ),
    Mutation(
        ROUTES,
        swap(WEBHOOK, "http://user:password@incident-event-service:8000"),
        "secrets",
        "url holds an address that is a secret",
    ),
)

DOWN = "for: 15s\n        keep_firing_for: 6m"
ABSENT = "alert: VFactoryConsumerAbsent"


def absent(old: str, new: str) -> Change:
    """Change the alert VFactoryConsumerAbsent."""

    def change(text: str) -> str:
        before, name, after = text.partition(ABSENT)
        return before + name + swap(old, new)(after)

    return change


IN_TIMES = (
    Mutation(
        ROUTES,
        swap(DOWN, DOWN.replace("6m", "2m")),
        "VFactoryDatabaseDown",
        "keep_firing_for must be longer",
        by=DEPENDENCIES,
    ),
    Mutation(
        ROUTES,
        absent("keep_firing_for: 2m", "keep_firing_for: 8m"),
        "VFactoryConsumerAbsent",
        "may last",
        by=EVENTS,
    ),
    Mutation(ROUTES, absent("for: 1m", "for: 0s"), "VFactoryConsumerAbsent", "may be told after", by=EVENTS),
)
