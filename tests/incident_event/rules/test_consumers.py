"""Readings in, incidents out: through transactions that fail, and through processes that take turns."""

import asyncio
import contextlib
import random
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest

from contracts.factory_core import Quality, ReadingsAccepted, SeriesReadings
from incident_event.incidents.conditions import Activation, ConditionService
from incident_event.incidents.service import IncidentService
from incident_event.rules.consumers import ReadingsConsumer
from incident_event.rules.findings import MAX_RAISED
from incident_event.rules.metrics import RULES_WATCHED
from incident_event.rules.models import Rule
from incident_event.rules.repository import EvaluationRepository
from incident_event.rules.service import RuleService, ThresholdRule
from incident_event.rules.watch import Watched
from support.kit.events import value
from utils.auth import Principal, Role
from utils.clock import utc_now
from utils.database import Database
from utils.streams import StaleError, StreamEvent, UnusableEventError

START = datetime(2026, 1, 1, tzinfo=UTC)
SOMEBODY = Principal("somebody", Role.ENGINEER, None)
BATCH = (
    b'{"batch_id":"b","accepted_at":"2026-01-01T00:00:00Z","series":[{"source":"pump-1","metric":"M",'
    b'"equipment_id":"01939f5c-0000-7000-8000-000000000000","at":%s,"value":[11.0]}]}'
)
NO_ZONE = BATCH % b'["2026-01-01T00:00:00"]'
NO_TIMES = BATCH % b"[]"


class Plant:
    """One factory's readings on their way into the database, as the kit's consumer would bring them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.factory_id = uuid4()
        self.now = utc_now()
        self.consumer = self.another_process()
        self.seq = 0
        self.position = 0

    def another_process(self) -> ReadingsConsumer:
        return ReadingsConsumer(self.database, lambda: self.now)

    def later(self, seconds: float) -> datetime:
        return self.now + timedelta(seconds=seconds)

    async def rule(self, **words: object) -> Rule:
        wanted: dict[str, object] = {
            "factory_id": self.factory_id,
            "name": "Too much",
            "equipment": "pump-1",
            "metric": "M",
            "operator": ">",
            "threshold": 10.0,
            "on_delay_seconds": 0.0,
            "deadband": 0.0,
            "lateness_seconds": 60.0,
            "severity": 3,
            "incident_type": "equipment",
        }
        async with self.database.transaction() as transaction:
            service = RuleService.within(transaction, utc_now(), max_rules=100)
            rule, _ = await service.create(SOMEBODY, ThresholdRule(**{**wanted, **words}))  # type: ignore[arg-type]
        return rule

    def event(
        self, *readings: tuple[float, float], quality: list[Quality] | None = None, start: datetime = START
    ) -> StreamEvent:
        at = [start + timedelta(seconds=second) for second, _ in readings]
        series = SeriesReadings("pump-1", "M", uuid4(), at, [value for _, value in readings], quality)
        payload = msgspec.json.encode(ReadingsAccepted(f"batch-{self.seq}", self.now, [series]))
        return self.raw(payload)

    def raw(self, payload: bytes, type_: str = ReadingsAccepted.type) -> StreamEvent:
        self.seq += 1
        return StreamEvent(
            seq=self.seq,
            type=type_,
            factory_id=self.factory_id,
            at=utc_now(),
            payload=msgspec.Raw(payload),
        )

    async def handle(self, *events: StreamEvent) -> None:
        """Handle events as the kit's lane does; no event means that time passes."""
        rest = list(events)
        while True:
            try:
                prepared = await self.consumer.prepare(self.factory_id, rest, position=self.position)
                async with self.database.transaction() as transaction:
                    await prepared.commit(transaction)
            except StaleError:
                continue
            except UnusableEventError:
                self.position = rest[0].seq
            else:
                self.position = prepared.upto
            rest = [event for event in rest if event.seq > self.position]
            if not rest:
                return

    async def fail_to_handle(self, event: StreamEvent) -> None:
        """Do everything, and roll it back at the last moment."""
        prepared = await self.consumer.prepare(self.factory_id, [event], position=self.position)
        with contextlib.suppress(ZeroDivisionError):
            async with self.database.transaction() as transaction:
                await prepared.commit(transaction)
                raise ZeroDivisionError

    async def send(self, *readings: tuple[float, float]) -> None:
        await self.handle(self.event(*readings))

    async def send_now(self, *readings: tuple[float, float]) -> None:
        """Send readings whose times are seconds from now."""
        await self.handle(self.event(*readings, start=self.now))

    async def pass_time(self, seconds: float) -> None:
        """Let time pass, and do what is due then."""
        self.now = self.later(seconds)
        due = self.consumer.due(self.factory_id)
        if due is not None and due <= self.now:
            await self.handle()

    async def fetch(self, query: str) -> list[asyncpg.Record]:
        async with self.database.transaction() as transaction:
            connection = await transaction.connection()
            return list(await connection.fetch(query, self.factory_id))

    async def incidents(self) -> list[asyncpg.Record]:
        return await self.fetch("SELECT * FROM incidents WHERE factory_id = $1 ORDER BY created_at, id")

    async def told(self) -> list[str]:
        rows = await self.fetch(
            "SELECT type FROM outbox WHERE factory_id = $1 AND type LIKE 'incident%' ORDER BY id"
        )
        return [row["type"].split(".")[1] for row in rows]

    async def values(self) -> list[float | None]:
        """What the events say was measured, of those that tell of a beginning."""
        rows = await self.fetch(
            "SELECT payload FROM outbox WHERE factory_id = $1 AND type LIKE 'incident%' ORDER BY id"
        )
        payloads = [msgspec.json.decode(row["payload"]) for row in rows]
        return [payload["value"] for payload in payloads if "occurred_at" in payload]

    async def state(self) -> asyncpg.Record:
        return (await self.fetch("SELECT * FROM rule_states WHERE factory_id = $1"))[0]

    async def work(self, incident_id: UUID) -> None:
        """Acknowledge and resolve."""
        async with self.database.transaction() as transaction:
            service = IncidentService.within(transaction, utc_now())
            await service.acknowledge(SOMEBODY, incident_id, None)
            await service.resolve(SOMEBODY, incident_id, None)


@pytest.fixture
def plant(fresh_database: Database) -> Plant:
    return Plant(fresh_database)


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


async def test_an_activation_opens_one_incident_and_its_end_is_told(plant: Plant) -> None:
    rule = await plant.rule(on_delay_seconds=5.0)
    await plant.send((0, 11.0), (4, 11.0))
    assert await plant.incidents() == []
    await plant.send((5, 12.0), (6, 12.0))
    await plant.send((7, 9.0))
    [incident] = await plant.incidents()
    assert (incident["occurred_at"], incident["cleared_at"]) == (at(5), at(7))
    assert (incident["condition"], incident["status"], incident["occurrences"]) == ("cleared", "reported", 1)
    assert (incident["rule_id"], incident["equipment"], incident["metric"]) == (rule.id, "pump-1", "M")
    assert (incident["value"], await plant.values()) == (12.0, [12.0])
    assert incident["description"] == "M of pump-1 > 10 for 5 s"
    assert await plant.told() == ["reported", "condition_cleared"]
    timeline = await plant.fetch("SELECT what, by FROM incident_timeline WHERE factory_id = $1 ORDER BY id")
    assert [entry["what"] for entry in timeline] == ["reported", "condition_cleared"]
    assert {entry["by"] for entry in timeline} == {f"rule/{rule.id}"}


async def test_a_recurrence_while_the_incident_is_open_counts(plant: Plant) -> None:
    await plant.rule()
    await plant.send((0, 11.0), (1, 9.0), (2, 11.5))
    [incident] = await plant.incidents()
    assert (incident["occurrences"], incident["condition"], incident["occurred_at"]) == (2, "active", at(0))
    assert (incident["value"], await plant.values()) == (11.0, [11.0, 11.5])
    assert await plant.told() == ["reported", "condition_cleared", "condition_recurred"]


async def test_resolved_while_it_holds_nothing_opens_until_it_has_cleared_and_come_back(plant: Plant) -> None:
    await plant.rule()
    await plant.send((0, 11.0))
    [incident] = await plant.incidents()
    await plant.work(incident["id"])
    await plant.send((1, 12.0), (2, 12.0))
    assert len(await plant.incidents()) == 1
    await plant.send((3, 9.0))
    await plant.send((4, 11.0))
    first, second = await plant.incidents()
    assert (first["status"], first["condition"], first["cleared_at"]) == ("resolved", "cleared", at(3))
    assert (second["status"], second["occurred_at"]) == ("reported", at(4))


async def test_what_was_rolled_back_is_done_once_when_it_is_done_again(plant: Plant) -> None:
    await plant.rule()
    await plant.send((0, 1.0))
    event = plant.event((1, 11.0))
    await plant.fail_to_handle(event)
    assert await plant.incidents() == []
    await plant.handle(event)
    [incident] = await plant.incidents()
    assert incident["occurrences"] == 1
    assert (await plant.state())["evaluated_readings"] == 2
    await plant.send((2, 9.0))
    assert (await plant.incidents())[0]["condition"] == "cleared"


async def test_a_batch_that_comes_after_its_successor_is_evaluated_also_by_another_process(
    plant: Plant,
) -> None:
    await plant.rule(on_delay_seconds=5.0)
    await plant.send((0, 1.0))
    await plant.send((30, 1.0))
    plant.consumer = plant.another_process()
    await plant.send((10, 11.0), (15, 11.0), (16, 1.0))
    [incident] = await plant.incidents()
    assert (incident["occurred_at"], incident["cleared_at"]) == (at(15), at(16))
    assert (incident["condition"], (await plant.state())["late_readings"]) == ("cleared", 0)


async def test_a_factory_that_went_to_another_process_is_forgotten_and_read_anew_when_it_is_back(
    plant: Plant,
) -> None:
    await plant.rule(on_delay_seconds=5.0)
    await plant.send((0, 11.0))
    assert value(RULES_WATCHED) == 1
    plant.consumer.forget(plant.factory_id)
    assert value(RULES_WATCHED) == 0
    mine, plant.consumer = plant.consumer, plant.another_process()
    await plant.send((4, 11.0))
    plant.consumer = mine
    await plant.send((5, 12.0))
    [incident] = await plant.incidents()
    assert incident["occurred_at"] == at(5)
    assert (await plant.state())["evaluated_readings"] == 3
    assert value(RULES_WATCHED) == 1


async def test_readings_that_show_an_earlier_beginning_correct_it(plant: Plant) -> None:
    await plant.rule()
    await plant.send((20, 11.0))
    await plant.send((15, 12.5))
    [incident] = await plant.incidents()
    assert (incident["occurred_at"], incident["occurrences"]) == (at(15), 1)
    assert (incident["value"], await plant.values()) == (12.5, [11.0, 12.5])
    assert await plant.told() == ["reported", "occurrence_corrected"]


async def test_later_than_the_bound_and_of_bad_quality_are_counted_only(plant: Plant) -> None:
    await plant.rule(lateness_seconds=10.0)
    await plant.send((100, 1.0))
    await plant.handle(plant.event((80, 11.0), (101, 11.0), (102, 1.0), quality=["good", "bad", "uncertain"]))
    state = await plant.state()
    assert (state["evaluated_readings"], state["late_readings"], state["bad_readings"]) == (2, 1, 1)
    assert await plant.incidents() == []


async def test_a_rule_applies_to_the_very_next_batch(plant: Plant) -> None:
    await plant.rule(metric="Other")
    await plant.send((0, 11.0))
    await plant.rule(name="New")
    await plant.send((1, 11.0))
    [incident] = await plant.incidents()
    assert (incident["title"], incident["occurred_at"]) == ("New", at(1))


@pytest.mark.parametrize(
    "payload",
    [
        b'{"batch_id": 1}',
        b"{}",
        NO_ZONE,
        NO_TIMES,
    ],
)
async def test_what_cannot_be_read_does_not_stop_what_comes_after_it(plant: Plant, payload: bytes) -> None:
    await plant.rule()
    await plant.handle(plant.raw(payload), plant.raw(b"{}", "equipment.created.v1"), plant.event((1, 11.0)))
    assert len(await plant.incidents()) == 1


async def test_a_value_that_flutters_is_counted_in_full_and_told_of_in_measure(plant: Plant) -> None:
    await plant.rule()
    await plant.send(*((second, 11.0 if second % 2 else 1.0) for second in range(1000)))
    [incident] = await plant.incidents()
    assert (incident["occurrences"], incident["condition"]) == (500, "active")
    assert (await plant.told()).count("condition_recurred") == MAX_RAISED - 1


async def test_however_many_race_there_is_one_open_incident(plant: Plant) -> None:
    await plant.rule()

    async def activate(second: int) -> UUID:
        async with plant.database.transaction() as transaction:
            conditions = ConditionService.within(transaction, utc_now())
            [stored] = await EvaluationRepository(transaction).rules(plant.factory_id)
            watched = Watched.of(plant.factory_id, stored, first_seq=1).condition
            return await conditions.activate(watched, Activation(at(second), None, 11.0))

    ids = await asyncio.gather(*(activate(second) for second in range(8)))
    [incident] = await plant.incidents()
    assert set(ids) == {incident["id"]}
    assert (incident["occurrences"], incident["occurred_at"]) == (8, at(0))
    assert sorted(await plant.told()) == ["condition_recurred"] * 7 + ["reported"]


async def test_the_stored_readings_are_forgotten_as_the_bound_passes_them(plant: Plant) -> None:
    await plant.rule(lateness_seconds=5.0)
    for second in range(0, 60, 2):
        await plant.send((second, 1.0), (second + 1, 1.0))
    rows = await plant.fetch("SELECT seq FROM series_readings WHERE factory_id = $1 ORDER BY seq")
    assert [row["seq"] for row in rows] == [28, 29, 30]


@pytest.mark.parametrize("seed", range(6))
async def test_processes_that_take_turns_find_what_one_process_finds(plant: Plant, seed: int) -> None:
    """Each batch is handled by the old process, a new one, or first by one whose transaction fails."""
    dice = random.Random(seed)  # noqa: S311 - chooses cases
    other = Plant(plant.database)
    for one in (plant, other):
        await one.rule(on_delay_seconds=3.0, deadband=1.0, lateness_seconds=20.0)
    batches = [
        [(start + step, dice.choice([8.0, 9.5, 11.0, 11.0, 11.0])) for step in range(5)]
        for start in range(0, 100, 5)
    ]
    for here in range(0, len(batches), 3):  # some come after their successor, some too late
        group = batches[here : here + 3]
        batches[here : here + 3] = dice.sample(group, k=len(group))
    for batch in batches:
        await other.send(*batch)
        event = plant.event(*batch)
        match dice.randrange(3):
            case 0:
                plant.consumer = plant.another_process()
            case 1:
                await plant.fail_to_handle(event)
        await plant.handle(event)
    assert await plant.told() == await other.told()
    mine, theirs = await plant.state(), await other.state()
    for column in set(mine.keys()) - {"factory_id", "rule_id", "incident_id"}:
        assert mine[column] == theirs[column], column


async def test_a_good_reading_stamped_ahead_ends_no_danger_of_the_present(plant: Plant) -> None:
    await plant.rule()
    await plant.send_now((290, 0.1))
    for _ in range(5):
        await plant.send_now((0, 11.0))
        await plant.pass_time(1)
    [incident] = await plant.incidents()
    assert (incident["condition"], incident["cleared_at"], incident["occurrences"]) == ("active", None, 1)
    assert (await plant.state())["evaluated_readings"] == 5
    await plant.pass_time(300)
    [incident] = await plant.incidents()
    assert (incident["condition"], incident["cleared_at"]) == ("cleared", plant.later(-15))
    assert (await plant.state())["evaluated_readings"] == 6


async def test_a_dangerous_reading_stamped_ahead_raises_nothing_before_its_time(plant: Plant) -> None:
    await plant.rule()
    await plant.send_now((290, 11.0), (0, 1.0))
    assert await plant.incidents() == []
    await plant.pass_time(289)
    assert await plant.incidents() == []
    await plant.pass_time(1)
    [incident] = await plant.incidents()
    assert incident["occurred_at"] == plant.now


async def test_what_is_held_is_evaluated_once_by_whichever_process_is_there_then(plant: Plant) -> None:
    await plant.rule()
    await plant.send_now((10, 11.0), (20, 1.0), (30, 11.0))
    plant.consumer = plant.another_process()
    async with plant.database.transaction() as transaction:
        assert await plant.consumer.waiting(transaction) == [plant.factory_id]
    await plant.handle()  # what the kit does for a factory that waits
    assert plant.consumer.due(plant.factory_id) == plant.later(10)
    await plant.pass_time(15)
    plant.consumer = plant.another_process()
    await plant.send_now((0, 1.0))
    assert (await plant.state())["evaluated_readings"] == 2
    plant.now = plant.later(20)
    await plant.fail_to_handle(plant.event((0, 1.0), start=plant.now))
    await plant.handle()
    assert (await plant.state())["evaluated_readings"] == 4
    [incident] = await plant.incidents()
    assert (incident["occurrences"], incident["condition"]) == (2, "active")
    assert plant.consumer.due(plant.factory_id) is None
    assert await plant.fetch("SELECT 1 FROM held_readings WHERE factory_id = $1") == []
    ticks = await plant.fetch("SELECT at_us FROM ticks WHERE factory_id = $1 ORDER BY at_us")
    assert len(ticks) == 3


async def test_a_rule_made_after_a_reading_was_accepted_does_not_see_it_when_its_time_has_come(
    plant: Plant,
) -> None:
    await plant.rule()
    await plant.send_now((10, 11.0))
    await plant.rule(name="Newer")
    await plant.send_now((0, 1.0))
    await plant.pass_time(11)
    assert [incident["title"] for incident in await plant.incidents()] == ["Too much"]
    plant.consumer = plant.another_process()
    await plant.send_now((-2, 12.0))
    assert sorted(incident["title"] for incident in await plant.incidents()) == ["Newer", "Too much"]


async def test_a_rule_that_is_made_meanwhile_is_evaluated(plant: Plant) -> None:
    await plant.rule(metric="Other")
    await plant.rule(name="Old")
    await plant.send((0, 1.0))
    event = plant.event((1, 11.0))
    prepared = await plant.consumer.prepare(plant.factory_id, [event], position=plant.position)
    await plant.rule(name="New")
    with pytest.raises(StaleError):
        async with plant.database.transaction() as transaction:
            await prepared.commit(transaction)
    await plant.handle(event)
    assert sorted(incident["title"] for incident in await plant.incidents()) == ["New", "Old"]


async def test_an_event_set_aside_is_evaluated_when_it_is_tried_again(plant: Plant) -> None:
    await plant.rule(on_delay_seconds=5.0)
    await plant.send((0, 11.0))
    aside = plant.event((4, 1.0))
    plant.position = aside.seq
    await plant.send((6, 11.0))
    [incident] = await plant.incidents()
    assert incident["condition"] == "active"
    await plant.handle(aside)
    assert plant.position == 3
    [incident] = await plant.incidents()
    assert incident["condition"] == "cleared"
    plant.consumer = plant.another_process()
    await plant.send((7, 11.0))
    assert (await plant.state())["evaluated_readings"] == 4


async def test_a_long_backlog_is_committed_piece_by_piece(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    await plant.rule()
    monkeypatch.setattr("incident_event.rules.evaluation.Budget.is_used_up", True)
    events = [plant.event((second, 1.0)) for second in range(3)]
    prepared = await plant.consumer.prepare(plant.factory_id, events, position=0)
    assert prepared.upto == 1
    await plant.handle(*events)
    assert (await plant.state())["evaluated_readings"] == 3


async def test_what_is_held_is_not_forgotten_when_its_time_comes_in_vain(plant: Plant) -> None:
    await plant.rule()
    await plant.send_now((10, 11.0))
    plant.now = plant.later(11)
    prepared = await plant.consumer.prepare(plant.factory_id, [], position=plant.position)
    with contextlib.suppress(ZeroDivisionError):
        async with plant.database.transaction() as transaction:
            await prepared.commit(transaction)
            raise ZeroDivisionError
    await plant.pass_time(1)
    assert len(await plant.incidents()) == 1
