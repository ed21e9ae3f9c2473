"""Reads a recording once before it is sent, and refuses what is implausible."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

from vfactory.client.replay.reading.choices import RecordingError
from vfactory.client.replay.reading.findings import Finding
from vfactory.client.replay.reading.recording import Recording, Row
from vfactory.client.replay.reading.values import ValueReader

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
"""Hardly any recording is older; a time before it was misread."""
MOST_AHEAD = timedelta(days=1)
MOST_LOST = 0.01
"""The share of rows, or of a column's cells, that may be unreadable."""
_LEAST_SAME_TIME = 10
_EXAMPLES = 3
_CELLS = {"not a number", "not a finite number", "empty cell"}


@dataclass(frozen=True, slots=True)
class Span:
    """The first, the earliest and the latest time of a recording."""

    first: datetime
    earliest: datetime
    latest: datetime

    @property
    def seconds(self) -> float:
        """The time from the earliest to the latest row."""
        return (self.latest - self.earliest).total_seconds()


_Last = dict[tuple[str | None, str | None], tuple[datetime, list[str]]]
"""Series → the time of its last row, and what that row is called."""


@dataclass(slots=True)
class Survey:
    """What one pass over a recording has found.

    Args:
        recording: The pass, read to its end.
        span: The times; None if no row can be sent.
        rows: How many rows can be sent.
        too_old: Lines of rows before `EARLIEST`, the first few, and how many there are.
        midnights: How many rows lie at a midnight.
        same_time: How many rows have the time of the row before of their series.
        back: How many rows are not later than the row before of their series.
        told_apart: Column of words → how many of those rows differ in it from the row before.
    """

    recording: Recording
    span: Span | None = None
    rows: int = 0
    too_old: list[int] = field(default_factory=list)
    too_old_count: int = 0
    midnights: int = 0
    same_time: int = 0
    back: int = 0
    told_apart: dict[int, int] = field(default_factory=dict)

    def reasons(self, now: datetime | None) -> Iterator[str]:
        """Yield why the recording is implausible.

        Args:
            now: The present, which times must not be far ahead of; None if they are shifted to it anyway.
        """
        yield from self._unknown_excludes()
        yield from self._implausible_times(now)
        cells = list(self._lost_cells())
        if not cells or any(finding.kind not in _CELLS for finding in self.recording.findings):
            yield from self._lost_rows()
        yield from cells
        yield from self._same_times()

    def _unknown_excludes(self) -> Iterator[str]:
        unknown = self.recording.layout.unknown_excludes
        if unknown:
            known = ", ".join(filter(None, self.recording.layout.names))
            yield f"--exclude {', '.join(unknown)}: the file has no such column (columns: {known})"

    def _implausible_times(self, now: datetime | None) -> Iterator[str]:
        layout, span = self.recording.layout, self.span
        name = layout.time_name or "the time column"
        if self.too_old_count and span is not None:
            yield (
                f"{self.too_old_count:,} of {self.rows:,} times in {name} lie before {EARLIEST.year}, such "
                "as "
                f"{span.earliest:%Y-%m-%d %H:%M} (line {self.too_old[0]}); is another column the time "
                "(--time-column), or is it written in another way (--time-format)?"
            )
        if span is not None and now is not None and span.latest > now + MOST_AHEAD:
            yield (
                f"times in {name} lie in the future, up to {span.latest:%Y-%m-%d %H:%M}; is another column "
                "the time "
                "(--time-column), or is it written in another way (--time-format)?"
            )
        if (
            layout.notation.begin is not None
            and layout.notation.pattern is None
            and self.recording.steps_back
        ):
            yield (
                f"{self.recording.steps_back:,} times go back, though they count from --begin; a recording "
                "over "
                "midnight needs a date in each row"
            )
        if layout.clock and (self.midnights == self.rows or len(layout.times) > 1):
            columns = " ".join(
                f"--time-column {layout.label(index)!r}" for index in (*layout.times, *layout.clock)
            )
            names = " and ".join(repr(layout.label(index)) for index in layout.clock)
            yield f"the times leave out {names}, which seem to hold the time of day: {columns}"

    def _lost_rows(self) -> Iterator[str]:
        recording = self.recording
        if recording.lost > MOST_LOST * recording.records:
            share = recording.lost / recording.records
            yield (
                f"{recording.lost:,} of {recording.records:,} rows ({share:.0%}) cannot be read: "
                f"{_examples(list(recording.findings))}"
            )

    def _lost_cells(self) -> Iterator[str]:
        recording = self.recording
        bad = {f.column: f for f in recording.findings if f.kind == "not a number" and f.column is not None}
        empty = dict.fromkeys(bad, 0)
        for finding in recording.findings:
            if finding.column in empty and finding.kind != "not a number":
                empty[finding.column] += finding.count
        for column, finding in bad.items():
            filled = recording.records - recording.lost - empty[column]
            if finding.count > MOST_LOST * max(filled, 1) and recording.layout.metric is None:
                hint = ValueReader(recording.file.choices.decimal).hint([finding.example])
                way = (
                    f"{hint}; or "
                    if hint
                    else f"if it means that nothing was measured: --missing {finding.example!r}; or "
                )
                yield f"{finding.describe()}: {way}leave the column out: --exclude {column!r}"

    def _same_times(self) -> Iterator[str]:
        layout = self.recording.layout
        if layout.clock:
            return
        label = max(self.told_apart, key=lambda index: self.told_apart[index], default=None)
        many = self.same_time >= _LEAST_SAME_TIME and self.same_time * 3 >= self.rows
        if label is not None and self.told_apart[label] * 2 > self.back:
            name, rest = layout.label(label), ""
            if layout.metric is None:
                rest = f"; if the metric, --metric-column {name!r} and --value-column"
            machine = f"if it names the machine, --source-column {name!r}"
            rows = f"{self.back:,} rows are not later than the row before"
            yield f"{rows}, and differ in {name!r}: {machine}{rest}"
        elif many:
            yield (
                f"{self.same_time:,} of {self.rows:,} rows have the time of the row before, and of several "
                "values at "
                "one time the plant keeps the first; what tells them apart: --source-column, "
                "--metric-column with "
                "--value-column, or a further --time-column?"
            )


def survey(recording: Recording) -> Survey:
    """Read a recording to its end.

    Raises:
        RecordingError: No row of it can be sent.
    """
    found = Survey(recording)
    last: _Last = {}
    labels = recording.layout.labels
    is_long = recording.layout.metric is not None
    midnight_zone: tzinfo = recording.zone
    for row in recording.rows():
        found.rows += 1
        _note_time(found, row, midnight_zone)
        series = (row.source, row.values[0][0] if is_long else None)
        _note_neighbour(found, row, last, series, [recording.cells[index] for index in labels])
    if found.span is None:
        trouble = _examples(list(recording.findings))
        raise RecordingError(f"the file holds no row with a time and a number: {trouble or 'it has no rows'}")
    return found


def _note_time(found: Survey, row: Row, zone: tzinfo) -> None:
    at, span = row.at, found.span
    if span is None:
        found.span = Span(at, at, at)
    elif at > span.latest or at < span.earliest:
        found.span = Span(span.first, min(span.earliest, at), max(span.latest, at))
    if at < EARLIEST:
        found.too_old_count += 1
        if len(found.too_old) < _EXAMPLES:
            found.too_old.append(row.line)
    if at.second == 0 and at.minute % 15 == 0:
        local = at.astimezone(zone)
        found.midnights += local.hour == local.minute == 0


def _note_neighbour(
    found: Survey, row: Row, last: _Last, series: tuple[str | None, str | None], labels: list[str]
) -> None:
    before = last.get(series)
    if before is not None and row.at <= before[0]:
        found.back += 1
        found.same_time += row.at == before[0]
        for position, index in enumerate(found.recording.layout.labels):
            if labels[position] != before[1][position]:
                found.told_apart[index] = found.told_apart.get(index, 0) + 1
    last[series] = (row.at, labels)


def _examples(findings: list[Finding]) -> str:
    relevant = [finding for finding in findings if finding.kind not in {"empty cell", "not a finite number"}]
    return "; ".join(finding.describe() for finding in (relevant or findings)[:_EXAMPLES])
