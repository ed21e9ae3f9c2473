"""Writes the summary of a replay for people: what was sent, what was not, and why."""

from collections.abc import Iterator

from vfactory.client.replay.findings import Finding
from vfactory.client.replay.recording import Recording
from vfactory.client.replay.summary import Rejected, Tally

_MINUTE, _HOUR = 60, 3600
_MOST_FINDINGS = 20


def describe(recording: Recording, tally: Tally, *, zone: str | None) -> Iterator[str]:
    """Yield the lines of the summary.

    Args:
        recording: The recording that was read.
        tally: The counts of the run.
        zone: The user's zone for times without an offset; None if the user gave none.
    """
    yield f"  rows        {tally.rows:,}{_before(tally)}"
    yield (
        f"  readings    {tally.readings:,} sent: {tally.accepted:,} accepted, "
        f"{tally.duplicates:,} duplicates, {tally.rejected_readings:,} rejected"
    )
    if tally.first_at and tally.last_at:
        length = describe_seconds((tally.last_at - tally.first_at).total_seconds())
        first, last = (f"{at:%Y-%m-%d %H:%M:%SZ}" for at in (tally.first_at, tally.last_at))
        yield f"  times       {first} to {last} ({length})"
    yield f"  took        {describe_seconds(tally.seconds)} ({tally.readings_per_second:,.0f} readings/s)"
    if tally.retries:
        yield f"  retries     {tally.retries:,} (the plant could not be reached, or could not answer)"
    for name, why in recording.layout.left_out.items():
        yield f"  left out    {name}: {why}"
    yield from _rejections(tally)
    yield from _findings(recording)
    yield from _notes(recording, zone)


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


def _notes(recording: Recording, zone: str | None) -> Iterator[str]:
    times, layout = recording.times, recording.layout
    if times.naive and zone is None:
        yield f"  note        times in {layout.time_name} carry no offset and were taken as UTC (--timezone)"
    if times.repeated_hour:
        repeated = f"{times.repeated_hour:,} times lie in an hour that came twice (clocks went back)"
        yield f"  note        {repeated}; they were placed by their order"
    if recording.steps_back:
        rows = f"{recording.steps_back:,} rows are earlier than the row before"
        yield f"  note        {rows}; rules may count them as late"
    for name in layout.unknown_excludes:
        yield f"  note        --exclude {name}: the file has no such column"
