"""The compose file names what there is, and hardens what it starts."""

import json
import shutil
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncpg
import jwt
import pytest
import yaml

from embedded import postgres_binary
from support import ROOT
from support.manifests.built import SERVICES, WORKERS
from support.servers import Postgres
from utils.auth import Principal, Role, SigningKey, issue_token
from utils.auth.authorizer import create_verifier
from utils.errors import UnauthorizedError
from utils.settings import ServiceSettings

COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
PROCESSES = [*SERVICES, *WORKERS]
GRAFANA = ROOT / "monitoring/grafana/provisioning"
# Written by deploy/compose/prepare.
MADE = "./deploy/compose/secrets"


@pytest.mark.parametrize("name", sorted(COMPOSE["services"]))
def test_every_file_that_is_mounted_is_there(name: str) -> None:
    mounts = [volume.split(":")[0] for volume in COMPOSE["services"][name].get("volumes", [])]
    files = [path for path in mounts if path.startswith("./") and not path.startswith(MADE)]

    assert [path for path in files if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("name", PROCESSES)
def test_our_processes_write_nowhere_and_may_do_nothing(name: str) -> None:
    process = COMPOSE["services"][name]

    assert process["read_only"] is True
    assert process["cap_drop"] == ["ALL"]
    assert process["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("service", SERVICES)
def test_services_have_the_guides_host_names(service: str) -> None:
    assert COMPOSE["services"][service]["networks"]["plant"]["aliases"] == [f"{service}-service"]


@pytest.mark.parametrize("name", PROCESSES)
def test_processes_wait_for_their_services_migration(name: str) -> None:
    migration = f"{name.removesuffix('-worker')}-migrate"

    assert COMPOSE["services"][name]["depends_on"] == {
        migration: {"condition": "service_completed_successfully"}
    }


def test_ports_are_published_on_the_loopback_only() -> None:
    published = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]

    assert published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


def test_grafana_has_a_datasource_of_every_type_the_dashboards_choose_from() -> None:
    files = (ROOT / "monitoring/grafana/generated").glob("*.json")
    dashboards: list[dict[str, Any]] = [json.loads(path.read_text("utf-8")) for path in files]
    wanted = {
        variable["query"]
        for dashboard in dashboards
        for variable in dashboard["templating"]["list"]
        if variable["type"] == "datasource"
    }
    sources = yaml.safe_load((GRAFANA / "datasources/v-factory.yml").read_text("utf-8"))["datasources"]
    [provider] = yaml.safe_load((GRAFANA / "dashboards/v-factory.yml").read_text("utf-8"))["providers"]
    mounts = COMPOSE["services"]["grafana"]["volumes"]

    assert wanted
    assert {source["type"] for source in sources} >= wanted
    assert all(source["url"].split("/")[2].split(":")[0] in COMPOSE["services"] for source in sources)
    assert f"./monitoring/grafana/generated:{provider['options']['path']}:ro" in mounts


@pytest.mark.parametrize("name", sorted(COMPOSE["services"]))
def test_no_program_takes_orders_on_its_port_or_has_dockers_socket(name: str) -> None:
    service = str(COMPOSE["services"][name])
    for order in ("--web.enable-lifecycle", "--web.enable-admin-api", "docker.sock", "privileged"):
        assert order not in service


def test_what_alloy_reads_beside_the_lines_is_written_for_every_container() -> None:
    configuration = (ROOT / "monitoring/logs/loki/compose.alloy").read_text("utf-8")
    for name, service in COMPOSE["services"].items():
        options = service["logging"]["options"]
        assert service["logging"]["driver"] == "json-file", name
        assert options["tag"] == "{{.Name}}"
        for label in options["labels"].split(","):
            assert f'attrs.\\"{label}\\"' in configuration


@pytest.fixture(scope="module")
def deploy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of `deploy` in which the secrets have been made, on top of those of an earlier release."""
    folder = tmp_path_factory.mktemp("compose") / "deploy"
    shutil.copytree(ROOT / "deploy", folder, ignore=shutil.ignore_patterns("secrets", "kubernetes"))
    before = folder / "compose/secrets"
    (before / "alertmanager").mkdir(parents=True)
    (before / "auth_secret").write_text("s" * 40)
    (before / "alertmanager/incident_event_token").write_text("of the shared secret")
    (before / "postgres_password").write_text("kept-as-it-was\n")
    for _ in range(2):
        subprocess.run([folder / "compose/prepare"], check=True, capture_output=True, timeout=60)
    return folder


def mounted(name: str) -> dict[str, str]:
    """The files below `secrets`, or elsewhere in the repository, by the name in the container."""
    files = {secret: one["file"] for secret, one in COMPOSE["secrets"].items()}
    given = COMPOSE["services"][name].get("secrets", [])
    pairs = [(one, one) if isinstance(one, str) else (one["target"], one["source"]) for one in given]
    return {target: files[source] for target, source in pairs}


def test_every_secret_is_made_and_none_of_before_is_made_anew(deploy: Path) -> None:
    for secret in COMPOSE["secrets"].values():
        assert (deploy.parent / secret["file"]).is_file(), secret["file"]
    assert (deploy / "compose/secrets/postgres_password").read_text() == "kept-as-it-was\n"
    assert not (deploy / "compose/secrets/auth_secret").exists()
    assert stat.S_IMODE((deploy / "compose/secrets").stat().st_mode) == 0o700


@pytest.mark.parametrize("name", sorted(COMPOSE["services"]))
def test_a_container_has_the_private_key_or_the_database_of_nobody_else(deploy: Path, name: str) -> None:
    private = {
        file for file in mounted(name).values() if "PRIVATE KEY" in (deploy.parent / file).read_text("utf-8")
    }
    own = "deploy/compose/secrets/incident_event_worker_key"
    assert private == ({own} if name == "incident-event-worker" else set())
    service = name.removesuffix("-worker").removesuffix("-migrate")
    if service in SERVICES:
        url = f"deploy/compose/secrets/{service.replace('-', '_')}_database_url"
        assert [file for file in mounted(name).values() if "database" in file] == [url]


@pytest.mark.parametrize("name", SERVICES)
async def test_an_api_believes_the_token_script_alertmanager_and_the_worker(deploy: Path, name: str) -> None:
    verifier = create_verifier(settings_of(deploy, name))
    secrets = deploy / "compose/secrets"

    async def verified(token: str) -> Principal:
        return await verifier.verify(token.strip())

    script = [str(deploy / "token"), "--key", str(secrets / "signing_key"), "--role", "operator"]
    said = subprocess.run(script, capture_output=True, text=True, check=True)  # noqa: ASYNC221
    assert (await verified(said.stdout)).role is Role.OPERATOR
    signing = SigningKey.read((secrets / "signing_key").read_text())
    assert jwt.get_unverified_header(said.stdout.strip())["kid"] == signing.kid
    alertmanager = await verified((secrets / "alertmanager/incident_event_token").read_text())
    assert alertmanager.role is Role.ALERTMANAGER
    worker = SigningKey.read((secrets / "incident_event_worker_key").read_text())
    for role in (Role.SERVICE, Role.ADMIN):
        token = issue_token(worker, subject="w", role=role, issuer="incident-event-worker")
        if role is Role.SERVICE:
            assert (await verified(token)).role is role
        else:
            with pytest.raises(UnauthorizedError):
                await verified(token)


def settings_of(deploy: Path, name: str) -> ServiceSettings:
    """The settings of an API, as its container's variables and files give them."""
    folder = deploy.parent / f"run-{name}"
    folder.mkdir(exist_ok=True)
    for target, file in mounted(name).items():
        shutil.copy(deploy.parent / file, folder / target)
    variables: Mapping[str, str] = COMPOSE["services"][name]["environment"]
    files = {
        key.lower(): folder / Path(value).name for key, value in variables.items() if key.endswith("_FILE")
    }
    return ServiceSettings(**files)


async def test_the_script_for_the_roles_makes_each_one_of_its_own(deploy: Path, postgres: Postgres) -> None:
    roles = ("factory_core", "incident_event", "asset_management", "postgres_exporter")
    postgres.create_database("compose_roles")
    secrets = deploy.parent / "of-roles"
    shutil.copytree(deploy / "compose/secrets", secrets)
    (secrets / "postgres_password").chmod(0o600)
    (secrets / "postgres_password").write_text(postgres.server.password)
    try:
        for _ in range(2):
            subprocess.run(  # noqa: ASYNC221 - nothing else runs meanwhile
                [deploy / "compose/make-roles"],
                env={
                    "PATH": f"{postgres_binary('psql').parent}:/usr/bin:/bin",
                    "SECRETS_FOLDER": str(secrets),
                    "ROLES_FILE": str(ROOT / "src/vfactory/stack/parts/roles.sql"),
                    "PGHOST": "127.0.0.1",
                    "PGPORT": str(postgres.server.port),
                    "PGUSER": postgres.server.user,
                    "PGDATABASE": "compose_roles",
                },
                check=True,
                timeout=30,
            )
        for role in roles:
            password = (secrets / f"{role}_database_password").read_text().strip()
            connection = await asyncpg.connect(
                f"postgresql://{role}:{password}@127.0.0.1:{postgres.server.port}/compose_roles"
            )
            assert await connection.fetchval("SELECT current_user") == role
            await connection.close()
    finally:
        postgres.drop_database("compose_roles")
        for role in roles:
            postgres.sql(f'DROP ROLE IF EXISTS "{role}"')
