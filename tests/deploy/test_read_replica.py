"""Where there is a read replica, Factory Core's API alone has its address, and the network lets it there."""

import re
import subprocess

import pytest

from support import ROOT
from support.manifests.built import built, container, find, pod
from support.manifests.network_policies import Peer, lets_through, peer_of

README = (ROOT / "deploy/kubernetes/README.md").read_text("utf-8")
REPLICA = Peer(address="10.1.2.3")
BUILDS = (("scale",), ("scale", "oidc"), ("scale", "cloudnative-pg"), ("production", "oidc", "read-replica"))


@pytest.mark.parametrize("parts", BUILDS, ids=" + ".join)
def test_only_factory_cores_api_has_the_address(parts: tuple[str, ...]) -> None:
    build = built(*parts)
    with_it = [one["metadata"]["name"] for one in build if "factory-core-database-read" in str(one)]
    assert with_it == ["factory-core"]
    deployment = find(build, "Deployment", "factory-core")
    env = {one["name"]: one["value"] for one in container(deployment)["env"]}
    folder, _, key = env["DATABASE_READ_URL_FILE"].rpartition("/")
    [mount] = [one for one in container(deployment)["volumeMounts"] if one["mountPath"] == folder]
    [volume] = [one for one in pod(deployment)["volumes"] if one["name"] == mount["name"]]
    assert volume["secret"]["secretName"] == "factory-core-database-read"
    assert key == "url"
    assert "DATABASE_URL_FILE" in env


def test_without_the_component_there_is_none() -> None:
    assert "DATABASE_READ" not in str(built("production"))


def test_the_replicas_are_reached_wherever_they_run() -> None:
    outside, inside = built("local", "read-replica"), built("scale", "cloudnative-pg")
    instance = Peer(labels={"cnpg.io/cluster": "postgres"}, namespace="v-factory")
    assert lets_through(outside, peer_of(outside, "factory-core"), REPLICA, 5432)
    assert not lets_through(outside, peer_of(outside, "incident-event"), REPLICA, 5432)
    assert lets_through(inside, peer_of(inside, "factory-core"), instance, 5432)


def test_the_command_for_cloudnative_pg_makes_the_replicas_address_of_the_operators() -> None:
    found = re.search(r"^ +(sed '[^']*postgres-ro[^']*') \|$", README, re.MULTILINE)
    assert found is not None
    made = subprocess.run(
        ["sh", "-c", found[1]],
        input="postgresql://vfactory:a%40postgres-rw@postgres-rw.v-factory:5432/vfactory",
        capture_output=True,
        text=True,
        check=True,
    )
    assert made.stdout.strip() == "postgresql://vfactory:a%40postgres-rw@postgres-ro.v-factory:5432/vfactory"
