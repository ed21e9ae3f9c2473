"""What may be uploaded: kinds, media types, and how the first bytes tell them apart."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

PREFIX_BYTES: Final = 12
"""How many bytes of a file's beginning `sniff` wants to see."""


class Kind(StrEnum):
    """What an asset is for."""

    MODEL = "model"
    IMAGE = "image"


class MediaType(StrEnum):
    """The formats that are kept (RFC 6838 names)."""

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
    """Return what a file is by its magic number, None when it is none of ours."""
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
    """Read a Content-Type header, parameters left aside; None when it is none of ours."""
    try:
        return MediaType(content_type.partition(";")[0].strip().lower())
    except ValueError:
        return None
