"""Checks a file as an upload does, by decoders of its own."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from asset_management.content.decoders import Decoders
from asset_management.content.errors import MalformedError
from asset_management.content.kinds import MediaType, sniff

MEMORY_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True)
class Checker:
    """Decoders, and a folder for what they check."""

    decoders: Decoders
    folder: Path

    async def refusal(self, data: bytes, media_type: MediaType | None = None) -> str | None:
        """Return why a file is refused, None if it is accepted."""
        path = self.folder / "file"
        path.write_bytes(data)
        kind = media_type or sniff(data)
        if kind is None:
            return "unknown type"
        try:
            await self.decoders.check(kind, os.open(path, os.O_RDONLY))
        except MalformedError as error:
            return error.detail
        return None


@asynccontextmanager
async def checking(
    folder: Path, *, processes: int = 1, memory_bytes: int = MEMORY_BYTES, seconds: float = 20
) -> AsyncIterator[Checker]:
    decoders = Decoders(processes=processes, memory_bytes=memory_bytes, seconds=seconds)
    try:
        yield Checker(decoders, folder)
    finally:
        decoders.close()
