"""Prometheus, Alertmanager and their exporters as parts of the local stack."""
