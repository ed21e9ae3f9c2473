"""Pages of lists: each begins after a key, so that no item is skipped or repeated while new ones come."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeAlias, TypeVar, overload
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from utils.errors import InvalidError
from utils.http.cursors import MAX_CURSOR_LENGTH, CursorPart, decode_cursor, encode_cursor
from utils.http.fields import TEXT_PATTERN
from utils.ids import uuid_range

T = TypeVar("T")
Row = TypeVar("Row")
First = TypeVar("First", bound=CursorPart)
Second = TypeVar("Second", bound=CursorPart)

Key: TypeAlias = CursorPart | tuple[CursorPart, ...]
"""The key by which a list is ordered; unique in the list."""

Limit = Annotated[int, Query(ge=1, le=200, description="How many items at most")]
"""Use as `limit: Limit = 50`."""

Cursor = Annotated[
    str | None,
    Query(max_length=MAX_CURSOR_LENGTH, description="`next_cursor` of the page before", pattern=TEXT_PATTERN),
]
"""Use as `cursor: Cursor = None`, and read it with `start_after(cursor, UUID)`."""


IdPrefix = Annotated[
    str | None,
    Query(
        min_length=4,
        max_length=36,
        pattern=r"^[0-9A-Fa-f]{4}[0-9A-Fa-f-]*$",
        description="Only those whose id begins so; at least 4 characters",
    ),
]
"""Use as `id_prefix: IdPrefix = None`, and read it with `ids_like(id_prefix)`."""


class Page(BaseModel, Generic[T]):
    """One page of a list; `next_cursor` is null on the last one."""

    model_config = ConfigDict(json_schema_extra={"description": "One page of a list"})

    items: Annotated[list[T], Field(description="The page, in the list's order")]
    next_cursor: Annotated[
        str | None, Field(description="Hand it back as `cursor` for the next page; null on the last one")
    ] = None

    @classmethod
    def of(
        cls, rows: Sequence[Row], limit: int, key: Callable[[Row], Key], read: Callable[[Row], T]
    ) -> "Page[T]":
        """Return the page of the first `limit` rows.

        Args:
            rows: in the list's order; one more than `limit` if another page follows.
            limit: of the page.
            key: returns the key of a row.
            read: returns the item of a row.
        """
        shown, next_cursor = cut(rows, limit, key)
        return cls(items=[read(row) for row in shown], next_cursor=next_cursor)


def cut(rows: Sequence[Row], limit: int, key: Callable[[Row], Key]) -> tuple[Sequence[Row], str | None]:
    """Return the first `limit` rows and the cursor of the next page; None if there is no next page."""
    if len(rows) <= limit:
        return rows, None
    last = key(rows[limit - 1])
    return rows[:limit], encode_cursor(*last) if isinstance(last, tuple) else encode_cursor(last)


@overload
def start_after(cursor: str | None, first: type[First], /) -> First | None: ...
@overload
def start_after(
    cursor: str | None, first: type[First], second: type[Second], /
) -> tuple[First, Second] | None: ...
def start_after(cursor: str | None, /, *types: Any) -> Any:
    """Return the key after which a page begins; None for the first page.

    Raises:
        InvalidError: `cursor` is not a cursor of this list.
    """
    if cursor is None:
        return None
    key = decode_cursor(cursor, *types)
    return key[0] if len(types) == 1 else key


def ids_like(prefix: str | None) -> tuple[UUID, UUID] | None:
    """Return the first and the last id that begins with a parameter `id_prefix`; None if it is left out.

    Raises:
        InvalidError: no id begins like that.
    """
    if prefix is None:
        return None
    try:
        return uuid_range(prefix)
    except ValueError as error:
        raise InvalidError.of("id_prefix", "must be the beginning of a UUID, such as 01a20a52") from error
