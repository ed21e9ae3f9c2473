"""Every query about Alertmanager's groups."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
import msgspec

from incident_event.alertmanager.comparison import KnownGroup
from incident_event.alertmanager.lifecycle import Activity, Episode
from utils.database import Transaction, lock_key

# Whoever comes first makes the row; the others wait here until that transaction has ended, and see what it
# knew: of notifications that race, each is judged after the other.
CLAIM: Final = """
    INSERT INTO alert_groups (factory_id, digest, group_key, is_firing, activities, changed_at)
    VALUES ($1, $2, $3, false, '[]', $4)
    ON CONFLICT (factory_id, digest) DO UPDATE SET group_key = excluded.group_key
    RETURNING incident_id, is_firing, occurred_at, cleared_at, activities, changed_at
"""
KEEP: Final = """
    UPDATE alert_groups SET incident_id = $3, is_firing = $4, occurred_at = $5, cleared_at = $6,
        activities = $7, changed_at = $8
    WHERE factory_id = $1 AND digest = $2
"""

LIST: Final = """
    SELECT group_key, is_firing, activities FROM alert_groups
    WHERE factory_id = $1 ORDER BY changed_at DESC LIMIT $2
"""
TAKE_RECONCILED: Final = """
    SELECT digest, incident_id, is_firing, occurred_at, cleared_at, activities, changed_at FROM alert_groups
    WHERE factory_id = $1 AND is_firing AND starts_with(group_key, $2) FOR UPDATE
"""
FORGET: Final = "DELETE FROM alert_groups WHERE factory_id = $1 AND digest = $2"
MAX_GROUPS: Final = 10_000
OPENING: Final = lock_key("alertmanager opens what nobody told of")


@dataclass(frozen=True, slots=True)
class Claimed:
    """What is known of a group that is this transaction's alone until its end."""

    factory_id: UUID
    digest: bytes
    incident_id: UUID | None
    episode: Episode


class AlertGroupRepository:
    """Finds and keeps Alertmanager's groups."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def claim(self, factory_id: UUID, group_key: str, now: datetime) -> Claimed:
        """Give what is known of a group, nothing at first, and keep others from it until the commit."""
        digest = hashlib.sha256(group_key.encode()).digest()
        connection = await self._transaction.connection()
        row = await connection.fetchrow(CLAIM, factory_id, digest, group_key, now)
        return Claimed(factory_id, digest, row["incident_id"], _episode(row))

    async def let_none_open(self) -> None:
        """Keep others, until the commit, from opening what no notification told of."""
        connection = await self._transaction.connection()
        await connection.execute("SELECT pg_advisory_xact_lock_shared($1)", OPENING)

    async def open_alone(self) -> None:
        """Keep notifications waiting until the commit."""
        connection = await self._transaction.connection()
        await connection.execute("SELECT pg_advisory_xact_lock($1)", OPENING)

    async def list_known(self, factory_id: UUID) -> list[KnownGroup]:
        """Return what is known of all groups, the last changed first, at most 10,000."""
        connection = await self._transaction.connection()
        rows = await connection.fetch(LIST, factory_id, MAX_GROUPS)
        return [KnownGroup(row["group_key"], row["is_firing"], _activities(row)) for row in rows]

    async def take_reconciled(
        self, claimed: Claimed, prefix: str, fingerprints: Collection[str]
    ) -> Claimed | None:
        """Let a group that is told for the first time take over what was opened for its alerts before."""
        connection = await self._transaction.connection()
        for row in await connection.fetch(TAKE_RECONCILED, claimed.factory_id, prefix):
            episode = _episode(row)
            if any(one.ended_at is None and one.fingerprint in fingerprints for one in episode.activities):
                await connection.execute(FORGET, claimed.factory_id, row["digest"])
                return Claimed(claimed.factory_id, claimed.digest, row["incident_id"], episode)
        return None

    async def keep(self, claimed: Claimed, incident_id: UUID | None, episode: Episode) -> None:
        """Remember what a notification has changed."""
        connection = await self._transaction.connection()
        await connection.execute(
            KEEP,
            claimed.factory_id,
            claimed.digest,
            incident_id,
            episode.is_firing,
            episode.occurred_at,
            episode.cleared_at,
            msgspec.json.encode(episode.activities),
            episode.changed_at,
        )


def _activities(row: asyncpg.Record) -> list[Activity]:
    return msgspec.json.decode(row["activities"], type=list[Activity])


def _episode(row: asyncpg.Record) -> Episode:
    return Episode(
        row["is_firing"], row["occurred_at"], row["cleared_at"], _activities(row), row["changed_at"]
    )
