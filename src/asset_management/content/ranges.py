"""Conditional and range requests, and file names in headers (RFC 9110 sections 13 and 14, RFC 6266)."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from asset_management.content.errors import RangeNotSatisfiableError

_MAX_DIGITS: Final = 18
_SPEC: Final = re.compile(rf"(\d{{0,{_MAX_DIGITS}}})-(\d{{0,{_MAX_DIGITS}}})", flags=re.ASCII)
_TAG: Final = re.compile(r'(?:W/)?("[^"]*")')
_ATTRIBUTE_CHARACTERS: Final = "!#$&+-.^_`|~"  # RFC 8187, section 3.2.1, beside letters and digits
_UNSAFE_IN_QUOTES: Final = re.compile(r'[^ -~]|["\\%/]')


@dataclass(frozen=True)
class ByteRange:
    """Bytes `first` to `last`, both inclusive, of a content."""

    first: int
    last: int

    @property
    def length(self) -> int:
        """The number of bytes."""
        return self.last - self.first + 1

    def content_range(self, size: int) -> str:
        """Return the value of Content-Range for a content of `size` bytes."""
        return f"bytes {self.first}-{self.last}/{size}"


def is_unmodified(if_none_match: str | None, etag: str) -> bool:
    """Return whether the client's If-None-Match names this content, compared weakly, or is `*`."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or etag in _TAG.findall(if_none_match)


def parse_range(header: str | None, size: int, *, if_range: str | None, etag: str) -> ByteRange | None:
    """Return the requested range; None if the whole content is to be sent.

    The whole content is sent without Range, for other units than bytes, for several ranges, and if If-Range
    names another content (or a date: contents have none).

    Raises:
        RangeNotSatisfiableError: the range is malformed, or no byte of it exists.
    """
    if header is None or (if_range is not None and if_range.strip() != etag):
        return None
    unit, separator, spec = header.partition("=")
    if not separator or unit.strip().lower() != "bytes" or "," in spec:
        return None
    match = _SPEC.fullmatch(spec.strip())
    if match is None or match[0] == "-":
        raise _unsatisfiable("Range must be bytes=FIRST-LAST, bytes=FIRST- or bytes=-COUNT.", size)
    if not match[1]:
        return _last_bytes(int(match[2]), size)
    first = int(match[1])
    last = min(int(match[2]), size - 1) if match[2] else size - 1
    if first > last:
        raise _unsatisfiable(f"The content has bytes 0 to {size - 1}.", size)
    return ByteRange(first, last)


def _last_bytes(count: int, size: int) -> ByteRange:
    if count == 0:
        raise _unsatisfiable("A range of the last 0 bytes is empty.", size)
    return ByteRange(max(0, size - count), size - 1)


def _unsatisfiable(detail: str, size: int) -> RangeNotSatisfiableError:
    return RangeNotSatisfiableError(detail, headers={"Content-Range": f"bytes */{size}"})


def content_disposition(name: str) -> str:
    """Return `attachment` with the name in both forms: plain ASCII, and UTF-8.

    For any name the value is printable ASCII, and the quoted name holds no quote.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = _UNSAFE_IN_QUOTES.sub("_", plain).strip(" .") or "asset"
    extended = quote(name.encode("utf-8", "replace"), safe=_ATTRIBUTE_CHARACTERS)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{extended}"
