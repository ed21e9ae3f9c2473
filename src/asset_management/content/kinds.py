"""The kinds and media types that may be uploaded, and their magic numbers."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

PREFIX_BYTES: Final = 12
"""How many first bytes of a file `sniff` needs."""


class Kind(StrEnum):
    """What an asset is for."""

    MODEL = "model"
    IMAGE = "image"


class MediaType(StrEnum):
    """The supported formats (RFC 6838 names)."""

    GLB = "model/gltf-binary"
    PNG = "image/png"
    JPEG = "image/jpeg"
    WEBP = "image/webp"


ALLOWED: Final[Mapping[Kind, tuple[MediaType, ...]]] = {
    Kind.MODEL: (MediaType.GLB,),
    Kind.IMAGE: (MediaType.PNG, MediaType.JPEG, MediaType.WEBP),
}

PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"


def sniff(prefix: bytes) -> MediaType | None:
    """Return a file's media type by its magic number; None if it is not supported."""
    if prefix.startswith(b"glTF"):
        return MediaType.GLB
    if prefix.startswith(PNG_SIGNATURE):
        return MediaType.PNG
    if prefix.startswith(b"\xff\xd8\xff"):
        return MediaType.JPEG
    if prefix.startswith(b"RIFF") and prefix[8:12] == b"WEBP":
        return MediaType.WEBP
    return None


def parse_media_type(content_type: str) -> MediaType | None:
    """Return the media type of a Content-Type header, without parameters; None if it is not supported."""
    try:
        return MediaType(content_type.partition(";")[0].strip().lower())
    except ValueError:
        return None
