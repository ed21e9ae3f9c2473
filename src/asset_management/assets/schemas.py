"""The answers about assets."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, Field

from asset_management.assets.models import Asset
from asset_management.content.kinds import Kind, MediaType


class AssetRead(BaseModel):
    """An asset; its bytes are at `/v1/assets/{id}/content`."""

    id: UUID
    factory_id: UUID
    name: str
    kind: Kind
    media_type: MediaType
    size_bytes: int
    sha256: Annotated[str, Field(description="Of the content, in hex; also its ETag")]
    created_at: datetime
    created_by: str

    @classmethod
    def of(cls, asset: Asset) -> Self:
        """Show a row."""
        return cls(
            id=asset.id,
            factory_id=asset.factory_id,
            name=asset.name,
            kind=Kind(asset.kind),
            media_type=MediaType(asset.media_type),
            size_bytes=asset.size_bytes,
            sha256=asset.sha256,
            created_at=asset.created_at,
            created_by=asset.created_by,
        )
