"""What the rules make of Factory Core's events: names in every form, and events of other types."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import msgspec
import pytest

from contracts.factory_core import ReadingCorrected, ReadingsAccepted, SeriesReadings
from incident_event.rules.consumers import ReadingsConsumer
from incident_event.rules.schemas import RuleCreate
from incident_event.rules.service import RuleService, ThresholdRule
from utils.auth import Principal, Role
from utils.clock import utc_now
from utils.database import Database
from utils.streams import StreamEvent

COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"
AT = datetime(2026, 1, 1, tzinfo=UTC)


async def add_rule(database: Database, factory_id: UUID, metric: str) -> None:
    rule = ThresholdRule(
        factory_id=factory_id,
        name="Too much",
        equipment="pump-1",
        metric=metric,
        operator=">",
        threshold=10.0,
        on_delay_seconds=0.0,
        deadband=0.0,
        lateness_seconds=60.0,
        severity=3,
        incident_type="equipment",
    )
    async with database.transaction() as transaction:
        service = RuleService.within(transaction, utc_now(), max_rules=100)
        await service.create(Principal("somebody", Role.ENGINEER, None), rule)


def batch_of(metric: str) -> ReadingsAccepted:
    return ReadingsAccepted("b", AT, [SeriesReadings("pump-1", metric, uuid4(), [AT], [11.0])])


def event_of(factory_id: UUID, seq: int, type_: str, message: msgspec.Struct) -> StreamEvent:
    payload = msgspec.Raw(msgspec.json.encode(message))
    return StreamEvent(seq=seq, type=type_, factory_id=factory_id, at=AT, payload=payload)


async def handle(database: Database, *events: StreamEvent) -> None:
    factory_id, before = events[0].factory_id, events[0].seq - 1
    found = await ReadingsConsumer(database, utc_now).prepare(factory_id, events, position=before)
    async with database.transaction() as transaction:
        await found.commit(transaction)


async def count_incidents(database: Database) -> int:
    async with database.transaction() as transaction:
        return int(await (await transaction.connection()).fetchval("SELECT count(*) FROM incidents"))


@pytest.mark.parametrize(
    ("in_rule", "in_event"),
    [(COMPOSED, COMPOSED), (DECOMPOSED, COMPOSED), (COMPOSED, DECOMPOSED), (f" {COMPOSED}", DECOMPOSED)],
)
async def test_a_rule_sees_its_metric_in_every_form(
    fresh_database: Database, in_rule: str, in_event: str
) -> None:
    factory_id = uuid4()
    await add_rule(fresh_database, factory_id, in_rule)
    await handle(fresh_database, event_of(factory_id, 1, ReadingsAccepted.type, batch_of(in_event)))
    assert await count_incidents(fresh_database) == 1


async def test_a_correction_is_passed_over(fresh_database: Database) -> None:
    factory_id = uuid4()
    corrected = ReadingCorrected(
        correction_id=uuid4(),
        factory_id=factory_id,
        equipment_id=uuid4(),
        source="pump-1",
        metric=COMPOSED,
        at=AT,
        old_value=1.0,
        old_quality="good",
        value=11.0,
        quality="good",
        reason="why",
        corrected_by="somebody",
        corrected_at=AT,
    )
    await add_rule(fresh_database, factory_id, COMPOSED)
    await handle(
        fresh_database,
        event_of(factory_id, 1, ReadingCorrected.type, corrected),
        event_of(factory_id, 2, ReadingsAccepted.type, batch_of(COMPOSED)),
    )
    assert await count_incidents(fresh_database) == 1


def test_a_new_rule_has_its_names_in_the_one_form() -> None:
    body = {"factory_id": uuid4(), "equipment": "pump-1", "operator": ">", "threshold": 1.0, "severity": 3}
    rule = RuleCreate.model_validate({**body, "metric": f" {DECOMPOSED}", "name": f"{DECOMPOSED} "})
    assert (rule.metric, rule.name) == (COMPOSED, COMPOSED)
