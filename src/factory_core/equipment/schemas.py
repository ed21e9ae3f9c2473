"""The bodies of requests and answers about equipment."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from factory_core.equipment.lifecycle import MAX_TAG_LENGTH, TAG_PATTERN, EquipmentKind
from utils.http import Name, RequestModel


class EquipmentCreate(RequestModel):
    """A new piece of equipment."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"tag": "press-1", "name": "Press of line 1", "kind": "press"}]}
    )

    tag: Annotated[
        str,
        Field(
            pattern=TAG_PATTERN,
            max_length=MAX_TAG_LENGTH,
            description="Its name in the plant's drawings; readings name it as their source",
            examples=["press-1"],
        ),
    ]
    name: Name | None = Field(default=None, description="What people call it; the tag by default")
    kind: EquipmentKind = EquipmentKind.OTHER


class EquipmentRead(BaseModel):
    """A piece of equipment."""

    model_config = ConfigDict(from_attributes=True)

    id: Annotated[UUID, Field(description="Its id, made by the service")]
    factory_id: Annotated[UUID, Field(description="The factory it stands in")]
    tag: Annotated[str, Field(description="Its name in the plant's drawings, unique in the factory")]
    name: Annotated[str, Field(description="What people call it")]
    kind: EquipmentKind
    created_at: Annotated[datetime, Field(description="When it was created")]
