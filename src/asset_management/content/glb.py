"""Checks GLB, glTF's binary container (Khronos glTF 2.0, section 4.4), and what its document refers to.

Runs only in a decoder's own process.
"""

import codecs
import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

import msgspec

from asset_management.content.errors import MalformedError
from asset_management.content.gltf import Gltf, check_references

HEADER: Final = struct.Struct("<4sII")
CHUNK_HEADER: Final = struct.Struct("<II")
JSON_CHUNK: Final = 0x4E4F534A
BIN_CHUNK: Final = 0x004E4942
ALIGNMENT: Final = 4
MAX_JSON_BYTES: Final = 32 * 1024 * 1024
MAX_CHUNKS: Final = 1024
_VERSION: Final = re.compile(r"2\.\d{1,9}", flags=re.ASCII)
_BLOCK_BYTES: Final = 256 * 1024


_decoder: Final = msgspec.json.Decoder(Gltf)  # checks all of the text, builds a part of it


@dataclass(frozen=True, slots=True)
class _Chunk:
    number: int
    kind: int
    begin: int
    length: int


def check_glb(file: BinaryIO) -> None:
    """Check the container, the document in it, and that what the document refers to is there.

    Bytes after the container's end are ignored, as the specification's validator does (GLB_EXTRA_DATA).

    Raises:
        MalformedError: the file violates the specification; the text says how.
        MemoryError: the document needs more memory than this process may use.
    """
    end = _check_header(file.read(HEADER.size), os.fstat(file.fileno()).st_size)
    gltf: Gltf | None = None
    binary_bytes: int | None = None
    for chunk in _chunks(file, end):
        if chunk.number == 0:
            gltf = _read_document(file, chunk.length)
        elif chunk.kind == BIN_CHUNK:
            binary_bytes = chunk.length
    if gltf is None:
        raise MalformedError("A GLB file must have a JSON chunk after its header.")
    check_references(gltf, binary_bytes)


def _check_header(header: bytes, size: int) -> int:
    """Return the container's length."""
    if len(header) < HEADER.size:
        raise MalformedError(f"A GLB file begins with a header of {HEADER.size} bytes; this one ends before.")
    magic, version, length = HEADER.unpack(header)
    if magic != b"glTF":
        raise MalformedError("A GLB file begins with the four letters glTF.")
    if version != 2:  # noqa: PLR2004 - glTF 2.0
        raise MalformedError(f"The GLB container must be version 2, this one says {version}.")
    if length < HEADER.size:
        raise MalformedError(
            f"The GLB header gives a length of {length} bytes; it must be at least {HEADER.size}."
        )
    if length > size:
        raise MalformedError(
            f"The GLB file is cut off: its header gives a length of {length} bytes, and it has {size}."
        )
    return int(length)


def _chunks(file: BinaryIO, end: int) -> Iterator[_Chunk]:
    """Yield each chunk with the file at its first byte."""
    offset, number = HEADER.size, 0
    while offset < end:
        if number == MAX_CHUNKS:
            raise MalformedError(f"A GLB file may have at most {MAX_CHUNKS} chunks here.")
        file.seek(offset)
        chunk = _read_chunk(file, offset, end, number)
        yield chunk
        offset, number = chunk.begin + chunk.length, number + 1


def _read_chunk(file: BinaryIO, offset: int, end: int, number: int) -> _Chunk:
    begin = offset + CHUNK_HEADER.size
    if begin > end:
        raise MalformedError(f"GLB chunk {number} ends within its own header.")
    length, kind = _numbers(file.read(CHUNK_HEADER.size))
    if length % ALIGNMENT:
        raise MalformedError(f"GLB chunk {number} is {length} bytes long, not a multiple of {ALIGNMENT}.")
    if begin + length > end:
        raise MalformedError(f"GLB chunk {number} is {length} bytes long and reaches beyond the file's end.")
    if (kind == JSON_CHUNK) != (number == 0):
        raise MalformedError("The first chunk of a GLB file, and no other, must be the JSON chunk.")
    if kind == BIN_CHUNK and number != 1:
        raise MalformedError("The BIN chunk of a GLB file must be its second chunk, and the only one.")
    return _Chunk(number, kind, begin, length)


def _numbers(header: bytes) -> tuple[int, int]:
    length, kind = CHUNK_HEADER.unpack(header)
    return int(length), int(kind)


def _read_document(file: BinaryIO, length: int) -> Gltf:
    if length > MAX_JSON_BYTES:
        raise MalformedError(f"The JSON chunk of a GLB file may hold at most {MAX_JSON_BYTES} bytes here.")
    text = _read_text(file, length)
    try:
        gltf = _decoder.decode(text)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise MalformedError(f"The JSON chunk is not a glTF document: {reason[:200]}") from error
    if not _VERSION.fullmatch(gltf.asset.version):
        raise MalformedError("The glTF document's asset.version must be 2.x, such as 2.0.")
    return gltf


def _read_text(file: BinaryIO, length: int) -> bytearray:
    """Return the chunk after checking that it is UTF-8: the JSON decoder does not check what it skips."""
    text = bytearray()
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while len(text) < length:
            block = file.read(min(_BLOCK_BYTES, length - len(text)))
            if not block:
                raise MalformedError("The JSON chunk of the GLB file ends too early.")
            decoder.decode(block)
            text += block
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise MalformedError("The JSON chunk of a GLB file must be UTF-8.") from error
    return text
