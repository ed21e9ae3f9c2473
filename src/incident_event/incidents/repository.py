"""Every query about incidents."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import Select, func, select, tuple_

from incident_event.incidents.lifecycle import OPEN
from incident_event.incidents.models import IS_OPEN_OF_RULE, IdempotencyKey, Incident, TimelineEntry
from utils.database import Transaction, of_each

# The first report with a key makes everything; every other makes nothing, also one that comes in the same
# instant: it waits here until the first one's transaction has ended.
REPORT = """
    WITH claimed AS (
        INSERT INTO idempotency_keys (factory_id, subject, key, fingerprint, incident_id, answer, created_at)
        SELECT $1, $11, $12, $13, $2, $14, $10 WHERE $12::text IS NOT NULL
        ON CONFLICT DO NOTHING RETURNING 1
    ), made AS (
        INSERT INTO incidents (factory_id, id, type, severity, status, title, description, source, equipment,
                               occurred_at, occurrences, reported_by, created_at, updated_at)
        SELECT $1, $2, $3, $4, $5, $6, $7, 'report', $8, $9, 1, $11, $10, $10
        WHERE $12::text IS NULL OR EXISTS (SELECT FROM claimed)
        RETURNING factory_id, id
    )
    INSERT INTO incident_timeline (factory_id, incident_id, at, by, what, to_status)
    SELECT factory_id, id, $10, $11, 'reported', $5 FROM made
    RETURNING id
"""
# One open incident per rule and subject, by the partial unique index, however many processes race: the others
# wait for the first, and then count. A short episode of the past does not touch a condition that holds.
RAISE = f"""
    INSERT INTO incidents AS incident
        (factory_id, id, type, severity, status, title, description, source, rule_id, rule_version,
         subject, equipment, metric, occurred_at, condition, cleared_at, occurrences, reported_by,
         created_at, updated_at, value)
    VALUES ($1, $2, $3, $4, 'reported', $5, $6, 'rule', $7, $8,
            $9, $10, $11, $12, $13, $14, $15, $16, $17, $17, $18)
    ON CONFLICT (factory_id, rule_id, subject) WHERE {IS_OPEN_OF_RULE} DO UPDATE SET
        occurrences = incident.occurrences + excluded.occurrences,
        value = CASE WHEN excluded.occurred_at < incident.occurred_at THEN excluded.value
                     ELSE incident.value END,
        occurred_at = least(incident.occurred_at, excluded.occurred_at),
        condition = CASE WHEN excluded.condition = 'active' THEN 'active' ELSE incident.condition END,
        cleared_at = CASE WHEN excluded.condition = 'active' OR incident.condition = 'active' THEN NULL
                          ELSE greatest(incident.cleared_at, excluded.cleared_at) END,
        updated_at = excluded.updated_at
    RETURNING id, status, occurrences, condition
"""  # noqa: S608 - the words are constants of this package
CLEAR = """
    UPDATE incidents SET condition = 'cleared', cleared_at = $3, updated_at = $4
    WHERE factory_id = $1 AND id = $2 AND condition = 'active' RETURNING status
"""
CORRECT = """
    UPDATE incidents SET occurred_at = $4, updated_at = $5, value = $6
    WHERE factory_id = $1 AND rule_id = $2 AND occurred_at = $3 RETURNING id, status
"""
NOTE = """
    INSERT INTO incident_timeline
        (factory_id, incident_id, at, by, what, from_status, to_status, reason, detail)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
OPEN_BY_SEVERITY = "SELECT severity, count(*) FROM incidents WHERE status = ANY($1) GROUP BY severity"


@dataclass(frozen=True, slots=True)
class IncidentFilter:
    """Which incidents a list shows; None means all."""

    status: Sequence[str] | None = None
    type: Sequence[str] | None = None
    severity: Sequence[int] | None = None
    rule_id: UUID | None = None
    ids: tuple[UUID, UUID] | None = None


@dataclass(frozen=True, slots=True)
class Raised:
    """What became of an activation: `opened` a new incident, or counted in an open one."""

    incident_id: UUID
    opened: bool
    status: str
    occurrences: int
    condition: str


class IncidentRepository:
    """Finds and keeps incidents, their timeline, and the keys of reports."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._session = transaction.session

    async def report(self, incident: Incident, key: str | None, fingerprint: bytes, answer: bytes) -> bool:
        """Keep a reported incident with its key; False, and nothing kept, when the key is taken."""
        connection = await self._transaction.connection()
        made = await connection.fetchval(
            REPORT,
            incident.factory_id,
            incident.id,
            incident.type,
            incident.severity,
            incident.status,
            incident.title,
            incident.description,
            incident.equipment,
            incident.occurred_at,
            incident.created_at,
            incident.reported_by,
            key,
            fingerprint,
            answer,
        )
        return made is not None

    async def get_key(self, factory_id: UUID, subject: str, key: str) -> IdempotencyKey:
        """Give a report's key that is known to be taken."""
        found = await self._session.get(IdempotencyKey, (factory_id, subject, key))
        if found is None:
            raise LookupError("the idempotency key was taken a moment ago")
        return found

    async def add(self, incident: Incident) -> None:
        """Keep a new incident."""
        self._session.add(incident)
        await self._session.flush()

    async def find(self, incident_id: UUID) -> Incident | None:
        """Find one by its id."""
        return (await self._session.scalars(select(Incident).where(Incident.id == incident_id))).one_or_none()

    async def find_for_update(self, incident_id: UUID) -> Incident | None:
        """Find one and keep everyone else from changing it until the commit."""
        query = select(Incident).where(Incident.id == incident_id).with_for_update()
        return (await self._session.scalars(query)).one_or_none()

    async def list_after(
        self,
        factories: Collection[UUID] | None,
        after: tuple[datetime, UUID] | None,
        limit: int,
        only: IncidentFilter,
    ) -> Sequence[Incident]:
        """Return incidents of the factories (None: of all), newest first, from before the key `after`."""
        query = _filtered(after, only).limit(limit)
        keys: tuple[str, ...] = ("created_at", "id")
        if only.ids is not None:
            # Ids rise with time: by the order of ids a rare prefix is found at once.
            first, last = only.ids
            last = last if after is None else min(last, after[1])
            query, keys = query.where(Incident.id.between(first, last)), ("id",)
        query = query.order_by(*(getattr(Incident, key).desc() for key in keys))
        rows = query if factories is None else of_each(factories, Incident, query, keys, limit)
        return (await self._session.scalars(rows)).all()

    async def timeline(self, incident: Incident, limit: int) -> tuple[Sequence[TimelineEntry], int]:
        """Give the newest entries of a timeline, oldest first, and how many there are in all."""
        mine = (TimelineEntry.factory_id == incident.factory_id, TimelineEntry.incident_id == incident.id)
        query = select(TimelineEntry).where(*mine).order_by(TimelineEntry.id.desc()).limit(limit)
        entries = (await self._session.scalars(query)).all()
        if len(entries) < limit:
            return entries[::-1], len(entries)
        total = await self._session.scalar(select(func.count()).where(*mine))
        return entries[::-1], total or 0

    async def raise_condition(self, incident: Incident) -> Raised:
        """Open a rule's incident, or count `incident.occurrences` more in the one that is open."""
        connection = await self._transaction.connection()
        row = await connection.fetchrow(
            RAISE,
            incident.factory_id,
            incident.id,
            incident.type,
            incident.severity,
            incident.title,
            incident.description,
            incident.rule_id,
            incident.rule_version,
            incident.subject,
            incident.equipment,
            incident.metric,
            incident.occurred_at,
            incident.condition,
            incident.cleared_at,
            incident.occurrences,
            incident.reported_by,
            incident.created_at,
            incident.value,
        )
        return Raised(
            row["id"], row["id"] == incident.id, row["status"], row["occurrences"], row["condition"]
        )

    async def clear_condition(
        self, factory_id: UUID, incident_id: UUID, cleared_at: datetime, now: datetime
    ) -> str | None:
        """Mark a condition that held as ended and give the incident's status; None when it held no more."""
        connection = await self._transaction.connection()
        status: str | None = await connection.fetchval(CLEAR, factory_id, incident_id, cleared_at, now)
        return status

    async def correct_occurrence(
        self,
        factory_id: UUID,
        rule_id: UUID,
        previously: datetime,
        occurred_at: datetime,
        now: datetime,
        *,
        value: float | None,
    ) -> Sequence[tuple[UUID, str]]:
        """Move the beginning of the incidents a rule opened at `previously`; give their ids and statuses."""
        connection = await self._transaction.connection()
        rows = await connection.fetch(CORRECT, factory_id, rule_id, previously, occurred_at, now, value)
        return [(row["id"], row["status"]) for row in rows]

    async def add_entry(self, entry: TimelineEntry) -> None:
        """Append to a timeline."""
        connection: asyncpg.Connection = await self._transaction.connection()
        detail = None if entry.detail is None else msgspec.json.encode(entry.detail).decode()
        await connection.execute(
            NOTE,
            entry.factory_id,
            entry.incident_id,
            entry.at,
            entry.by,
            entry.what,
            entry.from_status,
            entry.to_status,
            entry.reason,
            detail,
        )

    async def count_open(self) -> Mapping[int, int]:
        """Count the open incidents of all factories by severity."""
        connection = await self._transaction.connection()
        rows = await connection.fetch(OPEN_BY_SEVERITY, [str(status) for status in OPEN])
        return {row["severity"]: row["count"] for row in rows}


def _filtered(after: tuple[datetime, UUID] | None, only: IncidentFilter) -> Select[Incident]:
    query = select(Incident)
    if after is not None:
        query = query.where(tuple_(Incident.created_at, Incident.id) < after)
    if only.status is not None:
        query = query.where(Incident.status.in_(only.status))
    if only.type is not None:
        query = query.where(Incident.type.in_(only.type))
    if only.severity is not None:
        query = query.where(Incident.severity.in_(only.severity))
    if only.rule_id is not None:
        query = query.where(Incident.rule_id == only.rule_id)
    return query
