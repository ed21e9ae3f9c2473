"""Counts the results of a replay, and writes them as JSON for programs."""

from dataclasses import dataclass, field
from datetime import datetime

from plant_client import Json
from vfactory.client.replay.batches import Batch
from vfactory.client.replay.reading import EXAMPLES_KEPT, Recording

_NO_CONFLICTS: Json = {"count": 0, "first": []}
"""The answer of a plant of an older version, which counts conflicts as duplicates."""


@dataclass(slots=True)
class Rejected:
    """Readings that the plant refused for one reason, with the first few of their lines in the file."""

    code: str
    detail: str
    count: int = 0
    lines: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Conflicts:
    """Readings with another value than the plant keeps at their time, and the first few of them."""

    count: int = 0
    first: list[Json] = field(default_factory=list)

    def add(self, answer: Json, lines: list[int]) -> None:
        """Count those of one answered batch."""
        self.count += int(answer["count"])
        for item in answer["first"][: EXAMPLES_KEPT - len(self.first)]:
            self.first.append({**item, "line": lines[item["index"]]})


@dataclass(slots=True)
class Tally:
    """The counts of one run."""

    rows: int = 0
    rows_before: int = 0
    """How many rows an earlier, interrupted run had already sent."""
    readings: int = 0
    accepted: int = 0
    duplicates: int = 0
    conflicts: Conflicts = field(default_factory=Conflicts)
    rejected: dict[tuple[str, str], Rejected] = field(default_factory=dict)
    first_at: datetime | None = None
    last_at: datetime | None = None
    seconds: float = 0.0
    retries: int = 0

    def add(self, batch: Batch, answer: Json) -> None:
        """Count one answered batch."""
        self.rows += batch.rows
        self.readings += len(batch.readings)
        self.accepted += int(answer["accepted"])
        self.duplicates += int(answer["duplicates"])
        self.conflicts.add(answer.get("conflicts") or _NO_CONFLICTS, batch.lines)
        for item in answer["rejected"]:
            self._add_rejected(item, batch.lines)
        self.first_at = min(self.first_at or batch.earliest_at, batch.earliest_at)
        self.last_at = max(self.last_at or batch.latest_at, batch.latest_at)

    @property
    def rejected_readings(self) -> int:
        """How many readings the plant refused."""
        return sum(rejected.count for rejected in self.rejected.values())

    @property
    def readings_per_second(self) -> float:
        """Readings sent per second of real time."""
        return self.readings / self.seconds if self.seconds > 0 else 0.0

    def _add_rejected(self, item: Json, lines: list[int]) -> None:
        code, detail = str(item.get("code")), str(item.get("detail"))
        key = (code, str(item.get("field")))
        rejected = self.rejected.setdefault(key, Rejected(code, detail))
        rejected.count += 1
        index = item.get("index")
        if isinstance(index, int) and len(rejected.lines) < EXAMPLES_KEPT:
            rejected.lines.append(lines[index])


def as_json(recording: Recording, tally: Tally, target: Json) -> Json:
    """Return the summary for programs; times are in UTC, counts are those of this run."""
    layout = recording.layout
    return {
        **target,
        "rows": tally.rows,
        "rows_already_sent": tally.rows_before,
        "readings": tally.readings,
        "accepted": tally.accepted,
        "duplicates": tally.duplicates,
        "conflicts": {"count": tally.conflicts.count, "first": tally.conflicts.first},
        "rejected": tally.rejected_readings,
        "rejected_reasons": [
            {"code": r.code, "detail": r.detail, "count": r.count, "lines": r.lines}
            for r in tally.rejected.values()
        ],
        "unreadable": recording.findings.total,
        "unreadable_reasons": [
            {"kind": f.kind, "column": f.column, "example": f.example, "count": f.count, "lines": f.lines}
            for f in recording.findings
        ],
        "metrics": recording.metrics,
        "sources": recording.sources,
        "left_out": layout.left_out,
        "time_column": layout.time_name,
        "naive_times": recording.times.naive,
        "times_in_repeated_hour": recording.times.repeated_hour,
        "rows_earlier_than_the_one_before": recording.steps_back,
        "first_at": _instant(tally.first_at),
        "last_at": _instant(tally.last_at),
        "seconds": round(tally.seconds, 3),
        "readings_per_second": round(tally.readings_per_second),
        "retries": tally.retries,
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")
