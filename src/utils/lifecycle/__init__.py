"""A process between its start and its end: states, background tasks, watchdog, limits and ways out."""

from utils.lifecycle.cancellation import heed_cancellation
from utils.lifecycle.exits import (
    EX_SOFTWARE,
    EX_USAGE,
    FAILURE,
    ExitDeadline,
    StartError,
    exit_at_once,
    exit_soon,
)
from utils.lifecycle.loop_lag import LoopLag
from utils.lifecycle.received_bytes import (
    CROWDED_SCOPE_KEY,
    HELD_SCOPE_KEY,
    MAX_RECEIVED_BYTES,
    RECEIVED,
    TURNED_AWAY,
    HeldBytes,
    ReceivedBytes,
)
from utils.lifecycle.resource_limits import expose_limits, raise_file_limit
from utils.lifecycle.state import Lifecycle
from utils.lifecycle.supervision import Backoff, supervise
from utils.lifecycle.turns import spread
from utils.lifecycle.watchdog import Watchdog
from utils.lifecycle.writability import note_write

__all__ = [
    "CROWDED_SCOPE_KEY",
    "EX_SOFTWARE",
    "EX_USAGE",
    "FAILURE",
    "HELD_SCOPE_KEY",
    "MAX_RECEIVED_BYTES",
    "RECEIVED",
    "TURNED_AWAY",
    "Backoff",
    "ExitDeadline",
    "HeldBytes",
    "Lifecycle",
    "LoopLag",
    "ReceivedBytes",
    "StartError",
    "Watchdog",
    "exit_at_once",
    "exit_soon",
    "expose_limits",
    "heed_cancellation",
    "note_write",
    "raise_file_limit",
    "spread",
    "supervise",
]
