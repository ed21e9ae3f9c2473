"""All queries about assets."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from asset_management.assets.models import Asset
from utils.database import Transaction


class AssetRepository:
    """Finds and stores assets."""

    def __init__(self, transaction: Transaction) -> None:
        self._session = transaction.session

    async def add(self, asset: Asset) -> None:
        """Store a new asset."""
        self._session.add(asset)
        await self._session.flush()

    async def find(self, asset_id: UUID) -> Asset | None:
        """Return the asset with this id, or None."""
        found: Asset | None = await self._session.scalar(select(Asset).where(Asset.id == asset_id))
        return found

    async def list_before(self, factory_id: UUID, before: UUID | None, limit: int) -> Sequence[Asset]:
        """Return a factory's assets before the id `before`, newest first."""
        query = select(Asset).where(Asset.factory_id == factory_id).order_by(Asset.id.desc()).limit(limit)
        if before is not None:
            query = query.where(Asset.id < before)
        return (await self._session.scalars(query)).all()
