"""Own lints over rules, routes and dashboards."""
