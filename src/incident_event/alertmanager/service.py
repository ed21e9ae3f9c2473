"""What a notification of Alertmanager's does."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self
from uuid import UUID

from contracts.platform import PLATFORM_FACTORY_ID
from incident_event.alertmanager.lifecycle import Episode, GroupOutcome, Judgement, judge
from incident_event.alertmanager.metrics import NOTIFICATIONS
from incident_event.alertmanager.notification import Notification
from incident_event.alertmanager.repository import AlertGroupRepository, Claimed
from incident_event.incidents.alerts import AlertIncidentService, AlertsSeen
from utils.auth import Principal
from utils.database import Transaction
from utils.logging import logger

WATCHDOG: Final = "VFactoryWatchdog"
"""It always fires, so that its silence is told outside: no incident of its could ever end."""


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
        claimed = await self._groups.claim(PLATFORM_FACTORY_ID, told.group_key, now)
        activities = [alert.activity for alert in told.alerts]
        judgement = judge(claimed.episode, activities, is_firing=told.is_firing, now=now)
        incident_id = await self._apply(by.subject, told, claimed, judgement)
        return self._tell(told, Receipt(judgement.outcome, incident_id))

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
