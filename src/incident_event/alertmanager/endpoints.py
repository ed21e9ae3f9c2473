"""The route Alertmanager posts to."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends

from incident_event.alertmanager.schemas import NotificationBody, Received
from incident_event.alertmanager.service import AlertGroupService
from utils.clock import utc_now
from utils.http import CurrentPrincipal, DatabaseTransaction

router = APIRouter(tags=["webhooks"])

MAX_VALUES: Final = 25_000
"""The most values of a notification: a thousand alerts with their labels."""


async def alert_group_service(transaction: DatabaseTransaction) -> AlertGroupService:
    """Put the use case into the request's transaction."""
    return AlertGroupService.within(transaction, utc_now())


AlertGroups = Annotated[AlertGroupService, Depends(alert_group_service, scope="function")]


@router.post("/webhooks/alertmanager")
async def receive_alertmanager_notification(
    body: NotificationBody, by: CurrentPrincipal, groups: AlertGroups
) -> Received:
    """Take what Alertmanager tells of a group of alerts: an incident of the platform while the group fires.

    A group has one incident from its first alert to the end of its last; when it fires again, that is
    another one. Repeats change nothing. What ended before anybody told of it is opened and resolved at once.
    """
    return Received.model_validate(await groups.receive(by, body.to_notification(utc_now())))
