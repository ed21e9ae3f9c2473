"""Mixed traffic for a running plant: what senders, people, clients and mistakes do to it."""

from monitoring.traffic.drive import Traffic, drive, in_background

__all__ = ["Traffic", "drive", "in_background"]
