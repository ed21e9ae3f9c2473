"""Every query about rules and where their evaluation stands."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg
from sqlalchemy import select, tuple_

from incident_event.rules.models import Rule, RuleState
from utils.database import Transaction, of_each

# Also the lock that lets rules of one factory be made one after the other.
COUNT_UP = """
    INSERT INTO rule_sets AS mine (factory_id, version, rules) VALUES ($1, 1, 1)
    ON CONFLICT (factory_id) DO UPDATE SET version = mine.version + 1, rules = mine.rules + 1
    RETURNING rules
"""
VERSION = "SELECT version FROM rule_sets WHERE factory_id = $1"
READINGS = """
    SELECT equipment, metric, seq, readings
    FROM series_readings JOIN unnest($2::text[], $3::text[]) AS wanted (equipment, metric)
    USING (equipment, metric)
    WHERE factory_id = $1 ORDER BY equipment, metric, seq
"""
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
    INSERT INTO series_readings (factory_id, equipment, metric, seq, readings)
    SELECT $1, * FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bytea[])
"""
FORGET = """
    DELETE FROM series_readings AS stored
    USING unnest($2::text[], $3::text[], $4::bigint[]) AS gone (equipment, metric, seq)
    WHERE stored.factory_id = $1 AND stored.equipment = gone.equipment AND stored.metric = gone.metric
        AND stored.seq = gone.seq
"""

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


@dataclass(slots=True)
class EvaluationChanges:
    """What one transaction changes in the evaluation of one factory's rules."""

    states: list[StateRow] = field(default_factory=list)
    appended: list[tuple[str, str, int, bytes]] = field(default_factory=list)
    forgotten: list[tuple[str, str, int]] = field(default_factory=list)


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

    async def rules(self, factory_id: UUID) -> Sequence[tuple[Rule, RuleState]]:
        """Give all rules of a factory with their states."""
        query = select(Rule, RuleState).join(RuleState, _SAME).where(Rule.factory_id == factory_id)
        return [(row[0], row[1]) for row in await self._transaction.session.execute(query)]

    async def readings(
        self, factory_id: UUID, series: Collection[tuple[str, str]]
    ) -> Sequence[tuple[tuple[str, str], int, bytes]]:
        """Return the stored readings of series: (series, seq, readings), in the order in which they came."""
        connection = await self._transaction.connection()
        equipment, metrics = [one for one, _ in series], [metric for _, metric in series]
        rows = await connection.fetch(READINGS, factory_id, equipment, metrics)
        return [((row["equipment"], row["metric"]), row["seq"], row["readings"]) for row in rows]

    async def save(self, factory_id: UUID, changes: EvaluationChanges) -> None:
        """Write what has changed: three statements at most."""
        connection: asyncpg.Connection = await self._transaction.connection()
        for statement, rows in (
            (SAVE, changes.states),
            (APPEND, changes.appended),
            (FORGET, changes.forgotten),
        ):
            if rows:
                columns = [list(column) for column in zip(*rows, strict=True)]
                await connection.execute(statement, factory_id, *columns)


_SAME = (RuleState.factory_id == Rule.factory_id) & (RuleState.rule_id == Rule.id)
