"""Breaks a running stack on purpose, and measures when who is told of it."""
