"""Checks the headers of PNG, JPEG and WebP files, and the extent that they declare."""

import struct
import zlib
from typing import BinaryIO, Final

from asset_management.content.errors import MalformedError
from asset_management.content.kinds import PNG_SIGNATURE

MAX_SIDE: Final = 32_768
MAX_PIXELS: Final = 2**28
"""At four bytes per pixel a viewer then needs at most 1 GiB."""

_PNG_HEADER: Final = struct.Struct(">I4sIIBBBBBI")  # length, "IHDR", width, height, five fields, CRC
_PNG_END: Final = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_PNG_DEPTHS: Final = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}
_MAX_SEGMENTS: Final = 1024
# ITU-T T.81, table B.1: frame headers are C0 to CF but DHT (C4), JPG (C8) and DAC (CC)
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE_MARKERS: Final = frozenset({0x01, *range(0xD0, 0xD8)})
_START_OF_SCAN, _END_OF_IMAGE, _FILL = 0xDA, 0xD9, 0xFF


def check_png(file: BinaryIO, size: int) -> None:
    """Check the signature, IHDR with its CRC, and the final IEND (PNG, third edition, sections 5 and 11).

    Raises:
        MalformedError: the text says what is wrong.
    """
    head = file.read(len(PNG_SIGNATURE) + _PNG_HEADER.size)
    if not head.startswith(PNG_SIGNATURE) or len(head) < len(PNG_SIGNATURE) + _PNG_HEADER.size:
        raise MalformedError("The PNG file ends within its header.")
    length, name, width, height, depth, color, compression, filtering, interlace, crc = _PNG_HEADER.unpack(
        head[len(PNG_SIGNATURE) :]
    )
    if (length, name) != (13, b"IHDR"):
        raise MalformedError("A PNG file begins with an IHDR chunk of 13 bytes.")
    if zlib.crc32(head[12:29]) != crc:
        raise MalformedError("The checksum of the PNG file's IHDR chunk is wrong.")
    if depth not in _PNG_DEPTHS.get(color, ()) or (compression, filtering) != (0, 0) or interlace > 1:
        raise MalformedError("The PNG file's IHDR chunk names a format that does not exist.")
    _check_extent("PNG", width, height)
    file.seek(max(0, size - len(_PNG_END)))
    if file.read(len(_PNG_END)) != _PNG_END:
        raise MalformedError("A PNG file ends with its IEND chunk; this one is cut off or goes on after it.")


def check_jpeg(file: BinaryIO, size: int) -> None:
    """Read the segments up to the frame header, at most 1024, and check the extent (ITU-T T.81, annex B).

    Raises:
        MalformedError: the text says what is wrong.
    """
    file.seek(2)
    for _ in range(_MAX_SEGMENTS):
        marker = _next_marker(file)
        if marker in _BARE_MARKERS:
            continue
        if marker in (_START_OF_SCAN, _END_OF_IMAGE):
            break
        length = int.from_bytes(_exactly(file, 2, "JPEG"), "big")
        if length < 2:  # noqa: PLR2004 - the length counts itself
            raise MalformedError("A segment of the JPEG file is shorter than its own length field.")
        if marker in _FRAMES:
            _, height, width = struct.unpack(">BHH", _exactly(file, 5, "JPEG"))
            _check_extent("JPEG", width, height)
            return
        if file.seek(length - 2, 1) > size:
            raise MalformedError("A segment of the JPEG file reaches beyond the file's end.")
    raise MalformedError("The JPEG file has no frame header before its picture data.")


def _next_marker(file: BinaryIO) -> int:
    if _exactly(file, 1, "JPEG")[0] != _FILL:
        raise MalformedError("A segment of the JPEG file does not begin with a marker.")
    for _ in range(_MAX_SEGMENTS):
        marker = _exactly(file, 1, "JPEG")[0]
        if marker != _FILL:
            return marker
    raise MalformedError("The JPEG file has too many fill bytes before a marker.")


def check_webp(file: BinaryIO, size: int) -> None:
    """Check the RIFF length and the first chunk's extent (RFC 9649).

    Raises:
        MalformedError: the text says what is wrong.
    """
    head = _exactly(file, 25, "WebP") + file.read(5)  # a lossless picture may end after 25 bytes
    length = int.from_bytes(head[4:8], "little")
    if length + 8 != size:
        raise MalformedError(f"The WebP header gives a length of {length + 8} bytes, the file has {size}.")
    chunk, data = head[12:16], head[20:30].ljust(10, b"\0")
    if int.from_bytes(head[16:20], "little") + 20 > size:
        raise MalformedError("The first chunk of the WebP file reaches beyond the file's end.")
    if chunk == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (4, 7))
    elif chunk == b"VP8L" and data[0] == 0x2F:  # noqa: PLR2004 - the lossless signature, section 3.4
        bits = int.from_bytes(data[1:5], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif chunk == b"VP8 " and data[3:6] == b"\x9d\x01\x2a":
        width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (6, 8))
    else:
        raise MalformedError("A WebP file begins with a VP8, VP8L or VP8X chunk.")
    _check_extent("WebP", width, height)


def _exactly(file: BinaryIO, length: int, name: str) -> bytes:
    data = file.read(length)
    if len(data) < length:
        raise MalformedError(f"The {name} file ends within its header.")
    return data


def _check_extent(name: str, width: int, height: int) -> None:
    if width == 0 or height == 0:
        raise MalformedError(f"The {name} picture has no extent: {width} x {height} pixels.")
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise MalformedError(
            f"The {name} picture is {width} x {height} pixels; at most {MAX_SIDE} a side "
            f"and {MAX_PIXELS} in all are allowed."
        )
