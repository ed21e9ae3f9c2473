"""What the event streams tell about themselves."""

from prometheus_client import Counter, Gauge

SSE_CLIENTS = Gauge("vfactory_sse_clients", "Clients that hold an event stream open.")
SSE_ENDED = Counter("vfactory_sse_ended", "Event streams that ended, by why they did.", ["reason"])
SSE_EVENTS_SENT = Counter("vfactory_sse_events_sent", "Events sent to clients, once for each.")

REASONS = ("client", "slow", "expired", "drain")
for _reason in REASONS:
    SSE_ENDED.labels(_reason)
