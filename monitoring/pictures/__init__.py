"""Draws what the dashboards show, without Grafana: every panel's query, asked of a live Prometheus."""
