"""A supervised task lives as long as its process."""

import asyncio
from collections.abc import Callable

import pytest

from utils.lifecycle import Backoff, Lifecycle, supervise
from utils.lifecycle.supervision import RESTARTS

Task = Callable[[], asyncio.Future[None]]


def restarts(name: str) -> float:
    return float(RESTARTS.labels(task=name)._value.get())


async def supervised_until(done: asyncio.Event, name: str, run: Callable[[], object]) -> None:
    task = asyncio.create_task(supervise(name, run, first_delay=0.001, longest_delay=0.004))  # type: ignore[arg-type]
    await asyncio.wait_for(done.wait(), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("how", ["raises", "returns", "is cancelled from inside"])
async def test_a_task_that_ends_is_started_again_and_counted(
    how: str, caplog: pytest.LogCaptureFixture
) -> None:
    runs, third = 0, asyncio.Event()

    async def run() -> None:
        nonlocal runs
        runs += 1
        if runs == 3:
            third.set()
            await asyncio.Event().wait()
        if how == "raises":
            raise OSError("gone")
        if how == "is cancelled from inside":
            raise asyncio.CancelledError

    before = restarts(how)
    await supervised_until(third, how, run)
    assert runs == 3
    assert restarts(how) - before == 2
    assert [vars(record)["task"] for record in caplog.records if record.name == "v-factory"] == [how, how]


async def test_cancelling_the_supervisor_cancels_the_task() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def run() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    await supervised_until(begun, "cancelled", run)
    assert ended.is_set()
    assert restarts("cancelled") == 0


def test_the_delay_doubles_up_to_its_limit_and_starts_over_after_a_healthy_run() -> None:
    backoff = Backoff(first=0.5, longest=5, healthy_after=60)
    assert [backoff.after(0) for _ in range(6)] == [0.5, 1, 2, 4, 5, 5]
    assert [backoff.after(lasted) for lasted in (59, 60, 0)] == [5, 0.5, 1]


async def test_the_metric_is_there_before_anything_has_failed() -> None:
    begun = asyncio.Event()

    async def run() -> None:
        begun.set()
        await asyncio.Event().wait()

    await supervised_until(begun, "quiet", run)
    samples = [sample for metric in RESTARTS.collect() for sample in metric.samples]
    assert any(
        sample.name == "vfactory_task_restarts_total" and sample.labels == {"task": "quiet"}
        for sample in samples
    )


async def test_draining_comes_first_and_streams_end_later() -> None:
    lifecycle = Lifecycle()
    waiting = asyncio.create_task(lifecycle.wait_draining())
    lifecycle.begin_drain(streams_end_after=0.05)
    assert lifecycle.draining
    await asyncio.sleep(0)
    assert not waiting.done()
    await asyncio.wait_for(waiting, 30)


async def test_draining_without_delay_ends_streams_at_once() -> None:
    lifecycle = Lifecycle()
    lifecycle.begin_drain()
    await asyncio.wait_for(lifecycle.wait_draining(), 30)
