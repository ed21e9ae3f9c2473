"""`python -m asset_management api|migrate|await-schema`."""

from utils.serving import main

if __name__ == "__main__":
    main(
        "asset-management",
        {
            "api": "asset_management.app:run",
            "migrate": "asset_management.migrations.run:run",
            "await-schema": "asset_management.migrations.run:wait",
        },
    )
