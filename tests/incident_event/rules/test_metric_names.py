"""One metric, however its name is written by the rule, by an older release, or by the sender."""

from datetime import UTC, datetime
from uuid import uuid4

import msgspec
import pytest

from contracts.factory_core import ReadingsAccepted, SeriesReadings
from incident_event.rules.consumers import ReadingsConsumer
from incident_event.rules.schemas import RuleCreate
from incident_event.rules.service import RuleService, ThresholdRule
from utils.auth import Principal, Role
from utils.clock import utc_now
from utils.database import Database
from utils.streams import StreamEvent

COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"
AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("in_rule", "in_event"),
    [(COMPOSED, COMPOSED), (DECOMPOSED, COMPOSED), (COMPOSED, DECOMPOSED), (f" {COMPOSED}", DECOMPOSED)],
)
async def test_a_rule_sees_its_metric_in_every_form(
    fresh_database: Database, in_rule: str, in_event: str
) -> None:
    factory_id = uuid4()
    rule = ThresholdRule(
        factory_id=factory_id,
        name="Too much",
        equipment="pump-1",
        metric=in_rule,
        operator=">",
        threshold=10.0,
        on_delay_seconds=0.0,
        deadband=0.0,
        lateness_seconds=60.0,
        severity=3,
        incident_type="equipment",
    )
    series = SeriesReadings("pump-1", in_event, uuid4(), [AT], [11.0])
    payload = msgspec.Raw(msgspec.json.encode(ReadingsAccepted("b", AT, [series])))
    event = StreamEvent(seq=1, type=ReadingsAccepted.type, factory_id=factory_id, at=AT, payload=payload)
    async with fresh_database.transaction() as transaction:
        service = RuleService.within(transaction, utc_now(), max_rules=100)
        await service.create(Principal("somebody", Role.ENGINEER, None), rule)
    async with fresh_database.transaction() as transaction:
        await ReadingsConsumer(utc_now).handle(transaction, [event])
    async with fresh_database.transaction() as transaction:
        incidents = await (await transaction.connection()).fetchval("SELECT count(*) FROM incidents")
    assert incidents == 1


def test_a_new_rule_has_its_names_in_the_one_form() -> None:
    body = {"factory_id": uuid4(), "equipment": "pump-1", "operator": ">", "threshold": 1.0, "severity": 3}
    rule = RuleCreate.model_validate({**body, "metric": f" {DECOMPOSED}", "name": f"{DECOMPOSED} "})
    assert (rule.metric, rule.name) == (COMPOSED, COMPOSED)
