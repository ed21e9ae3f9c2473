"""Writes the summary of a replay for people: what was sent, what was not, and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from vfactory.client.output import local_time
from vfactory.client.replay.reading import Finding, Recording
from vfactory.client.replay.summary import Rejected, Tally

_MINUTE, _HOUR = 60, 3600
_MOST_FINDINGS = 20


@dataclass(frozen=True, slots=True)
class Zones:
    """The zones of a replay's times.

    Args:
        given: Whether the user named the zone of times without an offset.
        shown: The zone in which times are shown.
    """

    given: bool = False
    shown: tzinfo = UTC


def describe(recording: Recording, tally: Tally, zones: Zones) -> Iterator[str]:
    """Yield the lines of the summary."""
    yield f"  rows        {tally.rows:,}{_before(tally)}"
    yield (
        f"  readings    {tally.readings:,} sent: {tally.accepted:,} accepted, "
        f"{tally.duplicates:,} duplicates, {_count(tally)}{tally.rejected_readings:,} rejected"
    )
    if tally.first_at and tally.last_at:
        length = describe_seconds((tally.last_at - tally.first_at).total_seconds())
        first, last = (_second(at, zones.shown) for at in (tally.first_at, tally.last_at))
        yield f"  times       {first} to {last} ({length})"
    yield f"  took        {describe_seconds(tally.seconds)} ({tally.readings_per_second:,.0f} readings/s)"
    if tally.retries:
        yield f"  retries     {tally.retries:,} (the plant could not be reached, or could not answer)"
    for name, why in recording.layout.left_out.items():
        yield f"  left out    {name}: {why}"
    yield from _conflicts(tally, zones.shown)
    yield from _rejections(tally)
    yield from _findings(recording)
    yield from _notes(recording, zones)


def describe_seconds(seconds: float) -> str:
    """Return a duration in at most two units: `1.2 s`, `20 min 8 s`, `3 h 5 min`."""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR:,} h {whole % _HOUR // _MINUTE} min"


def _before(tally: Tally) -> str:
    return f" (and {tally.rows_before:,} sent before the interruption)" if tally.rows_before else ""


def _count(tally: Tally) -> str:
    return f"{tally.conflicts.count:,} conflicts, " if tally.conflicts.count else ""


def _second(at: datetime, zone: tzinfo) -> str:
    return local_time(at.replace(microsecond=0), zone)


def _conflicts(tally: Tally, zone: tzinfo) -> Iterator[str]:
    for one in tally.conflicts.first:
        at = local_time(datetime.fromisoformat(one["at"]), zone)
        yield (
            f"  conflict    {one['source']} {one['metric']} at {at}: {one['kept_value']:g} is kept, "
            f"{one['sent_value']:g} (line {one['line']}) is not"
        )
    if tally.conflicts.count:
        more = tally.conflicts.count - len(tally.conflicts.first)
        yield (
            f"  conflict    {f'and {more:,} more; ' if more else ''}the first value stands; "
            "put a wrong one right: vfactory readings correct --help"
        )


def _rejections(tally: Tally) -> Iterator[str]:
    for rejected in tally.rejected.values():
        yield f"  rejected    {_rejection(rejected)}"


def _rejection(rejected: Rejected) -> str:
    more = ", …" if rejected.count > len(rejected.lines) else ""
    lines = ", ".join(map(str, rejected.lines))
    return f"{rejected.count:,} {rejected.code}: {rejected.detail} (lines {lines}{more})"


def _findings(recording: Recording) -> Iterator[str]:
    found: list[Finding] = list(recording.findings)
    for finding in found[:_MOST_FINDINGS]:
        yield f"  unreadable  {finding.describe()}"
    if len(found) > _MOST_FINDINGS:
        yield f"  unreadable  and {len(found) - _MOST_FINDINGS:,} more kinds (--json lists them all)"


def _notes(recording: Recording, zones: Zones) -> Iterator[str]:
    times, layout = recording.times, recording.layout
    if times.naive and not zones.given:
        whose = "as the column's name says" if recording.has_own_zone else "the factory's zone"
        yield (
            f"  note        times in {layout.time_name or 'the time column'} carry no offset and were "
            "taken as "
            f"{recording.zone}, {whose} (--time-zone)"
        )
    if recording.units:
        units = ", ".join(recording.units)[:60]
        yield f"  note        the line below the names holds units and was left out: {units}"
    if times.repeated_hour:
        repeated = f"{times.repeated_hour:,} times lie in an hour that came twice (clocks went back)"
        yield f"  note        {repeated}; they were placed by their order"
    if recording.steps_back:
        rows = f"{recording.steps_back:,} rows are earlier than the row before"
        yield f"  note        {rows}; rules may count them as late"
    for name in layout.unknown_excludes:
        yield f"  note        --exclude {name}: the file has no such column"
