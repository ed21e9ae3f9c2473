"""Files to upload: small, valid ones, and the parts to build broken ones from."""

import json
import struct
import zlib
from typing import Any

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
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" * (width + 1) for _ in range(min(height, 100))))
    parts = [png_chunk(b"IHDR", header), png_chunk(b"tEXt", extra), png_chunk(b"IDAT", pixels)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + png_chunk(b"IEND", b"")


def jpeg_segment(marker: int, data: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def jpeg(width: int = 3, height: int = 2, *, frame: int = 0xC0) -> bytes:
    picture = struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00"
    application = jpeg_segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0")
    return b"\xff\xd8" + application + jpeg_segment(frame, picture) + b"\xff\xda\0\x02\0\xff\xd9"


def webp_file(chunk: bytes, data: bytes) -> bytes:
    body = b"WEBP" + chunk + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp(width: int = 3, height: int = 2) -> bytes:
    extent = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return webp_file(b"VP8X", b"\0" * 4 + extent)


def webp_lossless(width: int = 3, height: int = 2) -> bytes:
    return webp_file(b"VP8L", b"\x2f" + ((width - 1) | (height - 1) << 14).to_bytes(4, "little"))


def webp_lossy(width: int = 3, height: int = 2) -> bytes:
    return webp_file(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height))
