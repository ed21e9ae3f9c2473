"""A notification while the database is away: Alertmanager, which tries 5xx again, is told to."""

from collections.abc import Callable

import httpx

from support.monitoring.alertmanager_payload import alert, notification
from support.plant.bare_client import client_of
from support.servers import Postgres, RunningProcess

PATH = "/v1/webhooks/alertmanager"


async def test_it_is_asked_to_come_again_and_then_counts_once(
    running: Callable[..., RunningProcess], hurt_postgres: Postgres
) -> None:
    process = running("incident-event")
    async with client_of(process.base_url, "alertmanager") as alertmanager:

        async def post(*alerts: dict[str, object]) -> httpx.Response:
            return await alertmanager.post(PATH, json=notification("outage", *alerts))

        hurt_postgres.stop()
        refused = await post(alert())
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) > 0
        hurt_postgres.start()
        told = [(await post(one)).json() for one in (alert(), alert(), alert(until=5))]
    assert [one["outcome"] for one in told] == ["opened", "unchanged", "resolved"]
    assert len({one["incident_id"] for one in told}) == 1
