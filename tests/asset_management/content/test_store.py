"""The store: whole contents only, each once, and nothing left of what failed."""

import asyncio
import errno
import fcntl
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from asset_management.content.errors import StoreFullError
from asset_management.content.store import ContentStore, IncomingContent
from utils.errors import UnavailableError


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[ContentStore]:
    store = ContentStore(tmp_path / "store", threads=2)
    store.prepare()
    yield store
    store.close()


async def keep(store: ContentStore, *blocks: bytes | bytearray) -> str:
    async with store.receive() as incoming:
        for block in blocks:
            await incoming.write(block)
        return await incoming.keep()


def files(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "store").rglob("*") if path.is_file())


async def test_a_content_is_kept_under_its_digest(store: ContentStore, tmp_path: Path) -> None:
    name = await keep(store, b"one", bytearray(b"two"))
    assert name == hashlib.sha256(b"onetwo").hexdigest()
    assert files(tmp_path) == [name]
    with await store.open(name) as file:
        assert await store.read(file, 0, 100) == b"onetwo"
        assert await store.read(file, 2, 2) == b"et"
        assert await store.read(file, 6, 2) == b""


async def test_equal_contents_kept_at_the_same_time_are_one_file(store: ContentStore, tmp_path: Path) -> None:
    names = await asyncio.gather(*(keep(store, b"same" * 1000) for _ in range(20)))
    assert len(set(names)) == 1
    assert files(tmp_path) == [names[0]]


async def test_keeping_a_content_again_heals_a_damaged_one(store: ContentStore, tmp_path: Path) -> None:
    name = await keep(store, b"content")
    path = tmp_path / "store" / "sha256" / name[:2] / name
    path.write_bytes(b"rot")
    await keep(store, b"content")
    assert path.read_bytes() == b"content"


async def test_nothing_is_left_of_a_content_that_was_not_kept(store: ContentStore, tmp_path: Path) -> None:
    async with store.receive() as incoming:
        await incoming.write(b"half")
    assert files(tmp_path) == []


async def test_a_cancelled_upload_leaves_nothing_though_a_thread_still_works(
    store: ContentStore, tmp_path: Path
) -> None:
    entered, leave = threading.Event(), threading.Event()

    def work(incoming: IncomingContent) -> None:
        with incoming._incoming._busy:
            entered.set()
            leave.wait(10)

    async def upload() -> None:
        async with store.receive() as incoming:
            await incoming.write(b"half")
            await store.run(lambda: work(incoming))

    task = asyncio.create_task(upload())
    while not entered.is_set():  # noqa: ASYNC110 - a thread sets it
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.sleep(0.05)
    leave.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert files(tmp_path) == []


@pytest.mark.parametrize("after", range(6))
async def test_an_upload_cancelled_at_any_step_leaves_nothing(
    store: ContentStore, tmp_path: Path, after: int
) -> None:
    async def upload() -> None:
        async with store.receive() as incoming:
            await incoming.write(b"half")
            await asyncio.Event().wait()

    task = asyncio.create_task(upload())
    for _ in range(after):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await store.run(lambda: None)
    await asyncio.sleep(0.02)
    assert files(tmp_path) == []


async def test_a_duplicate_shows_all_that_was_written_also_when_the_upload_was_abandoned(
    store: ContentStore,
) -> None:
    async with store.receive() as incoming:
        await incoming.write(b"all of it")
        descriptor = await incoming.duplicate()
    with os.fdopen(descriptor, "rb") as file:
        file.seek(0)
        assert file.read() == b"all of it"


async def test_a_missing_content_is_said_to_be_missing(store: ContentStore) -> None:
    with pytest.raises(FileNotFoundError):
        await store.open("0" * 64)


def test_orphans_of_dead_processes_are_removed_at_the_start(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys; from asset_management.content.store import _Incoming\n"
        "one = _Incoming(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[1])); one.open(); one.write(b'x')\n"
        "os._exit(9)"
    )
    ContentStore(tmp_path / "store", threads=1).prepare()
    incoming = tmp_path / "store" / "incoming"
    subprocess.run([sys.executable, "-c", code, str(incoming)], check=False)
    assert len(list(incoming.iterdir())) == 1
    assert ContentStore(tmp_path / "store", threads=1).prepare() == 1
    assert list(incoming.iterdir()) == []


def test_what_a_living_process_receives_is_no_orphan(tmp_path: Path) -> None:
    ContentStore(tmp_path / "store", threads=1).prepare()
    path = tmp_path / "store" / "incoming" / "living.part"
    with path.open("wb") as living:
        fcntl.flock(living, fcntl.LOCK_EX)
        assert ContentStore(tmp_path / "store", threads=1).prepare() == 0
    assert path.exists()


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, StoreFullError),
        (errno.EDQUOT, StoreFullError),
        (errno.EIO, UnavailableError),
        (errno.EROFS, UnavailableError),
        (errno.EACCES, UnavailableError),
    ],
)
async def test_the_disks_errors_become_answers(
    store: ContentStore, number: int, expected: type[Exception]
) -> None:
    def fail() -> None:
        raise OSError(number, os.strerror(number))

    with pytest.raises(expected):
        await store.run(fail)
