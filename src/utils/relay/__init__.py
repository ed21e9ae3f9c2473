"""Moves committed events to Redis: one leader per service numbers, publishes, and repairs what was lost."""

from utils.relay.relay import Relay

__all__ = ["Relay"]
