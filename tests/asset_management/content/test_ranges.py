"""Ranges, conditions and names in headers."""

import re
from email.message import Message
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asset_management.content.errors import RangeNotSatisfiableError
from asset_management.content.ranges import ByteRange, content_disposition, is_unmodified, parse_range

ETAG = '"abc"'


def parse(header: str | None, size: int = 10, *, if_range: str | None = None) -> ByteRange | None:
    return parse_range(header, size, if_range=if_range, etag=ETAG)


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-9", 0, 9),
        ("bytes=3-5", 3, 5),
        ("bytes=3-", 3, 9),
        ("bytes=-3", 7, 9),
        ("bytes=-99", 0, 9),
        ("bytes=5-99999999999", 5, 9),
        ("Bytes = 1-2", 1, 2),
        ("bytes= 9- ", 9, 9),
    ],
)
def test_one_range_is_cut_to_the_content(header: str, first: int, last: int) -> None:
    assert parse(header) == ByteRange(first, last)


@pytest.mark.parametrize("header", [None, "items=0-3", "bytes=0-1,3-4", "bytes", "0-3"])
def test_what_is_no_single_range_of_bytes_gives_the_whole(header: str | None) -> None:
    assert parse(header) is None


@pytest.mark.parametrize(
    "header",
    [
        "bytes=10-",
        "bytes=10-12",
        "bytes=5-3",
        "bytes=-0",
        "bytes=-",
        "bytes=",
        "bytes=a-b",
        "bytes=--3",
        "bytes=1-2-3",
        "bytes=" + "9" * 500 + "-",
        "bytes=٣-٤",
    ],
)
def test_a_range_outside_or_malformed_is_not_satisfiable(header: str) -> None:
    with pytest.raises(RangeNotSatisfiableError) as caught:
        parse(header)
    assert caught.value.headers["Content-Range"] == "bytes */10"


def test_if_range_gives_the_range_only_of_the_same_content() -> None:
    assert parse("bytes=1-2", if_range=ETAG) == ByteRange(1, 2)
    for other in ('"other"', f"W/{ETAG}", "Thu, 15 Jan 2026 10:30:00 GMT"):
        assert parse("bytes=1-2", if_range=other) is None


@given(header=st.text(max_size=30) | st.from_regex(r"bytes=[0-9]{0,4}-[0-9]{0,4}", fullmatch=True))
def test_any_header_gives_a_range_inside_the_content_or_a_refusal(header: str) -> None:
    try:
        part = parse(header)
    except RangeNotSatisfiableError:
        return
    if part is not None:
        assert 0 <= part.first <= part.last <= 9
        assert part.length == part.last - part.first + 1


@pytest.mark.parametrize(
    ("header", "same"),
    [
        (None, False),
        ('"abc"', True),
        ('W/"abc"', True),
        ('"x", "abc"', True),
        (" * ", True),
        ('"x"', False),
        ("abc", False),
        ("", False),
    ],
)
def test_if_none_match_compares_weakly(header: str | None, *, same: bool) -> None:
    assert is_unmodified(header, ETAG) is same


NAMES = st.text(min_size=1, max_size=200).filter(lambda name: not re.search(r"[\ud800-\udfff]", name))


@given(
    name=NAMES
    | st.sampled_from(["압력 센서.glb", 'a"b\\c.png', "x\r\nSet-Cookie: a=1", "../../etc", "🏭", '"'])
)
def test_any_name_survives_the_header_and_cannot_leave_it(name: str) -> None:
    value = content_disposition(name)
    assert re.fullmatch(r"[ -~]*", value)
    plain = re.match(r'attachment; filename="([^"\\%/]+)"; filename\*=UTF-8\'\'([!-~]+)$', value)
    assert plain is not None
    assert unquote(plain[2]) == name
    message = Message()
    message["Content-Disposition"] = value
    assert message.get_content_disposition() == "attachment"


def test_a_korean_name_has_a_plain_form_for_old_clients() -> None:
    assert content_disposition("프레스 3.glb") == (
        "attachment; filename=\"3.glb\"; filename*=UTF-8''%ED%94%84%EB%A0%88%EC%8A%A4%203.glb"
    )
