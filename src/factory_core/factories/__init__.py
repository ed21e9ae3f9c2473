"""Factories: their names, time zones and floors."""
