"""Dashboards as typed Python; Grafana reads the JSON made from it."""
