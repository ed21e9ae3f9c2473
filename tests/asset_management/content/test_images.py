"""Pictures: what every viewer shows is accepted, what is cut off or damaged is refused and says why."""

import zlib
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asset_management.content.images import MAX_PIXELS, MAX_SIDE
from asset_management.content.kinds import MediaType
from support.plant.asset_files import (
    jpeg,
    jpeg_segment,
    jpeg_segments,
    jpeg_that_declares,
    picture,
    png,
    png_chunk,
    webp,
    webp_file,
    webp_that_declares,
)
from support.plant.decoding import Checker

many = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

ACCEPTED = {
    "grey PNG": png(),
    "PNG of one bit": picture("PNG", "1"),
    "PNG with a palette": picture("PNG", "P"),
    "PNG with alpha": picture("PNG", "RGBA"),
    "PNG of 16 bits": picture("PNG", "I;16"),
    "PNG with a long text": png(extra=b"x" * 3_000_000),
    "JPEG": picture("JPEG"),
    "grey JPEG": picture("JPEG", "L"),
    "CMYK JPEG": picture("JPEG", "CMYK"),
    "progressive JPEG": picture("JPEG", progressive=True),
    "JPEG with restarts": picture("JPEG", restart_marker_blocks=1),
    "JPEG without subsampling": picture("JPEG", subsampling=0),
    "JPEG with fill bytes": b"\xff\xd8\xff\xff\xff" + jpeg()[3:],
    "JPEG with TEM": b"\xff\xd8\xff\x01" + jpeg()[2:],
    "lossy WebP": picture("WEBP"),
    "lossless WebP": picture("WEBP", lossless=True),
    "WebP with alpha": picture("WEBP", "RGBA"),
}
WHOLE = [picture("PNG"), picture("JPEG"), picture("JPEG", progressive=True), picture("WEBP")]


@pytest.mark.parametrize("name", ACCEPTED)
async def test_a_picture_is_accepted(checker: Checker, name: str) -> None:
    assert await checker.refusal(ACCEPTED[name]) is None


@many
@given(data=st.data(), stray=st.binary(min_size=1, max_size=20).filter(lambda text: b"\xff" not in text))
async def test_bytes_between_the_segments_of_a_jpeg_are_skipped(
    checker: Checker, data: st.DataObject, stray: bytes
) -> None:
    parts = jpeg_segments(picture("JPEG", progressive=data.draw(st.booleans())))
    parts.insert(data.draw(st.integers(2, len(parts) - 1)), stray)
    assert await checker.refusal(b"".join(parts)) is None


@many
@given(whole=st.sampled_from(WHOLE), more=st.binary(min_size=1, max_size=300))
async def test_bytes_after_the_end_are_ignored(checker: Checker, whole: bytes, more: bytes) -> None:
    assert await checker.refusal(whole + more) is None


@settings(many, max_examples=200)
@given(whole=st.sampled_from(WHOLE), data=st.data())
async def test_a_picture_that_is_cut_anywhere_is_refused_as_such(
    checker: Checker, whole: bytes, data: st.DataObject
) -> None:
    kept = data.draw(st.integers(16, len(whole) - 1) | st.integers(len(whole) - 20, len(whole) - 1))
    assert await checker.refusal(whole[:kept]) is not None


@pytest.mark.parametrize("whole", WHOLE)
async def test_a_picture_that_lacks_its_last_third_says_that_it_is_cut_off(
    checker: Checker, whole: bytes
) -> None:
    assert "cut off" in str(await checker.refusal(whole[: len(whole) * 2 // 3]))


async def test_a_jpeg_whose_rest_was_never_written_is_refused(checker: Checker) -> None:
    whole = picture("JPEG")
    assert "cut off" in str(await checker.refusal(whole[: len(whole) // 2].ljust(len(whole), b"\0")))


async def test_a_png_whose_bytes_have_changed_is_refused(checker: Checker) -> None:
    whole = bytearray(picture("PNG"))
    whole[len(whole) // 2] ^= 1
    assert "checksum" in str(await checker.refusal(bytes(whole)))


@pytest.mark.parametrize(("width", "height"), [(MAX_SIDE + 1, 1), (1, MAX_SIDE + 1), (MAX_SIDE, MAX_SIDE)])
@pytest.mark.parametrize("build", [png, jpeg_that_declares, webp_that_declares])
async def test_a_picture_beyond_what_a_viewer_can_hold_is_refused(
    checker: Checker, build: Callable[[int, int], bytes], width: int, height: int
) -> None:
    assert "at most" in str(await checker.refusal(build(width, height)))


async def test_a_picture_within_those_bounds_that_needs_too_much_memory_is_refused(checker: Checker) -> None:
    data = png(MAX_SIDE // 2, MAX_PIXELS // MAX_SIDE * 2, color=6)
    assert "512 MiB of memory" in str(await checker.refusal(data))
    assert await checker.refusal(png()) is None


@pytest.mark.parametrize("build", [png, jpeg_that_declares])
async def test_a_picture_without_extent_is_refused(
    checker: Checker, build: Callable[[int, int], bytes]
) -> None:
    assert await checker.refusal(build(0, 5)) is not None
    assert await checker.refusal(build(5, 0)) is not None


@pytest.mark.parametrize(
    "data",
    [
        png()[:20],
        png().replace(b"IHDR", b"IDAT", 1),
        png()[:20] + b"\x09" + png()[21:],
        png(depth=3),
        png(color=5),
        png(depth=16, color=3),
        b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", bytes([0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 1, 0, 0])),
        b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", bytes(13)) + png_chunk(b"IEND", b""),
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xda",
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8\xff\xe0\x00\x01",
        b"\xff\xd8\xff\xe0\xff\xff",
        b"\xff\xd8" + b"\xff" * 5000,
        b"\xff\xd8" + b"\xff\xd0" * 5000,
        b"\xff\xd8" + jpeg_segment(0xE0, b"") * 2000,
        jpeg()[:25],
        webp()[:20],
        webp_that_declares(3, 2),
        webp_file(b"ALPH", b"0" * 20),
        webp_file(b"VP8L", b"0" * 20),
        webp_file(b"VP8 ", b"0" * 20),
        webp()[:16] + b"\xff\xff\xff\x7f" + webp()[20:],
    ],
)
async def test_a_broken_picture_is_refused_and_says_why(checker: Checker, data: bytes) -> None:
    reason = await checker.refusal(data)
    assert reason is not None
    assert reason.endswith((".", ")"))
    assert "Error" not in reason


async def test_a_text_that_unpacks_to_more_than_memory_holds_is_refused(checker: Checker) -> None:
    bomb = png_chunk(b"zTXt", b"x\0\0" + zlib.compress(b"\0" * 200_000_000))
    at = 8 + 25
    assert await checker.refusal(png()[:at] + bomb + png()[at:]) is not None


@settings(many, max_examples=300)
@given(whole=st.sampled_from(WHOLE), at=st.integers(0, 3000), data=st.binary(max_size=6), cut=st.booleans())
async def test_whatever_a_picture_holds_its_decoder_answers(
    *, checker: Checker, whole: bytes, at: int, data: bytes, cut: bool
) -> None:
    at %= len(whole)
    damaged = whole[:at] + data + (b"" if cut else whole[at + len(data) :])
    for media_type in (MediaType.PNG, MediaType.JPEG, MediaType.WEBP):
        reason = await checker.refusal(damaged, media_type)
        assert reason is None or "breaks the program" not in reason
