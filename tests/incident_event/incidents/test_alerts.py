"""What the end of its alerts does to an incident, wherever people have moved it."""

import pytest

from incident_event.incidents.alerts import AlertIncidentService, AlertsSeen
from incident_event.incidents.lifecycle import OPEN, Status
from incident_event.incidents.repository import IncidentRepository
from utils.clock import utc_now
from utils.database import Transaction

SEEN = AlertsSeen(severity=4, title="PostgreSQL is down", description="", firing=1)
WORSE = AlertsSeen(severity=5, title="All is down", description="Everything", firing=2)


@pytest.mark.parametrize("status", Status)
async def test_only_what_is_open_is_resolved_and_reworded(transaction: Transaction, status: Status) -> None:
    alerts, incidents = AlertIncidentService.within(transaction, utc_now()), IncidentRepository(transaction)
    began = utc_now()
    incident_id = await alerts.open("alertmanager", SEEN, occurred_at=began, occurrences=1)
    incident = await incidents.find(incident_id)
    assert incident is not None
    incident.status = status.value
    await alerts.change("alertmanager", incident_id, WORSE, started=1)
    await alerts.end("alertmanager", incident_id, began)
    is_open = status in OPEN
    assert incident.status == (Status.RESOLVED if is_open else status)
    assert (incident.condition, incident.cleared_at, incident.occurrences) == ("cleared", began, 2)
    assert (incident.severity, incident.title) == ((5, "All is down") if is_open else (4, SEEN.title))
    assert (incident.resolved_by == "alertmanager") == is_open
    entries, _ = await incidents.timeline(incident, 10)
    told = [entry.what for entry in entries]
    assert told == ["reported", "alerts_changed", "condition_cleared", *(["recover"] if is_open else [])]


async def test_a_milder_alert_does_not_lower_the_severity(transaction: Transaction) -> None:
    alerts, incidents = AlertIncidentService.within(transaction, utc_now()), IncidentRepository(transaction)
    incident_id = await alerts.open("alertmanager", WORSE, occurred_at=utc_now(), occurrences=1)
    await alerts.change("alertmanager", incident_id, SEEN, started=0)
    incident = await incidents.find(incident_id)
    assert incident is not None
    assert (incident.severity, incident.title) == (5, SEEN.title)
