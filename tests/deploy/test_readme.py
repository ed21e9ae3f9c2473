"""What `deploy/kubernetes/README.md` tells a stranger is so."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from deploy.checks.combinations import CONFLICTS, KUBERNETES, components, overlays
from deploy.checks.fit import SECRETS
from deploy.checks.kustomize import build

from support import ROOT
from support.manifests.built import built, pod
from utils.auth.issuers import create_issuers
from utils.settings import ServiceSettings

README = (ROOT / KUBERNETES / "README.md").read_text("utf-8")
SCALING = (ROOT / "docs/scaling.md").read_text("utf-8")


def rows(heading: str) -> list[list[str]]:
    """The cells of the table whose first line begins so."""
    table = README[README.index(heading) :].split("\n\n", 1)[0].strip().splitlines()
    return [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in table[2:]]


def test_every_component_is_in_the_table_with_what_it_conflicts_with() -> None:
    told = {cells[0].strip("`"): set(re.findall(r"`([\w-]+)`", cells[3])) for cells in rows("| component |")}
    declared = {
        name: {other for pair in CONFLICTS if name in pair for other in pair - {name}}
        for name in components(ROOT)
    }

    assert told == declared
    for marker in CONFLICTS.values():
        assert f"`{marker}`" in README


def test_every_overlay_is_named() -> None:
    assert {"local", "production", "scale"} <= set(overlays(ROOT))
    assert [overlay for overlay in overlays(ROOT) if f"`{overlay}`" not in README] == []


def test_every_secret_that_anything_needs_is_in_the_table() -> None:
    told = {name for cells in rows("   | Secret |") for name in re.findall(r"`([\w-]+)`", cells[0])}

    assert told == SECRETS


def test_the_secrets_of_local_are_all_it_needs_with_every_component_that_goes_with_it() -> None:
    script = ROOT / KUBERNETES / "local-secrets"
    done = subprocess.run([str(script)], capture_output=True, text=True, check=True, timeout=30)
    made = {item["metadata"]["name"]: set(item["stringData"]) for item in json.loads(done.stdout)["items"]}
    chosen = [
        name
        for name in components(ROOT)
        if name not in {"backup", "cloudnative-pg", "oidc", "prometheus-operator", "read-replica"}
    ]
    needed = {
        volume["secret"]["secretName"]
        for one in built("local", *chosen)
        if one["kind"] in {"Deployment", "StatefulSet", "Job"}
        for volume in pod(one).get("volumes", [])
        if "secret" in volume
    }

    assert needed == set(made) - {"v-factory-signing-key"}
    assert made["factory-core-database"] == {"url"}
    assert made["v-factory-redis"] == {"url", "stream-key"}


def test_no_pod_has_the_key_that_signs_tokens_and_only_one_the_workers(tmp_path: Path) -> None:
    done = subprocess.run(
        [str(ROOT / KUBERNETES / "local-secrets")], capture_output=True, text=True, check=True, timeout=30
    )
    made = {item["metadata"]["name"]: item["stringData"] for item in json.loads(done.stdout)["items"]}
    private = {name for name, content in made.items() if "PRIVATE KEY" in str(content)}
    mounted = {
        (volume["secret"]["secretName"], one["metadata"]["name"])
        for one in built("local")
        if one["kind"] in {"Deployment", "StatefulSet", "Job"}
        for volume in pod(one).get("volumes", [])
        if volume.get("secret", {}).get("secretName") in private
    }
    assert mounted == {("incident-event-worker-key", "incident-event-worker")}

    for name, content in made["v-factory-auth"].items():
        (tmp_path / name).write_text(content)
    settings = ServiceSettings(
        database_url="postgresql://u:p@h/d", auth_issuers_file=tmp_path / "issuers.json"
    )
    assert {issuer.name for issuer in create_issuers(settings)} == {"vfactory", "incident-event-worker"}


@pytest.mark.parametrize("volume", ["database", "redis"])
def test_the_authority_in_an_address_is_where_the_secret_is_mounted(volume: str) -> None:
    [path] = re.findall(rf"=(/run/secrets/{volume}/ca\.crt)\b", README)
    mounts = {
        (one["metadata"]["name"], mount["mountPath"])
        for one in built("production")
        if one["kind"] in {"Deployment", "Job"}
        for each in [*pod(one).get("initContainers", []), *pod(one)["containers"]]
        for mount in each["volumeMounts"]
        if mount["name"] == volume
    }

    assert mounts
    assert {where for _, where in mounts} == {str(Path(path).parent)}


def test_no_two_runs_make_the_same_passwords() -> None:
    script = ROOT / KUBERNETES / "local-secrets"
    runs = [
        subprocess.run([str(script)], capture_output=True, text=True, check=True, timeout=30).stdout
        for _ in range(2)
    ]

    assert runs[0] != runs[1]


@pytest.mark.parametrize(
    ("text", "namespace"), [(README, "v-factory"), (SCALING, "v-factory-cell-2")], ids=["plant", "cell"]
)
def test_the_kustomization_of_ones_own_builds_as_it_is_shown(
    text: str, namespace: str, tmp_path: Path
) -> None:
    [shown] = [
        block
        for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
        if "kind: Kustomization" in block and "../v-factory/deploy/kubernetes" in block
    ]
    (tmp_path / "v-factory").symlink_to(ROOT)
    own = yaml.safe_load(shown)
    for part in ("resources", "components"):
        own[part] = [
            path.replace("../v-factory", str(Path("../" * 20) / str(ROOT).lstrip("/")))
            for path in own.get(part, [])
        ]
    folder = tmp_path.resolve() / "my-plant"
    folder.mkdir()
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(own))

    spaces = {one["metadata"].get("namespace") for one in build(folder)} - {None}

    assert namespace in spaces
