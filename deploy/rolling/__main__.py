"""`python -m deploy.rolling`: updates all Deployments at once, under load, and tells whether it is seen."""

import argparse
import asyncio
import json
import os
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from deploy.rolling.manifests import Deployment, ManifestError, read_deployments
from deploy.rolling.proxy import Proxy
from deploy.rolling.rollout import Cluster, Pace, RolloutError
from deploy.rolling.session import Session
from deploy.rolling.verdict import Verdict
from embedded import PostgresServer, Program, ValkeyServer, free_port, launch
from utils.auth import Role, issue_token
from vfactory.stack.errors import REFUSALS

DATABASE = "vfactory"


def main() -> int:
    """Play the update and print what came of it."""
    options = _parser().parse_args()
    folder = Path(tempfile.mkdtemp(prefix="rolling-"))
    folder.chmod(0o711)  # PostgreSQL of root runs as somebody else and must pass through
    try:
        with _servers(folder) as shared:
            verdict = asyncio.run(_play(folder, shared, options))
    except (*REFUSALS, ManifestError, RolloutError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        if options.keep:
            sys.stderr.write(f"Logs: {folder}\n")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(verdict.as_json()) if options.json else verdict.as_text())
    return 1 if verdict.problems else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.rolling",
        description="Plays a rolling update of all Deployments of deploy/kubernetes/base, with processes of "
        "this machine, behind HAProxy and under load. Every deadline is the manifests' own. Exits with 0 if "
        "no request failed, nothing accepted was lost, and event streams were resumed without a gap.",
    )
    parser.add_argument(
        "--propagation",
        type=float,
        default=3.0,
        metavar="SECONDS",
        help="how long requests still come to a pod that is deleted already (default: 3)",
    )
    parser.add_argument(
        "--probe-delay",
        type=float,
        metavar="SECONDS",
        help="before the first probe (default: the manifests')",
    )
    parser.add_argument(
        "--probe-period", type=float, metavar="SECONDS", help="between probes (default: the manifests')"
    )
    parser.add_argument(
        "--replicas", type=int, metavar="PODS", help="of each Deployment (default: the manifests')"
    )
    parser.add_argument("--screens", type=int, default=6, help="clients of the event stream (default: 6)")
    parser.add_argument("--json", action="store_true", help="print numbers for machines")
    parser.add_argument("--keep", action="store_true", help="keep the processes' logs and say where they are")
    return parser


@contextmanager
def _servers(folder: Path) -> Iterator[Mapping[str, str]]:
    """Run PostgreSQL and Valkey, and give the variables all processes share."""
    with (
        PostgresServer(folder / "postgres", port=free_port(), password=secrets.token_urlsafe(24)) as postgres,
        ValkeyServer(folder / "valkey", port=free_port(), password=secrets.token_urlsafe(24)) as valkey,
    ):
        postgres.create_database(DATABASE)
        yield {
            "PATH": os.defpath,
            "HOME": str(folder),
            "DATABASE_URL": postgres.url(DATABASE),
            "REDIS_URL": valkey.url(),
            "AUTH_SECRET": secrets.token_urlsafe(48),
            "ASSET_MANAGEMENT_STORE_DIR": str(folder / "assets"),
        }


async def _play(folder: Path, shared: Mapping[str, str], options: argparse.Namespace) -> Verdict:
    deployments = read_deployments()
    if options.replicas is not None:
        deployments = [replace(one, replicas=options.replicas) for one in deployments]
    proxy = Proxy(folder, sorted({one.service for one in deployments}))
    internal = f"http://127.0.0.1:{proxy.fronts['factory-core'].service}"

    def variables(deployment: Deployment) -> Mapping[str, str]:
        own = {"SERVICE_NAME": deployment.service, "INCIDENT_EVENT_FACTORY_CORE_URL": internal}
        return {**shared, **deployment.variables, **own}

    pace = Pace(options.propagation, options.probe_delay, options.probe_period)
    cluster = Cluster(folder, proxy, pace, variables)
    for service in proxy.fronts:
        _migrate(service, shared, folder)
    proxy.start()
    try:
        await asyncio.gather(*map(cluster.start, deployments))
        token = issue_token(shared["AUTH_SECRET"], subject="rolling", role=Role("engineer"), factories="*")
        session = Session(proxy, token, screens=options.screens)
        await session.begin()
        began = time.monotonic()
        await asyncio.gather(*map(cluster.roll, deployments))
        seconds = time.monotonic() - began
        await session.end()
        return await session.judge(cluster, seconds)
    finally:
        cluster.stop()
        proxy.stop()


def _migrate(service: str, shared: Mapping[str, str], folder: Path) -> None:
    package = service.replace("-", "_")
    log = folder / f"{service}-migrate.log"
    command = [sys.executable, "-I", "-m", package, "migrate"]
    with log.open("wb") as output:
        process = launch(Program(command, folder, {**shared, "SERVICE_NAME": service}), output=output)
        if process.wait() != 0:
            raise RolloutError(f"{service} could not be migrated:\n{log.read_text('utf-8')[-2000:]}")


if __name__ == "__main__":
    sys.exit(main())
