"""An issuer's public keys in a file, read again whenever the file changes."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from typing import Final

from jwt import PyJWK

from utils.auth.key_documents import (
    ALGORITHMS,
    MAX_DOCUMENT_BYTES,
    KeyDocumentError,
    Keys,
    find_key,
    is_any_withdrawn,
    parse_key_file,
)
from utils.logging import logger

LOOK_SECONDS: Final = 1.0

Stamp = tuple[int, int, int, int]


class KeyFile:
    """The keys of a JWKS document or PEM file; a change counts after `look_seconds` at the latest.

    A file that has become unreadable or useless is logged once; the known keys stay in use.

    Raises:
        KeyDocumentError: on creation: the file cannot be read, or holds no usable key.
    """

    algorithms: tuple[str, ...] = ALGORITHMS

    def __init__(self, path: Path, *, look_seconds: float = LOOK_SECONDS) -> None:
        self._path = path
        self._look_seconds = look_seconds
        self._looked_at = time.monotonic()
        self._stamp = _stamp(path)
        self._keys = _read(path)
        self.generation = 0

    def renew(self) -> None:
        """Read the file again if it has changed."""
        if time.monotonic() - self._looked_at >= self._look_seconds:
            self._look()

    async def find(self, kid: str | None, algorithm: str) -> PyJWK | None:
        """Return the key for a token's header; None if the file does not hold it."""
        key = find_key(self._keys, kid, algorithm)
        if key is None:
            self._look()
            key = find_key(self._keys, kid, algorithm)
        return key

    def _look(self) -> None:
        self._looked_at = time.monotonic()
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            keys = _read(self._path)
        except KeyDocumentError as error:
            logger.warning(
                "signing keys not read again: the known ones stay in use",
                extra={"file": str(self._path), "cause": str(error)},
            )
            return
        if is_any_withdrawn(self._keys, keys):
            self.generation += 1
        self._keys = keys
        logger.info("signing keys read again", extra={"file": str(self._path), "keys": len(keys)})

    async def close(self) -> None:
        """Do nothing: there is nothing to release."""


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size


def _read(path: Path) -> Keys:
    try:
        # without blocking: opening a named pipe would wait for its writer
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise KeyDocumentError("the file cannot be read: it is not a regular file")
            document = file.read(MAX_DOCUMENT_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise KeyDocumentError(f"the file cannot be read: {reason}") from error
    return parse_key_file(document)
