"""A worker whose database is away says so in warnings, and goes on by itself when it is back."""

import json
from collections.abc import Callable

import httpx
import pytest

from support.servers import Postgres, RunningProcess
from support.waiting import wait_for


@pytest.mark.parametrize(("service", "task"), [("factory-core", "retention"), ("incident-event", "count")])
def test_an_outage_of_the_database_is_no_error_of_the_worker(
    service: str, task: str, running: Callable[..., RunningProcess], hurt_postgres: Postgres
) -> None:
    worker = running(service, "worker", wait=False, env={})  # makes the database while there is a server
    worker.wait_ready()
    worker.stop()
    hurt_postgres.stop()
    worker = running(service, "worker")
    waiting = f'"task":"{task}"'
    wait_for(lambda: any(waiting in line and '"WARNING"' in line for line in worker.lines))
    hurt_postgres.start()
    wait_for(lambda: httpx.get(worker.base_url + "/health").status_code == 200)
    levels = {json.loads(line)["level"] for line in worker.lines}
    assert not levels & {"ERROR", "CRITICAL"}, worker.lines
