"""With an identity provider nobody holds a secret to sign with, and the services start."""

import pytest
from deploy.checks.kustomize import build_with

from support import ROOT

KUBERNETES = ROOT / "deploy/kubernetes"


@pytest.mark.parametrize("overlay", ["local", "production", "scale"])
def test_with_a_provider_no_process_has_the_secret(overlay: str) -> None:
    built = build_with(KUBERNETES / "overlays" / overlay, [KUBERNETES / "components/oidc"])
    deployments = [one for one in built if one["kind"] == "Deployment" and "v-factory-auth" in str(one)]
    assert [one["metadata"]["name"] for one in deployments] == []
    running = str([one for one in built if one["kind"] == "Deployment"])
    assert not any(name in running for name in ("AUTH_ISSUERS_FILE", "SERVICE_KEY_FILE", "worker-key"))
    [settings] = [
        one["data"] for one in built if one["kind"] == "ConfigMap" and "AUTH_JWKS_URL" in one.get("data", {})
    ]
    assert settings["AUTH_ISSUER"] == "https://identity.example"
    assert settings["LOG_LEVEL"] == "INFO"


def test_the_worker_shows_a_token_of_the_provider() -> None:
    built = build_with(KUBERNETES / "overlays/production", [KUBERNETES / "components/oidc"])
    [worker] = [
        one
        for one in built
        if one["kind"] == "Deployment" and one["metadata"]["name"] == "incident-event-worker"
    ]
    [container] = worker["spec"]["template"]["spec"]["containers"]
    env = {one["name"]: one.get("value") for one in container["env"]}
    folder = env["INCIDENT_EVENT_SERVICE_TOKEN_FILE"].rpartition("/")[0]
    [mount] = [one for one in container["volumeMounts"] if one["mountPath"] == folder]
    [volume] = [one for one in worker["spec"]["template"]["spec"]["volumes"] if one["name"] == mount["name"]]
    assert volume["secret"]["secretName"] == "incident-event-service-token"
