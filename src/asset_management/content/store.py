"""Stores contents in a directory, each once under its SHA-256; only complete contents are visible."""

import asyncio
import errno
import fcntl
import hashlib
import logging
import os
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from io import BufferedReader, FileIO
from pathlib import Path
from typing import BinaryIO, Final, TypeVar
from uuid import uuid4

from asset_management.content.errors import StoreFullError
from utils.errors import UnavailableError
from utils.faults import write_fault_of
from utils.lifecycle import note_write
from utils.logging import logger

_PRIVATE_FILE: Final = 0o600
_PRIVATE_DIRECTORY: Final = 0o700
_SUFFIX: Final = ".part"
PROOF: Final = bytes(16 * 1024)
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

Result = TypeVar("Result")


class ContentStore:
    """A directory of contents: complete ones in `sha256/ab/ab12…`, incoming ones in `incoming/`.

    Several processes may share the directory. File work runs on the store's own threads, so that a slow disk
    blocks neither the event loop nor the loop's threads.
    """

    name = "store"

    def __init__(self, directory: Path, *, threads: int) -> None:
        self._incoming = directory / "incoming"
        self._whole = directory / "sha256"
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="content")

    def prepare(self) -> int:
        """Make the directory, and remove incomplete files of dead processes; return how many there were.

        Raises:
            OSError: the directory cannot be made or written.
        """
        for directory in (self._incoming, self._whole):
            directory.mkdir(mode=_PRIVATE_DIRECTORY, parents=True, exist_ok=True)
        proof = _Incoming(self._incoming, self._whole)
        proof.open()
        proof.abandon()
        return sum(_remove_if_orphaned(path) for path in self._incoming.glob(f"*{_SUFFIX}"))

    @asynccontextmanager
    async def receive(self) -> AsyncIterator["IncomingContent"]:
        """Yield a new content to be written; unless it is kept, it is removed at the end of the block."""
        incoming = _Incoming(self._incoming, self._whole)
        try:
            await self.run(incoming.open)
            yield IncomingContent(incoming, self)
        finally:
            await asyncio.shield(self.run(incoming.abandon))

    async def open(self, sha256: str) -> BufferedReader:
        """Open a complete content for reading.

        Raises:
            FileNotFoundError: there is no such content.
            UnavailableError: the store cannot be read.
        """
        return await self.run(lambda: (self._whole / sha256[:2] / sha256).open("rb"))

    async def read(self, file: BinaryIO, offset: int, length: int) -> bytes:
        """Return `length` bytes at `offset`; fewer only at the file's end."""
        return await self.run(lambda: os.pread(file.fileno(), length, offset))

    async def write(self) -> None:
        """Write a file as an upload does, and remove it: the probe of whether the store takes writes.

        Raises:
            OSError: it does not.
        """
        await asyncio.get_running_loop().run_in_executor(self._threads, self._write_proof)

    def _write_proof(self) -> None:
        proof = _Incoming(self._incoming, self._whole)
        try:
            proof.open()
            proof.write(PROOF)
        finally:
            proof.abandon()

    def close(self) -> None:
        """Wait for running file work and end the threads."""
        self._threads.shutdown(wait=True)

    async def run(self, work: Callable[[], Result]) -> Result:
        """Return the result of file work, run on one of the store's threads.

        Raises:
            FileNotFoundError: `work` raised it.
            StoreFullError: the disk is full.
            UnavailableError: `work` raised another OSError.
        """
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _explain(error) from error


class IncomingContent:
    """A content while it is received; only one task writes it."""

    def __init__(self, incoming: "_Incoming", store: ContentStore) -> None:
        self._incoming = incoming
        self._store = store
        self.size = 0

    async def write(self, block: bytes | bytearray) -> None:
        """Append a block."""
        self.size += len(block)
        await self._store.run(lambda: self._incoming.write(block))

    async def duplicate(self) -> int:
        """Return a new descriptor of the received file, for the caller to close."""
        return await self._store.run(self._incoming.duplicate)

    async def keep(self) -> str:
        """Store the content durably under its SHA-256; return that in hex. Equal contents share a file."""
        return await self._store.run(self._incoming.keep)


class _Incoming:
    """The file of an incoming content. A mutex guards it: an upload may be abandoned while a thread writes.

    The file is locked while its process lives, which distinguishes it from an orphan.
    """

    def __init__(self, incoming: Path, whole: Path) -> None:
        self._directory = incoming
        self._whole = whole
        self._digest = hashlib.sha256()
        self._busy = threading.Lock()
        self._path: Path | None = None
        self._file: FileIO | None = None

    def open(self) -> None:
        with self._busy:
            self._path, self._file = _create_locked(self._directory)

    def write(self, block: bytes | bytearray) -> None:
        with self._busy:
            file = self._opened()
            self._digest.update(block)
            rest = memoryview(block)
            while rest:
                rest = rest[file.write(rest) :]

    def duplicate(self) -> int:
        with self._busy:
            return os.dup(self._opened().fileno())

    def keep(self) -> str:
        with self._busy:
            os.fsync(self._opened().fileno())
            name = self._digest.hexdigest()
            shelf = self._whole / name[:2]
            if not shelf.is_dir():
                shelf.mkdir(mode=_PRIVATE_DIRECTORY, exist_ok=True)
                _sync_directory(self._whole)
            if self._path is not None:
                # Replacing an equal content is harmless, and repairs a damaged one.
                self._path.replace(shelf / name)
                self._path = None
            _sync_directory(shelf)
            return name

    def abandon(self) -> None:
        with self._busy:
            if self._path is not None:
                self._path.unlink(missing_ok=True)
                self._path = None
            if self._file is not None:
                self._file.close()
                self._file = None

    def _opened(self) -> FileIO:
        if self._file is None:
            raise ValueError("the content was abandoned")
        return self._file


def _create_locked(incoming: Path) -> tuple[Path, FileIO]:
    while True:
        path = incoming / f"{uuid4().hex}{_SUFFIX}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE_FILE)
        file = FileIO(descriptor, "w+b")
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return path, file
        file.close()  # a starting process removed it as an orphan before it was locked


def _remove_if_orphaned(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
    except (BlockingIOError, FileNotFoundError):
        return False  # a living process is receiving it, or it is gone
    return True


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _explain(error: OSError) -> UnavailableError | StoreFullError:
    fault = write_fault_of(error)
    logger.log(
        logging.ERROR if fault is None else logging.WARNING,
        "The content store failed",
        extra={"cause": error.strerror, "errno": error.errno},
    )
    if error.errno in _FULL:
        return StoreFullError("There is no room left for this file; nothing of it was kept.")
    if fault is not None:
        note_write(ContentStore.name, fault)
        return UnavailableError(f"The store of files takes no writes: {fault}.")
    return UnavailableError("The store of files cannot be used at the moment.")
