"""The routes of assets."""

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response, status
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from asset_management.assets.metrics import UPLOADS, UploadOutcome
from asset_management.assets.models import Asset
from asset_management.assets.schemas import AssetRead
from asset_management.assets.service import AssetService, Upload, open_content
from asset_management.content.decoders import Decoders
from asset_management.content.inspection import require_media_type
from asset_management.content.kinds import Kind, MediaType
from asset_management.content.ranges import ByteRange, content_disposition, is_unmodified, parse_range
from asset_management.content.response import ContentResponse
from asset_management.content.store import ContentStore
from utils.clock import utc_now
from utils.database import Database
from utils.errors import ServiceError
from utils.http import (
    PROBLEM_RESPONSES,
    CurrentPrincipal,
    Cursor,
    DatabaseTransaction,
    Limit,
    Page,
    Text,
    start_after,
)

router = APIRouter(tags=["assets"])

SERVER_ERROR = 500


async def content_store(request: Request) -> ContentStore:
    """Return the process's store."""
    store: ContentStore = request.app.state.store
    return store


Store = Annotated[ContentStore, Depends(content_store)]


async def asset_service(request: Request, transaction: DatabaseTransaction, store: Store) -> AssetService:
    """Return the use cases within the request's transaction."""
    return AssetService.within(transaction, utc_now(), store=store, decoders=request.app.state.decoders)


Assets = Annotated[AssetService, Depends(asset_service, scope="function")]


_CONTROL = r"\u0000-\u001f\u007f-\u009f"


def _printable(name: str) -> str:
    if not name.strip() or any(unicodedata.category(character) == "Cc" for character in name):
        raise PydanticCustomError("name", "must hold something to read, and no control characters")
    return name


Name = Annotated[
    Text,
    AfterValidator(_printable),
    Query(
        min_length=1,
        max_length=200,
        description="What people call it; no control characters",
        json_schema_extra={"pattern": rf"^[^{_CONTROL}]*[^{_CONTROL}\s][^{_CONTROL}]*$"},
    ),
]
FactoryId = Annotated[UUID, Query(alias="factory", description="The factory it belongs to")]

_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_FILE: dict[str, Any] = {"requestBody": {"required": True, "content": dict.fromkeys(MediaType, _BINARY)}}
_ETAG: dict[str, Any] = {
    "ETag": {
        "required": True,
        "description": "The content's SHA-256, quoted",
        "schema": {"type": "string", "pattern": '^"[0-9a-f]{64}"$'},
    }
}
_UPLOAD_ANSWERS: dict[int | str, dict[str, Any]] = {
    201: {
        "description": "Stored",
        "headers": {"Location": {"required": True, "description": "Its path", "schema": {"type": "string"}}},
    },
    415: PROBLEM_RESPONSES[415],
    507: {**PROBLEM_RESPONSES[503], "description": "Insufficient storage"},
}
_CONTENT_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The whole content",
        "content": dict.fromkeys(MediaType, _BINARY),
        "headers": {**_ETAG, "Accept-Ranges": {"required": True, "schema": {"const": "bytes"}}},
    },
    206: {
        "description": "The range asked for",
        "content": dict.fromkeys(MediaType, _BINARY),
        "headers": {**_ETAG, "Content-Range": {"required": True, "schema": {"type": "string"}}},
    },
    304: {"description": "The client has it already", "headers": _ETAG},
    416: {**PROBLEM_RESPONSES[422], "description": "Range not satisfiable"},
    500: {**PROBLEM_RESPONSES[503], "description": "Content damaged"},
}


@router.post("/assets", status_code=status.HTTP_201_CREATED, openapi_extra=_FILE, responses=_UPLOAD_ANSWERS)
async def upload_asset(
    *,
    request: Request,
    response: Response,
    transaction: DatabaseTransaction,
    by: CurrentPrincipal,
    assets: Assets,
    factory_id: FactoryId,
    name: Name,
    kind: Annotated[Kind, Query(description="What it is for; Content-Type must suit it")],
) -> AssetRead:
    """Upload a file as the body, its type in Content-Type: GLB for a model; PNG, JPEG or WebP for an image.

    The same content may be sent again: it is stored once, and each upload makes a new asset with an id of its
    own. The service does not check that the factory exists: a token for it is enough.
    """
    with _counting_outcome():
        headers = request.headers
        media_type = require_media_type(kind, headers.get("content-type"), headers.get("content-encoding"))
        upload = Upload(factory_id, name, kind, media_type)
        asset = await assets.upload(by, upload, request.stream())
    transaction.on_commit(UPLOADS.labels(UploadOutcome.STORED).inc)
    response.headers["Location"] = f"/v1/assets/{asset.id}"
    return AssetRead.of(asset)


@contextmanager
def _counting_outcome() -> Iterator[None]:
    """Count an upload that fails in the block; one that succeeds is counted when it is committed."""
    try:
        yield
    except ClientDisconnect:
        UPLOADS.labels(UploadOutcome.DISCONNECTED).inc()
        raise
    except (ServiceError, HTTPException) as error:
        code = error.status if isinstance(error, ServiceError) else error.status_code
        UPLOADS.labels(UploadOutcome.FAILED if code >= SERVER_ERROR else UploadOutcome.REFUSED).inc()
        raise
    except BaseException:
        UPLOADS.labels(UploadOutcome.FAILED).inc()
        raise


@router.get("/assets")
async def list_assets(
    by: CurrentPrincipal, assets: Assets, factory_id: FactoryId, limit: Limit = 50, cursor: Cursor = None
) -> Page[AssetRead]:
    """List a factory's assets, newest first."""
    rows = await assets.list_before(by, factory_id, start_after(cursor, UUID), limit + 1)
    return Page.of(rows, limit, key=lambda row: row.id, read=AssetRead.of)


@router.get("/assets/{asset_id}")
async def get_asset(asset_id: UUID, by: CurrentPrincipal, assets: Assets) -> AssetRead:
    """Read one asset's metadata."""
    return AssetRead.of(await assets.get(by, asset_id))


@router.head("/assets/{asset_id}/content", include_in_schema=False, response_class=Response)
@router.get("/assets/{asset_id}/content", response_class=Response, responses=_CONTENT_ANSWERS)
async def download_content(
    *,
    request: Request,
    asset_id: UUID,
    by: CurrentPrincipal,
    store: Store,
    if_none_match: Annotated[str | None, Header(description="ETags the client has; `*` is any")] = None,
    range_header: Annotated[str | None, Header(alias="range", description="Such as `bytes=0-99`")] = None,
    if_range: Annotated[str | None, Header(description="The ETag the client has a part of")] = None,
) -> Response:
    """Download the content, whole or one range of bytes. Its ETag is its SHA-256: it never changes."""
    asset = await _find(request, by, asset_id, store)
    etag = f'"{asset.sha256}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Accept-Ranges": "bytes"}
    if is_unmodified(if_none_match, etag):
        return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers=headers)
    wanted = range_header if request.method == "GET" else None
    part = parse_range(wanted, asset.size_bytes, if_range=if_range, etag=etag)
    headers["Content-Disposition"] = content_disposition(asset.name)
    headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    if part is not None:
        headers["Content-Range"] = part.content_range(asset.size_bytes)
    return ContentResponse(
        store,
        await open_content(store, asset),
        part or ByteRange(0, asset.size_bytes - 1),
        status_code=status.HTTP_200_OK if part is None else status.HTTP_206_PARTIAL_CONTENT,
        headers=headers,
        media_type=asset.media_type,
    )


async def _find(request: Request, by: CurrentPrincipal, asset_id: UUID, store: ContentStore) -> Asset:
    """Return the asset, read in a transaction that ends before the content is sent."""
    database: Database = request.app.state.kit.database
    async with database.transaction() as transaction:
        decoders: Decoders = request.app.state.decoders
        assets = AssetService.within(transaction, utc_now(), store=store, decoders=decoders)
        return await assets.get(by, asset_id)
