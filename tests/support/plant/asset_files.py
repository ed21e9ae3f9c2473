"""Files to upload: small, valid ones, and the parts to build broken ones from."""

import io
import json
import random
import struct
import zlib
from typing import Any

from PIL import Image

PNG = "image/png"
JPEG = "image/jpeg"
WEBP = "image/webp"
GLB = "model/gltf-binary"


def glb_chunk(kind: bytes, data: bytes, fill: bytes = b" ") -> bytes:
    padded = data + fill * (-len(data) % 4)
    return struct.pack("<I4s", len(padded), kind) + padded


def glb_file(*chunks: bytes, magic: bytes = b"glTF", version: int = 2, length: int | None = None) -> bytes:
    body = b"".join(chunks)
    size = 12 + len(body) if length is None else length
    return struct.pack("<4sII", magic, version, size) + body


def glb(document: Any = None, binary: bytes | None = b"\0" * 8) -> bytes:
    text = json.dumps({"asset": {"version": "2.0"}} if document is None else document).encode()
    chunks = [glb_chunk(b"JSON", text)]
    if binary is not None:
        chunks.append(glb_chunk(b"BIN\0", binary, b"\0"))
    return glb_file(*chunks)


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int = 3, height: int = 2, *, depth: int = 8, color: int = 0, extra: bytes = b"") -> bytes:
    """Return a grey picture; it is whole as long as a pixel is a byte and there are at most 100 rows."""
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" * (width + 1) for _ in range(min(height, 100))))
    parts = [png_chunk(b"IHDR", header), png_chunk(b"tEXt", extra), png_chunk(b"IDAT", pixels)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + png_chunk(b"IEND", b"")


def picture(format_: str, mode: str = "RGB", size: tuple[int, int] = (40, 30), **options: Any) -> bytes:
    """Return a picture that no encoder can make small, written by Pillow."""
    file = io.BytesIO()
    pixels = random.Random(1).randbytes(size[0] * size[1] * 3)  # noqa: S311 - the same each time
    noise = Image.frombytes("RGB", size, pixels)
    noise.convert(mode).save(file, format_, **options)
    return file.getvalue()


def jpeg_segment(marker: int, data: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def jpeg(width: int = 3, height: int = 2, **options: Any) -> bytes:
    return picture("JPEG", "RGB", (width, height), **options)


def jpeg_that_declares(width: int, height: int) -> bytes:
    whole = jpeg()
    at = whole.index(b"\xff\xc0") + 5
    return whole[:at] + struct.pack(">HH", height, width) + whole[at + 4 :]


def jpeg_segments(data: bytes) -> list[bytes]:
    """Split a file: what begins it, its segments, and last the scan with all that follows."""
    parts, at = [data[:2]], 2
    while data[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        parts.append(data[at:end])
        at = end
    return [*parts, data[at:]]


def webp_file(chunk: bytes, data: bytes) -> bytes:
    body = b"WEBP" + chunk + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp(width: int = 3, height: int = 2, **options: Any) -> bytes:
    return picture("WEBP", "RGB", (width, height), **options)


def webp_that_declares(width: int, height: int) -> bytes:
    extent = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return webp_file(b"VP8X", b"\0" * 4 + extent)
