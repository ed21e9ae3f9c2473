"""What a notification of Alertmanager's does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self
from uuid import UUID

from contracts.platform import PLATFORM_FACTORY_ID
from incident_event.alertmanager.comparison import KnownGroup
from incident_event.alertmanager.lifecycle import (
    Activity,
    Episode,
    GroupOutcome,
    Judgement,
    begin_untold,
    end_forgotten,
    judge,
)
from incident_event.alertmanager.metrics import NOTIFICATIONS
from incident_event.alertmanager.metrics import RECONCILED as SET_RIGHT
from incident_event.alertmanager.notification import Notification
from incident_event.alertmanager.repository import AlertGroupRepository, Claimed
from incident_event.incidents.alerts import AlertIncidentService, AlertsSeen
from utils.auth import Principal
from utils.database import Transaction
from utils.logging import logger

WATCHDOG: Final = "VFactoryWatchdog"
"""It always fires, so that its silence is told outside: no incident of its could ever end."""

BY: Final = "incident-event-worker"
FORGOTTEN: Final = "Alertmanager no longer lists its alerts, and has not told their end"
UNTOLD: Final = "Alertmanager lists its alerts, and no notification of them has come"
RECONCILED: Final = "reconciled:"
"""How the key of a group begins that no notification told of; Alertmanager's API does not give its own."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a notification did, and to which incident; None where nothing is known of one."""

    outcome: GroupOutcome
    incident_id: UUID | None


class AlertGroupService:
    """Turns notifications into incidents, each inside the caller's transaction; no other service is asked."""

    def __init__(
        self,
        transaction: Transaction,
        groups: AlertGroupRepository,
        incidents: AlertIncidentService,
        now: datetime,
    ) -> None:
        self._transaction = transaction
        self._groups = groups
        self._incidents = incidents
        self._now = now

    @classmethod
    def within(cls, transaction: Transaction, now: datetime) -> Self:
        """Return the use cases inside a transaction that is handled at `now` (aware)."""
        incidents = AlertIncidentService.within(transaction, now)
        return cls(transaction, AlertGroupRepository(transaction), incidents, now)

    async def receive(self, by: Principal, told: Notification) -> Receipt:
        """Do what a notification asks for, once, however often it comes.

        Raises NotFoundError when `by` does not see the platform's factory.
        """
        by.require_factory(PLATFORM_FACTORY_ID)
        if all(alert.name == WATCHDOG for alert in told.alerts):
            return self._tell(told, Receipt(GroupOutcome.IGNORED, None))
        now = self._now
        await self._groups.let_none_open()
        claimed = await self._groups.claim(PLATFORM_FACTORY_ID, told.group_key, now)
        activities = [alert.activity for alert in told.alerts]
        if not claimed.episode.is_firing:
            claimed = await self._take_over(claimed, activities)
        judgement = judge(claimed.episode, activities, is_firing=told.is_firing, now=now)
        incident_id = await self._apply(by.subject, told, claimed, judgement)
        return self._tell(told, Receipt(judgement.outcome, incident_id))

    async def _take_over(self, claimed: Claimed, told: Sequence[Activity]) -> Claimed:
        fingerprints = {one.fingerprint for one in told}
        taken = await self._groups.take_reconciled(claimed, RECONCILED, fingerprints)
        if taken is None:
            return claimed
        await self._groups.keep(taken, taken.incident_id, taken.episode)
        return taken

    async def list_known(self) -> Sequence[KnownGroup]:
        """Return what is known of all groups of the platform."""
        return await self._groups.list_known(PLATFORM_FACTORY_ID)

    async def end_forgotten(self, group_key: str, since: datetime) -> None:
        """Resolve the incident of a group whose alerts Alertmanager does not list since a moment."""
        claimed = await self._groups.claim(PLATFORM_FACTORY_ID, group_key, self._now)
        known, incident_id = claimed.episode, claimed.incident_id
        if not known.is_firing or incident_id is None or known.changed_at > since:
            return  # something was told of it since
        episode = end_forgotten(known, since, self._now)
        await self._incidents.end(BY, incident_id, episode.cleared_at or since, reason=FORGOTTEN)
        await self._groups.keep(claimed, incident_id, episode)
        self._note_reconciled(GroupOutcome.RESOLVED, group_key, incident_id)

    async def open_untold(self, told: Notification) -> None:
        """Open an incident for a group that fires, of which no notification has come."""
        if all(alert.name == WATCHDOG for alert in told.alerts):
            return
        await self._groups.open_alone()
        fingerprints = {alert.fingerprint for alert in told.alerts}
        same = [one for one in await self.list_known() if fingerprints & one.fingerprints]
        if any(one.is_firing and fingerprints & one.firing for one in same):
            return  # it was told in the meantime
        key = next((one.group_key for one in same if not one.is_firing), told.group_key)
        claimed = await self._groups.claim(PLATFORM_FACTORY_ID, key, self._now)
        if claimed.episode.is_firing:
            return
        firing = [alert.activity for alert in told.firing]
        episode = begin_untold(claimed.episode, firing, self._now)
        incident_id = await self._incidents.open(
            BY,
            _seen(told),
            occurred_at=episode.occurred_at or self._now,
            occurrences=len(firing),
            reason=UNTOLD,
        )
        await self._groups.keep(claimed, incident_id, episode)
        self._note_reconciled(GroupOutcome.OPENED, key, incident_id)

    def _note_reconciled(self, outcome: GroupOutcome, group_key: str, incident_id: UUID) -> None:
        self._transaction.on_commit(SET_RIGHT.labels(outcome).inc)
        extra = {"outcome": outcome.value, "group_key": group_key, "incident_id": str(incident_id)}
        logger.info("An incident was set right by Alertmanager's list", extra=extra)

    async def _apply(
        self, by: str, told: Notification, claimed: Claimed, judgement: Judgement
    ) -> UUID | None:
        """Change the incident and what is known of the group; give the id of the incident it is about."""
        episode, known = judgement.episode, claimed.incident_id
        if judgement.past is not None:
            made = await self._record(by, told, judgement.past, judgement.started)
            await self._groups.keep(claimed, known if episode.is_firing else made, episode)
            return made
        if judgement.outcome is GroupOutcome.OPENED and episode.occurred_at is not None:
            known = await self._incidents.open(
                by, _seen(told), occurred_at=episode.occurred_at, occurrences=judgement.started
            )
        elif judgement.outcome is GroupOutcome.UPDATED and known is not None:
            await self._incidents.change(by, known, _seen(told), started=judgement.started)
        elif (
            judgement.outcome is GroupOutcome.RESOLVED
            and known is not None
            and episode.cleared_at is not None
        ):
            await self._incidents.end(by, known, episode.cleared_at, started=judgement.started)
        if episode is not claimed.episode:
            await self._groups.keep(claimed, known, episode)
        return known

    async def _record(self, by: str, told: Notification, past: Episode, started: int) -> UUID:
        """Open and resolve an incident of which nobody told while it lasted."""
        start, end = past.occurred_at or past.changed_at, past.cleared_at or past.changed_at
        made = await self._incidents.open(by, _seen(told), occurred_at=start, occurrences=started)
        await self._incidents.end(by, made, end)
        return made

    def _tell(self, told: Notification, receipt: Receipt) -> Receipt:
        counted = NOTIFICATIONS.labels(receipt.outcome)
        self._transaction.on_commit(counted.inc)
        extra = {
            "outcome": receipt.outcome.value,
            "incident_id": receipt.incident_id and str(receipt.incident_id),
            "group_key": told.group_key,
            "receiver": told.receiver,
            "alerts": len(told.alerts) + told.left_out,
        }
        logger.info("Alertmanager's notification received", extra=extra)
        return receipt


def _seen(told: Notification) -> AlertsSeen:
    return AlertsSeen(told.severity, told.title, told.description, len(told.firing))
