"""Corrections of readings that are kept: each one a record that stays."""
