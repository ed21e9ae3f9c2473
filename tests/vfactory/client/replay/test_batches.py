"""Batches of a replay: complete, in order, bounded, and named after what they hold."""

import json
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from vfactory.client.replay.batches import READINGS_PER_BATCH, BatchCutter
from vfactory.client.replay.reading import Row

FIRST = datetime(2020, 2, 8, 13, 30, 47, tzinfo=UTC)


def make_rows(count: int, metrics: int = 8) -> list[Row]:
    return [
        Row(s + 2, FIRST + timedelta(seconds=s), [(f"m{m}", float(s * m)) for m in range(metrics)])
        for s in range(count)
    ]


def cutter(window: timedelta | None = None, shift: timedelta = timedelta()) -> BatchCutter:
    return BatchCutter("pump-1", shift=shift, window=window)


@settings(deadline=None)  # what it says holds on a busy machine too
@given(count=st.integers(0, 40), metrics=st.integers(1, 12_000), window=st.sampled_from([None, 0.1, 3.0]))
def test_every_reading_is_in_exactly_one_batch_in_its_order(
    count: int, metrics: int, window: float | None
) -> None:
    count = min(count, 24_000 // metrics)
    rows = make_rows(count, metrics)
    batches = list(cutter(timedelta(seconds=window) if window else None).cut(rows))

    sent = [(r["metric"], r["value"]) for batch in batches for r in batch.readings]
    assert sent == [pair for row in rows for pair in row.values]
    assert sum(batch.rows for batch in batches) == count
    assert all(0 < len(batch.readings) <= READINGS_PER_BATCH for batch in batches)
    assert all(len(batch.lines) == len(batch.readings) for batch in batches)


def test_at_a_limited_speed_a_batch_covers_less_than_the_window() -> None:
    batches = list(cutter(timedelta(seconds=6)).cut(make_rows(20)))

    assert [batch.rows for batch in batches] == [6, 6, 6, 2]
    assert batches[1].first_at == FIRST + timedelta(seconds=6)
    assert batches[1].last_at == FIRST + timedelta(seconds=11)


def test_a_batch_id_follows_from_the_run_and_the_readings() -> None:
    once, again = (next(cutter().cut(make_rows(5))).encode("run1") for _ in range(2))
    other_run = next(cutter().cut(make_rows(5))).encode("run2")
    other_readings = next(cutter(shift=timedelta(days=1)).cut(make_rows(5))).encode("run1")

    assert once == again
    assert len({json.loads(body)["batch_id"] for body in (once, other_run, other_readings)}) == 3


def test_a_batch_is_what_the_api_takes() -> None:
    rows = [
        Row(2, FIRST + timedelta(microseconds=250_000), [("Volume Flow RateRMS", 122.664), ("온도", -1e-7)])
    ]
    body = json.loads(next(cutter(shift=timedelta(seconds=1)).cut(rows)).encode("run"))

    assert 1 <= len(body["batch_id"]) <= 100
    assert body["readings"] == [
        {
            "source": "pump-1",
            "metric": "Volume Flow RateRMS",
            "at": "2020-02-08T13:30:48.250000Z",
            "value": 122.664,
        },
        {"source": "pump-1", "metric": "온도", "at": "2020-02-08T13:30:48.250000Z", "value": -1e-7},
    ]
