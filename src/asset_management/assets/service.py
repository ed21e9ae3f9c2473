"""The use cases of assets."""

import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BufferedReader
from typing import Final, Self
from uuid import UUID

from asset_management.assets.metrics import UPLOAD_BYTES
from asset_management.assets.models import Asset
from asset_management.assets.repository import AssetRepository
from asset_management.content.decoders import Decoders
from asset_management.content.errors import ContentDamagedError, MalformedError
from asset_management.content.inspection import require_magic
from asset_management.content.kinds import PREFIX_BYTES, Kind, MediaType
from asset_management.content.store import ContentStore, IncomingContent
from utils.auth import Principal
from utils.database import Transaction
from utils.errors import NotFoundError
from utils.ids import uuid7
from utils.logging import logger

BLOCK_BYTES: Final = 1024 * 1024


@dataclass(frozen=True)
class Upload:
    """What the client declares about an uploaded file."""

    factory_id: UUID
    name: str
    kind: Kind
    media_type: MediaType


class AssetService:
    """The use cases of assets, within the caller's transaction."""

    def __init__(
        self, assets: AssetRepository, store: ContentStore, decoders: Decoders, now: datetime
    ) -> None:
        self._assets = assets
        self._store = store
        self._decoders = decoders
        self._now = now

    @classmethod
    def within(
        cls, transaction: Transaction, now: datetime, *, store: ContentStore, decoders: Decoders
    ) -> Self:
        """Return the use cases within a transaction that is handled at `now` (aware)."""
        return cls(AssetRepository(transaction), store, decoders, now)

    async def upload(self, by: Principal, upload: Upload, body: AsyncIterator[bytes]) -> Asset:
        """Store a file as a new asset; the same content sent twice is stored once and makes two assets.

        The content is durable before its row: a row never lacks its file, but a file may lack its row until
        the same content is sent again.

        Raises:
            NotFoundError: the token is not for the factory.
            UnsupportedMediaError: the file is of another type than declared.
            MalformedError: the file violates its format.
            StoreFullError, UnavailableError: the store cannot keep it, or no decoder check it.
        """
        by.require_factory(upload.factory_id)
        async with self._store.receive() as incoming:
            await _receive(incoming, upload.media_type, body)
            await self._decoders.check(upload.media_type, await incoming.duplicate())
            sha256 = await incoming.keep()
            asset = self._describe(by, upload, incoming.size, sha256)
        await self._assets.add(asset)
        logger.info(
            "Asset stored",
            extra={
                "asset_id": str(asset.id),
                "factory_id": str(asset.factory_id),
                "size_bytes": asset.size_bytes,
            },
        )
        return asset

    def _describe(self, by: Principal, upload: Upload, size: int, sha256: str) -> Asset:
        return Asset(
            id=uuid7(),
            factory_id=upload.factory_id,
            name=upload.name,
            kind=upload.kind,
            media_type=upload.media_type,
            size_bytes=size,
            sha256=sha256,
            created_at=self._now,
            created_by=by.subject,
        )

    async def get(self, by: Principal, asset_id: UUID) -> Asset:
        """Return one asset.

        Raises:
            NotFoundError: there is no such asset that `by` may see.
        """
        asset = await self._assets.find(asset_id)
        if asset is None or not by.sees(asset.factory_id):
            raise NotFoundError(f"There is no asset {asset_id}.")
        return asset

    async def list_before(
        self, by: Principal, factory_id: UUID, before: UUID | None, limit: int
    ) -> Sequence[Asset]:
        """Return a factory's assets before the id `before`, newest first.

        Raises:
            NotFoundError: `by` may not see the factory.
        """
        by.require_factory(factory_id)
        return await self._assets.list_before(factory_id, before, limit)


async def _receive(incoming: IncomingContent, media_type: MediaType, body: AsyncIterator[bytes]) -> None:
    """Write the body in blocks of 1 MiB; check its type as soon as its first bytes are there.

    Raises:
        UnsupportedMediaError: the body is of another type than declared.
        MalformedError: the body is empty.
    """
    block, checked = bytearray(), False
    async for chunk in body:
        UPLOAD_BYTES.inc(len(chunk))
        block += chunk
        if not checked and len(block) >= PREFIX_BYTES:
            require_magic(media_type, bytes(block[:PREFIX_BYTES]))
            checked = True
        if len(block) >= BLOCK_BYTES:
            await incoming.write(block)
            block = bytearray()
    if not block and not incoming.size:
        raise MalformedError("The body is empty: send the file as it is.")
    if not checked:
        require_magic(media_type, bytes(block))
    await incoming.write(block)


async def open_content(store: ContentStore, asset: Asset) -> BufferedReader:
    """Open an asset's content, after checking its length.

    Raises:
        ContentDamagedError: its file is missing or has another length.
        UnavailableError: the store cannot be read.
    """
    try:
        file = await store.open(asset.sha256)
    except FileNotFoundError as error:
        raise _damaged(asset, "its file is missing") from error
    size = os.fstat(file.fileno()).st_size
    if size != asset.size_bytes:
        file.close()
        raise _damaged(asset, f"its file has {size} bytes instead of {asset.size_bytes}")
    return file


def _damaged(asset: Asset, what: str) -> ContentDamagedError:
    logger.error("Content damaged: %s", what, extra={"asset_id": str(asset.id), "sha256": asset.sha256})
    return ContentDamagedError(f"The content of this asset cannot be sent: {what}.")
