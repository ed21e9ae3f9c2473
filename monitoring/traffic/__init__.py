"""Mixed traffic for a running plant: what senders, people, clients and mistakes do to it."""

from monitoring.traffic.drive import Traffic, drive, in_background
from monitoring.traffic.target import Target, local_target

__all__ = ["Target", "Traffic", "drive", "in_background", "local_target"]
