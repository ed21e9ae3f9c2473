"""Every query about Alertmanager's groups."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from incident_event.alertmanager.lifecycle import Activity, Episode
from utils.database import Transaction

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
        activities = msgspec.json.decode(row["activities"], type=list[Activity])
        episode = Episode(
            row["is_firing"], row["occurred_at"], row["cleared_at"], activities, row["changed_at"]
        )
        return Claimed(factory_id, digest, row["incident_id"], episode)

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
