"""Moves committed events to Redis streams: one leader per service numbers, publishes and repairs."""

from utils.relay.relay import Relay

__all__ = ["Relay"]
