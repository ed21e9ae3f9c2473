"""Pictures: what their headers must say, and that nothing else does harm."""

import io
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asset_management.content.errors import MalformedError
from asset_management.content.images import MAX_PIXELS, MAX_SIDE, check_jpeg, check_png, check_webp
from support.plant.asset_files import (
    jpeg,
    jpeg_segment,
    png,
    png_chunk,
    webp,
    webp_file,
    webp_lossless,
    webp_lossy,
)

Check = Callable[[BinaryIO, int], None]
FORMATS = [(check_png, png()), (check_jpeg, jpeg()), (check_webp, webp())]


def run(check: Check, data: bytes) -> None:
    check(io.BytesIO(data), len(data))


def refusal(check: Check, data: bytes) -> str:
    with pytest.raises(MalformedError) as caught:
        run(check, data)
    return caught.value.detail


@pytest.mark.parametrize(
    ("check", "data"),
    [
        *FORMATS,
        (check_png, png(depth=1, color=3)),
        (check_png, png(MAX_SIDE, MAX_PIXELS // MAX_SIDE)),
        (check_jpeg, jpeg(frame=0xC2)),
        (check_jpeg, b"\xff\xd8" + jpeg_segment(0xC4, b"table") + jpeg()[2:]),
        (check_jpeg, b"\xff\xd8\xff\xff\xff" + jpeg()[3:]),
        (check_webp, webp_lossless()),
        (check_webp, webp_lossy()),
    ],
)
def test_a_picture_is_accepted(check: Check, data: bytes) -> None:
    run(check, data)


@pytest.mark.parametrize(("width", "height"), [(MAX_SIDE + 1, 1), (1, MAX_SIDE + 1), (MAX_SIDE, MAX_SIDE)])
@pytest.mark.parametrize(("check", "build"), [(check_png, png), (check_jpeg, jpeg), (check_webp, webp)])
def test_a_picture_beyond_what_a_viewer_can_hold_is_refused(
    check: Check, build: Callable[[int, int], bytes], width: int, height: int
) -> None:
    assert "at most" in refusal(check, build(width, height))


@pytest.mark.parametrize(("check", "build"), [(check_png, png), (check_jpeg, jpeg), (check_webp, webp_lossy)])
def test_a_picture_without_extent_is_refused(check: Check, build: Callable[[int, int], bytes]) -> None:
    assert "no extent" in refusal(check, build(0, 5))
    assert "no extent" in refusal(check, build(5, 0))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (png()[:20], "within its header"),
        (png()[:-1], "IEND"),
        (png() + b"<script>", "IEND"),
        (png().replace(b"IHDR", b"IDAT", 1), "IHDR"),
        (png()[:20] + b"\x09" + png()[21:], "checksum"),
        (png(depth=3), "does not exist"),
        (png(color=5), "does not exist"),
        (png(depth=16, color=3), "does not exist"),
    ],
)
def test_a_broken_png_is_refused_and_says_why(data: bytes, reason: str) -> None:
    assert reason in refusal(check_png, data)


def test_a_png_of_a_compression_nobody_knows_is_refused() -> None:
    header = bytes([0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 1, 0, 0])
    data = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IEND", b"")
    assert "does not exist" in refusal(check_png, data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xff\xd8", "within its header"),
        (b"\xff\xd8\x00", "does not begin with a marker"),
        (b"\xff\xd8\xff\xda", "no frame header"),
        (b"\xff\xd8\xff\xd9", "no frame header"),
        (b"\xff\xd8\xff\xe0\x00\x01", "shorter"),
        (b"\xff\xd8\xff\xe0\xff\xff", "beyond"),
        (b"\xff\xd8" + b"\xff" * 5000, "too many fill bytes"),
        (b"\xff\xd8" + b"\xff\xd0" * 5000, "no frame header"),
        (b"\xff\xd8" + jpeg_segment(0xE0, b"") * 2000, "no frame header"),
        (jpeg()[:25], "within its header"),
    ],
)
def test_a_broken_jpeg_is_refused_and_says_why(data: bytes, reason: str) -> None:
    assert reason in refusal(check_jpeg, data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (webp()[:20], "within its header"),
        (webp() + b"more", "length"),
        (webp()[:-1], "length"),
        (webp_file(b"ALPH", b"0" * 20), "begins with"),
        (webp_file(b"VP8L", b"0" * 20), "begins with"),
        (webp_file(b"VP8 ", b"0" * 20), "begins with"),
        (webp()[:16] + b"\xff\xff\xff\x7f" + webp()[20:], "beyond"),
    ],
)
def test_a_broken_webp_is_refused_and_says_why(data: bytes, reason: str) -> None:
    assert reason in refusal(check_webp, data)


@given(data=st.binary(max_size=300), which=st.sampled_from(FORMATS))
def test_any_bytes_are_refused_and_nothing_else(data: bytes, which: tuple[Check, bytes]) -> None:
    refusal(which[0], data)


@given(
    which=st.sampled_from(FORMATS), position=st.integers(0, 80), data=st.binary(max_size=6), cut=st.booleans()
)
def test_a_damaged_picture_is_accepted_or_refused_and_nothing_else(
    *, which: tuple[Check, bytes], position: int, data: bytes, cut: bool
) -> None:
    check, whole = which
    damaged = whole[:position] + data + (b"" if cut else whole[position + len(data) :])
    with suppress(MalformedError):
        run(check, damaged)
