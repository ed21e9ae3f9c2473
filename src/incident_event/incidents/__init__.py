"""Incidents: what happened, who works it, and its history that nobody edits."""
