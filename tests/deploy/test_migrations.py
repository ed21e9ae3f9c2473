"""Migrations come before the processes that need them, whatever starts first."""

import pytest

from support.manifests.built import SERVICES, WORKERS, built, container, find, pod

PROCESSES = [*SERVICES, *WORKERS]


def service_of(process: str) -> str:
    return process.removesuffix("-worker")


@pytest.mark.parametrize("process", PROCESSES)
def test_every_process_waits_for_the_schema_of_its_own_release(process: str) -> None:
    workload = find(built("production"), "Deployment", process)
    [waiting] = pod(workload)["initContainers"]
    package = service_of(process).replace("-", "_")

    assert waiting["args"] == [package, "await-schema"]
    assert waiting["image"] == container(workload)["image"]
    assert container(workload)["args"][0] == package


@pytest.mark.parametrize("service", SERVICES)
def test_the_migration_is_of_the_same_release_as_who_waits_for_it(service: str) -> None:
    build = built("production")
    migration = container(find(build, "Job", f"{service}-migrate"))

    assert migration["args"] == [service.replace("-", "_"), "migrate"]
    assert migration["image"] == container(find(build, "Deployment", service))["image"]


@pytest.mark.parametrize("service", SERVICES)
def test_the_migration_goes_on_until_it_is_done_and_makes_room_for_the_next(service: str) -> None:
    job = find(built("production"), "Job", f"{service}-migrate")["spec"]

    assert job["template"]["spec"]["restartPolicy"] == "OnFailure"
    assert job["backoffLimit"] >= 6
    assert job["ttlSecondsAfterFinished"] <= 600


@pytest.mark.parametrize("service", SERVICES)
def test_a_change_of_settings_rolls_processes_and_changes_no_job(service: str) -> None:
    before, after = built("production"), built("production", "otlp")

    assert find(after, "Job", f"{service}-migrate") == find(before, "Job", f"{service}-migrate")
    assert pod(find(after, "Deployment", service)) != pod(find(before, "Deployment", service))


@pytest.mark.parametrize("overlay", ["production", "scale"])
@pytest.mark.parametrize("service", SERVICES)
def test_only_the_migration_has_the_owners_password(overlay: str, service: str) -> None:
    owner = f"{service}-database-owner"
    holders = [
        one["metadata"]["name"]
        for one in built(overlay)
        if one["kind"] in {"Deployment", "Job"}
        and any(volume.get("secret", {}).get("secretName") == owner for volume in pod(one)["volumes"])
    ]

    assert holders == [f"{service}-migrate"]


@pytest.mark.parametrize("process", [*PROCESSES, *(f"{service}-migrate" for service in SERVICES)])
def test_cloudnative_pgs_address_reaches_every_process_under_the_name_it_reads(process: str) -> None:
    build = built("production", "cloudnative-pg")
    workload = find(build, "Job" if process.endswith("-migrate") else "Deployment", process)
    [database] = [volume for volume in pod(workload)["volumes"] if volume["name"] == "database"]
    cluster = find(build, "Cluster", "postgres")["metadata"]["name"]

    assert database["secret"]["secretName"] == f"{cluster}-app"
    assert database["secret"]["items"] == [{"key": "uri", "path": "url"}]
    for each in [*pod(workload).get("initContainers", []), container(workload)]:
        assert {"name": "DATABASE_URL_FILE", "value": "/run/secrets/database/url"} in each["env"]
