"""Checks the structure of GLB, glTF's binary container (Khronos glTF 2.0 specification, section 4.4)."""

import codecs
import re
import struct
from typing import BinaryIO, Final

import msgspec

from asset_management.content.errors import MalformedError

HEADER: Final = struct.Struct("<4sII")
CHUNK_HEADER: Final = struct.Struct("<II")
JSON_CHUNK: Final = 0x4E4F534A
BIN_CHUNK: Final = 0x004E4942
ALIGNMENT: Final = 4
MAX_JSON_BYTES: Final = 32 * 1024 * 1024
MAX_CHUNKS: Final = 1024
_VERSION: Final = re.compile(r"2\.\d{1,9}", flags=re.ASCII)
_BLOCK_BYTES: Final = 256 * 1024


class _Metadata(msgspec.Struct):
    version: str


class _Gltf(msgspec.Struct):
    asset: _Metadata


_decoder: Final = msgspec.json.Decoder(_Gltf)  # checks the whole text, but builds only these two objects


def check_glb(file: BinaryIO, size: int) -> None:
    """Check the header, the chunks and the JSON chunk's `asset.version` of a file of `size` bytes.

    It reads only the headers and the JSON chunk (≤ 32 MiB) into memory.

    Raises:
        MalformedError: the file violates the specification; the text says how.
    """
    _check_header(file.read(HEADER.size), size)
    offset, number = HEADER.size, 0
    while offset < size:
        if number == MAX_CHUNKS:
            raise MalformedError(f"A GLB file may have at most {MAX_CHUNKS} chunks here.")
        file.seek(offset)
        offset = _check_chunk(file, offset, size, number)
        number += 1
    if number == 0:
        raise MalformedError("A GLB file must have a JSON chunk after its header.")


def _check_header(header: bytes, size: int) -> None:
    if len(header) < HEADER.size:
        raise MalformedError(f"A GLB file begins with a header of {HEADER.size} bytes; this one ends before.")
    magic, version, length = HEADER.unpack(header)
    if magic != b"glTF":
        raise MalformedError("A GLB file begins with the four letters glTF.")
    if version != 2:  # noqa: PLR2004 - glTF 2.0
        raise MalformedError(f"The GLB container must be version 2, this one says {version}.")
    if length != size:
        raise MalformedError(f"The GLB header gives a length of {length} bytes, the file has {size}.")


def _check_chunk(file: BinaryIO, offset: int, size: int, number: int) -> int:
    """Check the chunk at `offset`; return the offset of the next one."""
    header = file.read(CHUNK_HEADER.size)
    if len(header) < CHUNK_HEADER.size:
        raise MalformedError(f"GLB chunk {number} ends within its own header.")
    length, kind = _numbers(header)
    begin = offset + CHUNK_HEADER.size
    if length % ALIGNMENT:
        raise MalformedError(f"GLB chunk {number} is {length} bytes long, not a multiple of {ALIGNMENT}.")
    if begin + length > size:
        raise MalformedError(f"GLB chunk {number} is {length} bytes long and reaches beyond the file's end.")
    if (kind == JSON_CHUNK) != (number == 0):
        raise MalformedError("The first chunk of a GLB file, and no other, must be the JSON chunk.")
    if kind == BIN_CHUNK and number != 1:
        raise MalformedError("The BIN chunk of a GLB file must be its second chunk, and the only one.")
    if number == 0:
        _check_json(file, length)
    return begin + length


def _numbers(header: bytes) -> tuple[int, int]:
    length, kind = CHUNK_HEADER.unpack(header)
    return int(length), int(kind)


def _check_json(file: BinaryIO, length: int) -> None:
    if length > MAX_JSON_BYTES:
        raise MalformedError(f"The JSON chunk of a GLB file may hold at most {MAX_JSON_BYTES} bytes here.")
    text = _read_text(file, length)
    try:
        version = _decoder.decode(text).asset.version
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise MalformedError(f"The JSON chunk is not a glTF document: {reason[:200]}") from error
    if not _VERSION.fullmatch(version):
        raise MalformedError("The glTF document's asset.version must be 2.x, such as 2.0.")


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
