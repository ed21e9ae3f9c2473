"""Every query about rules and where their evaluation stands."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

import asyncpg
from sqlalchemy import select, tuple_

from incident_event.rules.models import Rule, RuleState
from incident_event.rules.times import MICROSECONDS
from utils.database import Transaction, of_each

# Also the lock that lets rules of one factory be made one after the other.
COUNT_UP = """
    INSERT INTO rule_sets AS mine (factory_id, version, rules) VALUES ($1, 1, 1)
    ON CONFLICT (factory_id) DO UPDATE SET version = mine.version + 1, rules = mine.rules + 1
    RETURNING rules
"""
VERSION = "SELECT version FROM rule_sets WHERE factory_id = $1"
RULES = """
    SELECT id, version, name, kind, equipment, metric, operator, threshold, on_delay_seconds, deadband,
        lateness_seconds, severity, incident_type, subject, evaluated_readings, late_readings, bad_readings,
        newest_us, since_us, activated_us, floor_us, checkpoint_since_us, checkpoint_activated_us,
        incident_id, first_seq
    FROM rules JOIN rule_states USING (factory_id)
    WHERE factory_id = $1 AND rule_states.rule_id = rules.id ORDER BY id
"""
READINGS = """
    SELECT equipment, metric, seq, held_until_us, readings
    FROM series_readings JOIN unnest($2::text[], $3::text[]) AS wanted (equipment, metric)
    USING (equipment, metric)
    WHERE factory_id = $1 ORDER BY equipment, metric, seq, held_until_us
"""
HELD = "SELECT equipment, metric, seq, readings FROM held_readings WHERE factory_id = $1 ORDER BY seq"
HOLDING = "SELECT DISTINCT factory_id FROM held_readings"
CLOCK = "SELECT clock_us FROM factory_clocks WHERE factory_id = $1"
SET_CLOCK = """
    INSERT INTO factory_clocks AS mine (factory_id, clock_us) VALUES ($1, $2)
    ON CONFLICT (factory_id) DO UPDATE SET clock_us = greatest(mine.clock_us, excluded.clock_us)
"""
TICK = "INSERT INTO ticks (factory_id, at_us, seq) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
FORGET_TICKS = "DELETE FROM ticks WHERE factory_id = $1 AND at_us < $2"
SAVE = """
    UPDATE rule_states AS state SET
        evaluated_readings = news.evaluated, late_readings = news.late, bad_readings = news.bad,
        newest_us = news.newest, since_us = news.since, activated_us = news.activated,
        floor_us = news.floor, checkpoint_since_us = news.checkpoint_since,
        checkpoint_activated_us = news.checkpoint_activated, incident_id = news.incident,
        first_seq = news.first_seq
    FROM unnest($2::uuid[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
                $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::uuid[], $14::bigint[])
        AS news (rule, subject, evaluated, late, bad, newest, since, activated, floor, checkpoint_since,
                 checkpoint_activated, incident, first_seq)
    WHERE state.factory_id = $1 AND state.rule_id = news.rule AND state.subject = news.subject
"""
APPEND = """
    INSERT INTO series_readings (factory_id, equipment, metric, seq, held_until_us, readings)
    SELECT $1, * FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bytea[])
"""
FORGET = """
    DELETE FROM series_readings AS stored
    USING unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[])
        AS gone (equipment, metric, seq, held_until_us)
    WHERE stored.factory_id = $1 AND stored.equipment = gone.equipment AND stored.metric = gone.metric
        AND stored.seq = gone.seq AND stored.held_until_us = gone.held_until_us
"""
HOLD = """
    INSERT INTO held_readings (factory_id, equipment, metric, seq, last_us, readings)
    SELECT $1, * FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bytea[])
"""
RELEASE = """
    DELETE FROM held_readings AS stored
    USING unnest($2::text[], $3::text[], $4::bigint[]) AS gone (equipment, metric, seq)
    WHERE stored.factory_id = $1 AND stored.equipment = gone.equipment AND stored.metric = gone.metric
        AND stored.seq = gone.seq
"""
TICKS_KEPT = 7 * 86_400 * MICROSECONDS

StateRow = tuple[
    UUID,
    str,
    int,
    int,
    int,
    int | None,
    int | None,
    int | None,
    int | None,
    int | None,
    int | None,
    UUID | None,
    int,
]


class StoredRule(NamedTuple):
    """A rule and where its evaluation stands; the fields are columns of `Rule` and `RuleState`."""

    id: UUID
    version: int
    name: str
    kind: str
    equipment: str
    metric: str
    operator: str
    threshold: float
    on_delay_seconds: float
    deadband: float
    lateness_seconds: float
    severity: int
    incident_type: str
    subject: str
    evaluated_readings: int
    late_readings: int
    bad_readings: int
    newest_us: int | None
    since_us: int | None
    activated_us: int | None
    floor_us: int | None
    checkpoint_since_us: int | None
    checkpoint_activated_us: int | None
    incident_id: UUID | None
    first_seq: int | None


@dataclass(slots=True)
class EvaluationChanges:
    """What one transaction changes in the evaluation of one factory's rules."""

    states: list[StateRow] = field(default_factory=list)
    appended: list[tuple[str, str, int, int, bytes]] = field(default_factory=list)
    forgotten: list[tuple[str, str, int, int]] = field(default_factory=list)
    held: list[tuple[str, str, int, int, bytes]] = field(default_factory=list)
    released: list[tuple[str, str, int]] = field(default_factory=list)


class RuleRepository:
    """Finds and keeps rules."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._session = transaction.session

    async def count_up(self, factory_id: UUID) -> int:
        """Announce one more rule of a factory and give how many there are with it."""
        connection = await self._transaction.connection()
        return int(await connection.fetchval(COUNT_UP, factory_id))

    async def add(self, rule: Rule, state: RuleState) -> None:
        """Keep a new rule and where its evaluation begins."""
        self._session.add(rule)
        await self._session.flush()
        self._session.add(state)
        await self._session.flush()

    async def find(self, rule_id: UUID) -> tuple[Rule, RuleState] | None:
        """Find a rule and its state by its id."""
        query = select(Rule, RuleState).join(RuleState, _SAME).where(Rule.id == rule_id)
        row = (await self._session.execute(query)).one_or_none()
        return None if row is None else (row[0], row[1])

    async def list_after(
        self,
        factories: Collection[UUID] | None,
        after: UUID | None,
        limit: int,
        *,
        ids: tuple[UUID, UUID] | None = None,
    ) -> Sequence[tuple[Rule, RuleState]]:
        """Return rules of the factories (None: of all) with their states in the order of creation.

        Only those after the id `after`, and whose id lies within `ids`.
        """
        query = select(Rule).order_by(Rule.id).limit(limit)
        if after is not None:
            query = query.where(Rule.id > after)
        if ids is not None:
            query = query.where(Rule.id.between(*ids))
        if factories is not None:
            query = of_each(factories, Rule, query, ("id",), limit, descending=False)
        rules = (await self._session.scalars(query)).all()
        keys = [(rule.factory_id, rule.id) for rule in rules]
        found = select(RuleState).where(tuple_(RuleState.factory_id, RuleState.rule_id).in_(keys))
        states = {state.rule_id: state for state in await self._session.scalars(found)}
        return [(rule, states[rule.id]) for rule in rules]


class EvaluationRepository:
    """Reads and writes the evaluation of a factory's rules, in few statements however many there are."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def version(self, factory_id: UUID) -> int | None:
        """Give the version of a factory's rules as committed now, None where there are none."""
        connection = await self._transaction.connection()
        version: int | None = await connection.fetchval(VERSION, factory_id)
        return version

    async def rules(self, factory_id: UUID) -> Sequence[StoredRule]:
        """Return all rules of a factory, and where they stand."""
        connection = await self._transaction.connection()
        return [StoredRule(*row) for row in await connection.fetch(RULES, factory_id)]

    async def readings(
        self, factory_id: UUID, series: Collection[tuple[str, str]]
    ) -> Sequence[tuple[tuple[str, str], int, int, bytes]]:
        """Return the stored readings of series in order: (series, seq, held until, readings)."""
        connection = await self._transaction.connection()
        equipment, metrics = [one for one, _ in series], [metric for _, metric in series]
        rows = await connection.fetch(READINGS, factory_id, equipment, metrics)
        return [
            ((row["equipment"], row["metric"]), row["seq"], row["held_until_us"], row["readings"])
            for row in rows
        ]

    async def held(self, factory_id: UUID) -> Sequence[tuple[tuple[str, str], int, bytes]]:
        """Return the readings that are held for later: (series, seq, readings)."""
        connection = await self._transaction.connection()
        rows = await connection.fetch(HELD, factory_id)
        return [((row["equipment"], row["metric"]), row["seq"], row["readings"]) for row in rows]

    async def holding(self) -> Sequence[UUID]:
        """Return the factories with readings that are held for later."""
        connection = await self._transaction.connection()
        return [row["factory_id"] for row in await connection.fetch(HOLDING)]

    async def clock(self, factory_id: UUID) -> int:
        """Return the stored clock of a factory in microseconds; 0 if it has none."""
        connection = await self._transaction.connection()
        return int(await connection.fetchval(CLOCK, factory_id) or 0)

    async def set_clock(self, factory_id: UUID, clock: int) -> None:
        """Store how far a factory's readings have been evaluated."""
        await (await self._transaction.connection()).execute(SET_CLOCK, factory_id, clock)

    async def note_tick(self, factory_id: UUID, at: int, seq: int) -> None:
        """Journal that time passed after the event `seq`, and forget the ticks of more than a week before."""
        connection = await self._transaction.connection()
        await connection.execute(TICK, factory_id, at, seq)
        await connection.execute(FORGET_TICKS, factory_id, at - TICKS_KEPT)

    async def save(self, factory_id: UUID, changes: EvaluationChanges) -> None:
        """Write what has changed: one statement for each kind of change."""
        connection: asyncpg.Connection = await self._transaction.connection()
        for statement, rows in (
            (SAVE, changes.states),
            (APPEND, changes.appended),
            (FORGET, changes.forgotten),
            (HOLD, changes.held),
            (RELEASE, changes.released),
        ):
            if rows:
                columns = [list(column) for column in zip(*rows, strict=True)]
                await connection.execute(statement, factory_id, *columns)


_SAME = (RuleState.factory_id == Rule.factory_id) & (RuleState.rule_id == Rule.id)
