"""`python -m incident_event api|worker|migrate|await-schema`."""

from utils.serving import main

if __name__ == "__main__":
    main(
        "incident-event",
        {
            "api": "incident_event.app:run",
            "worker": "incident_event.worker:run",
            "migrate": "incident_event.migrations.run:run",
            "await-schema": "incident_event.migrations.run:wait",
        },
    )
