"""`deploy/kubernetes/local-secrets`: each service of the overlay `local` has a role of its own."""

import json
import subprocess
from urllib.parse import urlsplit

import asyncpg

from support import ROOT
from support.manifests.built import SERVICES
from support.servers import Postgres

OWNER = "vfactory_owner"


async def test_the_secrets_of_local_give_each_service_its_role(postgres: Postgres) -> None:
    script = ROOT / "deploy/kubernetes/local-secrets"
    done = subprocess.run([str(script)], capture_output=True, text=True, check=True)  # noqa: ASYNC221
    made = {item["metadata"]["name"]: item["stringData"] for item in json.loads(done.stdout)["items"]}
    database, roles = "local_roles", [OWNER, "postgres-exporter", *SERVICES]
    postgres.create_database(database)
    connection = await asyncpg.connect(postgres.url(database))
    try:
        await connection.execute(made["local-postgres"]["roles.sql"])
        for secret in (f"{service}-database{end}" for service in SERVICES for end in ("", "-owner")):
            there = urlsplit(made[secret]["url"])
            assert (there.hostname, there.path) == ("postgres", "/vfactory")
            here = f"postgresql://{there.username}:{there.password}@127.0.0.1:{postgres.port}/{database}"
            client = await asyncpg.connect(here)
            service = secret.removesuffix("-owner").removesuffix("-database").replace("-", "_")
            assert await client.fetchval("SELECT has_schema_privilege($1, 'usage')", service)
            creates = await client.fetchval("SELECT has_schema_privilege($1, 'create')", service)
            assert creates == secret.endswith("-owner")
            await client.close()
        assert made["postgres-exporter"]["user"] == "postgres-exporter"
    finally:
        await connection.close()
        postgres.drop_database(database)
        for role in roles:
            postgres.sql(f'DROP ROLE IF EXISTS "{role}"')
