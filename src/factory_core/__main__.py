"""`python -m factory_core api|worker|migrate|await-schema`."""

from utils.serving import main

if __name__ == "__main__":
    main(
        "factory-core",
        {
            "api": "factory_core.app:run",
            "worker": "factory_core.worker:run",
            "migrate": "factory_core.migrations.run:run",
            "await-schema": "factory_core.migrations.run:wait",
        },
    )
