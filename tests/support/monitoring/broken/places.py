"""The files that are broken."""

RULES = "monitoring/prometheus/rules"
EVENTS, SERVICES, RECORDING = (f"{RULES}/{name}.yml" for name in ("events", "services", "recording"))
TESTS = "monitoring/prometheus/tests/events_test.yml"
BOARDS = "monitoring/grafana/generated"
OVERVIEW, FACTORY, LOGS = (f"{BOARDS}/vfactory-{name}.json" for name in ("overview", "factory", "logs"))
ROUTES = "monitoring/alertmanager/alertmanager.yml"
PAGES = "docs/runbooks"
DEPENDENCIES = f"{RULES}/dependencies.yml"
