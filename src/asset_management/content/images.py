"""Decodes PNG, JPEG and WebP files with Pillow; runs only in a decoder's own process."""

import mmap
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

from PIL import JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from asset_management.content.errors import MalformedError

MAX_SIDE: Final = 32_768
MAX_PIXELS: Final = 2**28
"""At four bytes per pixel a viewer then needs at most 1 GiB."""
MAX_FRAME_PIXELS: Final = 2**26
"""How many pixels of an animation are decoded, over all its frames after the first."""
MAX_TEXT_BYTES: Final = 64 * 1024 * 1024

_PNG_END: Final = b"IEND\xaeB`\x82"
_JPEG_END: Final = b"\xff\xd9"
_WEBP_HEAD_BYTES: Final = 30

# Colour profiles and metadata may be longer than Pillow allows by default; the process bounds the memory.
PngImagePlugin.MAX_TEXT_CHUNK = MAX_TEXT_BYTES
PngImagePlugin.MAX_TEXT_MEMORY = 2 * MAX_TEXT_BYTES
# TEM, a marker without content (ITU-T T.81, table B.1), which Pillow does not know.
JpegImagePlugin.MARKER.setdefault(0xFF01, ("TEM", "Temporary", None))


def check_png(file: BinaryIO) -> None:
    """Check every chunk's checksum up to IEND, and decode the picture; what follows IEND is ignored.

    Raises:
        MalformedError: the text says what is wrong.
        MemoryError: the picture needs more memory than this process may use.
    """
    with _explaining("PNG"):
        image = PngImagePlugin.PngImageFile(file)
        _check_extent("PNG", *image.size)
        image.verify()
    if _find(file, _PNG_END, 0) < 0:
        raise MalformedError("The PNG file is cut off: it ends within its IEND chunk.")
    file.seek(0)
    with _explaining("PNG"):
        PngImagePlugin.PngImageFile(file).load()


def check_jpeg(file: BinaryIO) -> None:
    """Decode the picture, at an eighth of its size to save memory; bytes between its segments are skipped.

    Raises:
        MalformedError: the text says what is wrong.
        MemoryError: the picture needs more memory than this process may use.
    """
    with _explaining("JPEG"):
        image = JpegImagePlugin.JpegImageFile(file)
        if not image.tile:
            raise MalformedError("The JPEG file has no picture data.")
        scan = file.tell()
        _check_extent("JPEG", *image.size)
        image.draft(image.mode, (1, 1))
        image.load()
    if _find(file, _JPEG_END, scan) < 0:
        raise MalformedError("The JPEG file is cut off: the marker of its end is missing.")


def check_webp(file: BinaryIO) -> None:
    """Decode the picture, of an animation the first frames; what follows its RIFF container is ignored.

    Raises:
        MalformedError: the text says what is wrong.
        MemoryError: the picture needs more memory than this process may use.
    """
    head = file.read(_WEBP_HEAD_BYTES)
    extent = _webp_extent(head)
    if extent is None:
        raise MalformedError("A WebP file begins with a VP8, VP8L or VP8X chunk.")
    _check_extent("WebP", *extent)
    if os.fstat(file.fileno()).st_size < int.from_bytes(head[4:8], "little") + 8:
        raise MalformedError("The WebP file is cut off: it is shorter than its header says.")
    file.seek(0)
    with _explaining("WebP"):
        image = WebPImagePlugin.WebPImageFile(file)
        frames = min(image.n_frames, 1 + MAX_FRAME_PIXELS // (image.width * image.height))
        for number in range(frames):
            image.seek(number)
            image.load()


def _webp_extent(head: bytes) -> tuple[int, int] | None:
    """Return the extent that the first chunk declares (RFC 9649); the decoder would allocate it at once."""
    chunk, data = head[12:16], head[20:].ljust(10, b"\0")
    if chunk == b"VP8X":
        return int.from_bytes(data[4:7], "little") + 1, int.from_bytes(data[7:10], "little") + 1
    if chunk == b"VP8L":
        bits = int.from_bytes(data[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 ":
        return int.from_bytes(data[6:8], "little") & 0x3FFF, int.from_bytes(data[8:10], "little") & 0x3FFF
    return None


def _check_extent(name: str, width: int, height: int) -> None:
    if width == 0 or height == 0:
        raise MalformedError(f"The {name} picture has no extent: {width} x {height} pixels.")
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise MalformedError(
            f"The {name} picture is {width} x {height} pixels; at most {MAX_SIDE} a side "
            f"and {MAX_PIXELS} in all are allowed."
        )


def _find(file: BinaryIO, what: bytes, start: int) -> int:
    """Return where `what` first stands from `start` on, -1 if nowhere."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(what, start)


@contextmanager
def _explaining(name: str) -> Iterator[None]:
    """Turn what Pillow raises into a reason in plain words."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an oddity that it can live with
            yield
    except (MalformedError, MemoryError):
        raise
    except Exception as error:  # Pillow's readers raise errors of many kinds at broken files
        raise MalformedError(_reason(name, error)) from error


def _reason(name: str, error: Exception) -> str:
    text = " ".join(str(error).split())[:200] or type(error).__name__
    if isinstance(error, EOFError) or "truncated" in text.lower():
        return f"The {name} file is cut off: its data ends before the picture does."
    if "checksum" in text:
        return f"The {name} file is damaged: the checksum of one of its parts is wrong ({text})."
    return f"The {name} file cannot be decoded: {text}."
