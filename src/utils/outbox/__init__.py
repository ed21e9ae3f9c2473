"""The outbox: events that commit in one transaction with the state they describe, and their history."""

from utils.outbox.bell import Doorbell
from utils.outbox.event import Event, StoredEvent
from utils.outbox.log import EventLog
from utils.outbox.outbox import INSERT_EVENTS, Outbox
from utils.outbox.tables import create_consumer_tables, create_outbox_tables, create_set_aside_tables

__all__ = [
    "INSERT_EVENTS",
    "Doorbell",
    "Event",
    "EventLog",
    "Outbox",
    "StoredEvent",
    "create_consumer_tables",
    "create_outbox_tables",
    "create_set_aside_tables",
]
