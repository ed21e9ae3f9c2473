"""An incident's states and the moves between them: one table, pure."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from utils.errors import ConflictError


class Status(StrEnum):
    """Where an incident stands."""

    REPORTED = "reported"
    ACKNOWLEDGED = "acknowledged"
    IN_RESPONSE = "in_response"
    CONTAINED = "contained"
    RESOLVED = "resolved"
    CLOSED = "closed"
    FALSE_ALARM = "false_alarm"
    MERGED = "merged"
    VOIDED = "voided"


class Move(StrEnum):
    """What is done with an incident: by a person, and `recover` by the machine that raised it."""

    ACKNOWLEDGE = "acknowledge"
    RESPOND = "respond"
    CONTAIN = "contain"
    RESOLVE = "resolve"
    CLOSE = "close"
    DISMISS = "dismiss"
    REOPEN = "reopen"
    MERGE = "merge"
    VOID = "void"
    RECOVER = "recover"


class IncidentType(StrEnum):
    """What kind of thing happened."""

    ENTANGLEMENT = "entanglement"
    FALL = "fall"
    COLLISION = "collision"
    FIRE = "fire"
    ELECTRIC_SHOCK = "electric_shock"
    INTRUSION = "intrusion"
    EQUIPMENT = "equipment"
    ENVIRONMENT = "environment"
    OTHER = "other"


OPEN: Final = (Status.REPORTED, Status.ACKNOWLEDGED, Status.IN_RESPONSE, Status.CONTAINED)
"""An incident in one of these is being worked, or waits to be; the partial unique index names the same."""

_UNVOIDED: Final = tuple(status for status in Status if status is not Status.VOIDED)

_TABLE: Final[Mapping[Move, tuple[tuple[Status, ...], Status]]] = MappingProxyType(
    {
        Move.ACKNOWLEDGE: ((Status.REPORTED,), Status.ACKNOWLEDGED),
        Move.RESPOND: ((Status.REPORTED, Status.ACKNOWLEDGED), Status.IN_RESPONSE),
        Move.CONTAIN: ((Status.IN_RESPONSE,), Status.CONTAINED),
        Move.RESOLVE: ((Status.ACKNOWLEDGED, Status.IN_RESPONSE, Status.CONTAINED), Status.RESOLVED),
        Move.CLOSE: ((Status.RESOLVED,), Status.CLOSED),
        Move.DISMISS: ((Status.REPORTED, Status.ACKNOWLEDGED, Status.IN_RESPONSE), Status.FALSE_ALARM),
        Move.REOPEN: ((Status.RESOLVED, Status.CLOSED, Status.FALSE_ALARM), Status.ACKNOWLEDGED),
        Move.MERGE: (OPEN, Status.MERGED),
        Move.VOID: (_UNVOIDED, Status.VOIDED),
        Move.RECOVER: (OPEN, Status.RESOLVED),
    }
)

OFFERED: Final = (Move.ACKNOWLEDGE, Move.RESOLVE)
"""The moves that a person can make: each has a route of its name."""


class TransitionNotAllowedError(ConflictError):
    """The incident does not stand where this move starts; the answer names the moves that are legal."""

    title = "Transition not allowed"
    slug = "transition-not-allowed"

    def __init__(self, status: Status, move: Move) -> None:
        legal = legal_moves(status)
        words = ", ".join(legal) or "none"
        super().__init__(
            f"An incident that is {status} cannot be moved by {move}; legal moves from here: {words}.",
            extra={"incident_status": str(status), "legal_moves": [str(one) for one in legal]},
        )


def legal_moves(status: Status) -> tuple[Move, ...]:
    """Return the moves that a person can make from `status`."""
    return tuple(move for move in OFFERED if status in _TABLE[move][0])


def check_transition(status: Status, move: Move) -> Status:
    """Give the status `move` leads to.

    Raises:
        TransitionNotAllowedError: the move does not start at `status`.
    """
    sources, target = _TABLE[move]
    if status not in sources:
        raise TransitionNotAllowedError(status, move)
    return target
