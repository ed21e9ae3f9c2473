"""A process from its first line to its last: command, start, drain, shutdown, watchdog, background tasks."""

from utils.lifecycle.command import main
from utils.lifecycle.server import serve
from utils.lifecycle.state import Lifecycle
from utils.lifecycle.supervision import supervise
from utils.lifecycle.watchdog import Watchdog

__all__ = ["Lifecycle", "Watchdog", "main", "serve", "supervise"]
