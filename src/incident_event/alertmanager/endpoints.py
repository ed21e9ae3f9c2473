"""The route Alertmanager posts to."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends

from incident_event.alertmanager.schemas import NotificationBody, Received
from incident_event.alertmanager.service import AlertGroupService
from utils.clock import utc_now
from utils.http import CurrentPrincipal, DatabaseTransaction
from utils.logging import logger

router = APIRouter(tags=["webhooks"])

MAX_VALUES: Final = 75_000
"""The most values of a notification: ten thousand bare alerts, or two thousand with their labels."""


async def alert_group_service(transaction: DatabaseTransaction) -> AlertGroupService:
    """Put the use case into the request's transaction."""
    return AlertGroupService.within(transaction, utc_now())


AlertGroups = Annotated[AlertGroupService, Depends(alert_group_service, scope="function")]


@router.post("/webhooks/alertmanager", response_model_exclude_unset=True)
async def receive_alertmanager_notification(
    body: NotificationBody, by: CurrentPrincipal, groups: AlertGroups
) -> Received:
    """Take what Alertmanager tells of a group of alerts: an incident of the platform while the group fires.

    A group has one incident from its first alert to the end of its last; when it fires again, that is
    another one. Repeats change nothing. What ended before anybody told of it is opened and resolved at once.
    """
    receipt = await groups.receive(by, body.to_notification(utc_now()))
    answer: dict[str, Any] = {"outcome": receipt.outcome, "incident_id": receipt.incident_id}
    if refused := body.refused():
        answer["refused"] = refused
        logger.warning("Alerts do not say since when they fire", extra={"alerts": len(refused)})
    return Received.model_validate(answer)
