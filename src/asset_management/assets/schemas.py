"""The bodies of answers about assets."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, Field

from asset_management.assets.models import Asset
from asset_management.content.kinds import Kind, MediaType


class AssetRead(BaseModel):
    """An asset; its bytes are at `/v1/assets/{id}/content`."""

    id: Annotated[UUID, Field(description="Its id, made by the service")]
    factory_id: Annotated[UUID, Field(description="The factory it belongs to")]
    name: Annotated[str, Field(description="What people call it")]
    kind: Kind
    media_type: MediaType
    size_bytes: Annotated[int, Field(description="Size of the content")]
    sha256: Annotated[str, Field(description="SHA-256 of the content, in hex; also its ETag")]
    created_at: Annotated[datetime, Field(description="When it was uploaded")]
    created_by: Annotated[str, Field(description="Who uploaded it")]

    @classmethod
    def of(cls, asset: Asset) -> Self:
        """Return the answer for a row."""
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
