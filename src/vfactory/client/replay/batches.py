"""Cuts a recording into batches that may be sent twice without harm."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from vfactory.client.replay.reading import Row

READINGS_PER_BATCH = 5_000
"""Half of what one request may carry: large enough for speed, small enough for cheap retries."""
_ID_DIGITS = 40


@dataclass(frozen=True, slots=True)
class Batch:
    """Readings of one recording, ready to be sent in one request.

    Args:
        rows: How many rows are complete with this batch.
        readings: The readings as the API expects them, in the file's order.
        lines: For each reading, its line in the file.
        first_at: The time of the first row, shifted.
        last_at: The time of the last row, shifted.
        earliest_at: The earliest time, shifted.
        latest_at: The latest time, shifted.
    """

    rows: int
    readings: list[dict[str, object]]
    lines: list[int]
    first_at: datetime
    last_at: datetime
    earliest_at: datetime
    latest_at: datetime

    def encode(self, run: str) -> bytes:
        """Return the request's body, whose `batch_id` is derived from the run and the readings.

        A batch that is sent again because its answer was lost gets the same answer. Another run of the same
        recording has other ids, and learns which readings are already stored.
        """
        readings = json.dumps(self.readings, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        digest = hashlib.sha256(readings.encode()).hexdigest()[:_ID_DIGITS]
        return f'{{"batch_id":"replay-{run}-{digest}","readings":{readings}}}'.encode()


class BatchCutter:
    """Collects rows until a request is full or, at a limited speed, until the window is full.

    Args:
        source: The tag of the equipment, where a row does not name its own.
        shift: Added to every recorded time.
        window: The span of recorded time that one batch may cover; None means no limit.
    """

    def __init__(self, source: str | None, *, shift: timedelta, window: timedelta | None) -> None:
        self._source = source
        self._shift = shift
        self._window = window

    def cut(self, rows: Iterable[Row]) -> Iterator[Batch]:
        """Yield batches of at most `READINGS_PER_BATCH` readings; rows stay in their order."""
        waiting: list[Row] = []
        size = 0
        for row in rows:
            if waiting and (size + len(row.values) > READINGS_PER_BATCH or self._beyond(waiting[0], row)):
                yield from self._batches(waiting)
                waiting, size = [], 0
            waiting.append(row)
            size += len(row.values)
        if waiting:
            yield from self._batches(waiting)

    def _beyond(self, first: Row, row: Row) -> bool:
        return self._window is not None and abs(row.at - first.at) >= self._window

    def _batches(self, rows: list[Row]) -> Iterator[Batch]:
        readings = [self._reading(row, metric, value) for row in rows for metric, value in row.values]
        lines = [row.line for row in rows for _ in row.values]
        times = [row.at for row in rows]
        marks = [at + self._shift for at in (times[0], times[-1], min(times), max(times))]
        for start in range(0, len(readings), READINGS_PER_BATCH):
            end = start + READINGS_PER_BATCH
            done = len(rows) if end >= len(readings) else 0
            yield Batch(done, readings[start:end], lines[start:end], *marks)

    def _reading(self, row: Row, metric: str, value: float) -> dict[str, object]:
        at = (row.at + self._shift).isoformat().removesuffix("+00:00") + "Z"
        return {"source": row.source or self._source, "metric": metric, "at": at, "value": value}
