"""What stands before the services lets streams and uploads through, and shows nothing but the API."""

import pytest

from asset_management.settings import MEBIBYTE, AssetManagementSettings
from incident_event.settings import IncidentEventSettings
from support.manifests.built import SERVICES, built, find

LARGEST = AssetManagementSettings.model_fields["max_upload_bytes"].default
HEARTBEAT = IncidentEventSettings.model_fields["heartbeat_seconds"].default
ANNOTATIONS = find(built("production"), "Ingress", "v-factory")["metadata"]["annotations"]
NGINX = "nginx.ingress.kubernetes.io"


@pytest.mark.parametrize(
    ("name", "off"), [(f"{NGINX}/proxy-buffering", "off"), ("nginx.org/proxy-buffering", "False")]
)
def test_events_are_not_held_back(name: str, off: str) -> None:
    assert ANNOTATIONS[name] == off


@pytest.mark.parametrize(
    "name",
    [
        f"{NGINX}/proxy-read-timeout",
        f"{NGINX}/proxy-send-timeout",
        "nginx.org/proxy-read-timeout",
        "nginx.org/proxy-send-timeout",
        "haproxy.org/timeout-server",
        "haproxy.org/timeout-client",
    ],
)
def test_a_quiet_stream_is_not_cut_between_two_heartbeats(name: str) -> None:
    assert float(ANNOTATIONS[name].rstrip("s")) >= 10 * HEARTBEAT


@pytest.mark.parametrize("name", [f"{NGINX}/proxy-body-size", "nginx.org/client-max-body-size"])
def test_the_largest_upload_passes(name: str) -> None:
    assert int(ANNOTATIONS[name].rstrip("m")) * MEBIBYTE > LARGEST


@pytest.mark.parametrize("overlay", ["base", "local", "production", "scale"])
def test_health_and_metrics_are_not_shown_outside(overlay: str) -> None:
    rules = find(built(overlay), "Ingress", "v-factory")["spec"]["rules"]
    paths = [(path["path"], path["pathType"]) for rule in rules for path in rule["http"]["paths"]]
    targets = [path["backend"]["service"]["name"] for rule in rules for path in rule["http"]["paths"]]

    assert paths == [("/v1", "Prefix")] * 3
    assert targets == [f"{service}-service" for service in SERVICES]


def test_the_certificate_is_for_every_host_of_the_ingress() -> None:
    build = built("production", "tls")
    ingress = find(build, "Ingress", "v-factory")["spec"]
    certificate = find(build, "Certificate", "v-factory")["spec"]
    hosts = [rule["host"] for rule in ingress["rules"]]
    [tls] = ingress["tls"]

    assert tls == {"secretName": certificate["secretName"], "hosts": hosts}
    assert certificate["dnsNames"] == hosts
