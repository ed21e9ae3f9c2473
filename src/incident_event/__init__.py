"""Incident Event: rules, alarms and incidents, pushed to the people who act."""
