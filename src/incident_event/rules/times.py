"""Instants as whole microseconds since 1970: exact, and quick to compare."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
MICROSECONDS = 1_000_000


def to_microseconds(moment: datetime) -> int:
    """Give the microseconds from 1970 to an aware datetime; negative before."""
    return (moment - EPOCH) // MICROSECOND


def all_to_microseconds(moments: Iterable[datetime]) -> list[int]:
    """Give the microseconds of many."""
    return [(moment - EPOCH) // MICROSECOND for moment in moments]


def from_microseconds(microseconds: int) -> datetime:
    """Give the aware datetime (UTC) of what `to_microseconds` gave."""
    return EPOCH + timedelta(microseconds=microseconds)
