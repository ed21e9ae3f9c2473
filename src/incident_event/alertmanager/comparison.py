"""What Alertmanager's own list says of the known groups: which are over, and which nobody told of. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from incident_event.alertmanager.lifecycle import Activity
from incident_event.alertmanager.notification import Notification


@dataclass(frozen=True, slots=True)
class KnownGroup:
    """A group of which a notification came; `activities` is each time an alert of it fired."""

    group_key: str
    is_firing: bool
    activities: Sequence[Activity]

    @property
    def firing(self) -> frozenset[str]:
        """The fingerprints of the alerts that fire, as far as is known."""
        return frozenset(one.fingerprint for one in self.activities if one.ended_at is None)

    @property
    def fingerprints(self) -> frozenset[str]:
        """The fingerprints of all alerts that are remembered."""
        return frozenset(one.fingerprint for one in self.activities)


@dataclass(frozen=True, slots=True)
class Listing:
    """What the Alertmanagers that answered list, together.

    Attributes:
        is_settled: whether one of them has run long enough to have been told of everything that fires.
        fingerprints: of every alert, also of silenced and inhibited ones.
        groups: those that are told to us and fire, neither silenced nor inhibited.
    """

    is_settled: bool
    fingerprints: frozenset[str]
    groups: Sequence[Notification]


@dataclass(frozen=True, slots=True)
class Differences:
    """What is to be set right. `ended` groups, by key, with the moment since when no list had them."""

    ended: Mapping[str, datetime]
    untold: Sequence[Notification]


@dataclass(slots=True)
class Comparison:
    """Compares one listing after the other; a difference counts once it has stood for `patience`.

    A notification that is under way, and a list that is not complete yet, look like differences for a while.
    """

    patience: timedelta
    _absent: dict[str, datetime] = field(default_factory=dict)
    _untold: dict[str, datetime] = field(default_factory=dict)

    def forget(self) -> None:
        """Start anew, because Alertmanager was not seen for a while."""
        self._absent, self._untold = {}, {}

    def differences(self, known: Sequence[KnownGroup], listing: Listing, now: datetime) -> Differences:
        """Return what differs, and has done so for long enough."""
        firing = {one.group_key: one for one in known if one.is_firing}
        absent = {
            key for key, one in firing.items() if listing.is_settled and not one.firing & listing.fingerprints
        }
        held = frozenset[str]().union(*(one.firing for one in firing.values()))
        untold = {
            one.group_key: one
            for one in listing.groups
            if not held & {alert.fingerprint for alert in one.alerts}
        }
        self._absent = {key: self._absent.get(key, now) for key in absent}
        self._untold = {key: self._untold.get(key, now) for key in untold}
        return Differences(
            {key: since for key, since in self._absent.items() if now - since >= self.patience},
            [untold[key] for key, since in self._untold.items() if now - since >= self.patience],
        )
