"""What the library that reads the stream makes of bytes, as far as the clients rely on it."""

from collections.abc import Iterator

import httpx
import pytest
from httpx_sse import EventSource
from hypothesis import given, settings
from hypothesis import strategies as st

Message = tuple[str, str, str, int | None]
"""Type, id, data, retry in milliseconds."""


def parse(stream: str | bytes, size: int = 7) -> list[Message]:
    data = stream if isinstance(stream, bytes) else stream.encode()
    chunks = (data[i : i + size] for i in range(0, len(data), size))
    answer = httpx.Response(200, headers={"Content-Type": "text/event-stream"}, content=chunks)
    return [(one.event, one.id, one.data, one.retry) for one in EventSource(answer).iter_sse()]


def test_a_message_has_an_id_a_type_and_data() -> None:
    assert parse('retry: 2000\nid: 12\nevent: incident.reported.v1\ndata: {"seq":12}\n\n') == [
        ("incident.reported.v1", "12", '{"seq":12}', 2000)
    ]


def test_comments_and_an_unfinished_message_are_dropped() -> None:
    assert parse(": heartbeat\n\n: heartbeat\n\nid: 1\ndata: a\n\nid: 2\ndata: b\n") == [
        ("message", "1", "a", None)
    ]


def test_an_id_without_data_is_a_message_without_data() -> None:
    assert parse(": head 41\nid: 41\n\n") == [("message", "41", "", None)]


def test_what_names_no_id_carries_the_last_one() -> None:
    assert parse("id: 1\ndata: a\n\n: heartbeat\n\ndata: b\n\n") == [
        ("message", "1", "a", None),
        ("message", "1", "", None),
        ("message", "1", "b", None),
    ]


def test_an_id_with_a_nul_is_ignored() -> None:
    assert parse("id: 1\n\nid: 2\0\ndata: a\n\n") == [("message", "1", "", None), ("message", "1", "a", None)]


def test_several_data_lines_are_one_text() -> None:
    assert parse("data: a\ndata\ndata:  b\n\n") == [("message", "", "a\n\n b", None)]


def test_text_that_python_takes_for_line_ends_stays_whole() -> None:
    text = "가\u2028나\x85다\x0b라\x1c마"

    assert parse(f"data: {text}\n\n") == [("message", "", text, None)]


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert parse(b"data: a\xff\xeab\n\n", size=1) == [("message", "", "a\ufffd\ufffdb", None)]


def test_a_byte_order_mark_costs_the_first_line_only() -> None:
    assert parse("\ufeffretry: 5\nid: 1\ndata: a\n\n") == [("message", "1", "a", None)]


@pytest.mark.parametrize("text", ["", "soon", "1.5"])
def test_a_pause_that_is_no_number_is_ignored(text: str) -> None:
    assert parse(f"retry: {text}\ndata: a\n\n") == [("message", "", "a", None)]


def test_a_very_long_line_comes_in_one_piece() -> None:
    text = "가" * 4_000_000

    assert parse(f"data: {text}\n\n", size=4096) == [("message", "", text, None)]


@settings(deadline=None)  # what it says holds on a busy machine too
@given(
    messages=st.lists(
        st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"])), max_size=5
    ),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    size=st.integers(1, 50),
)
def test_however_the_bytes_are_cut_and_lines_end_the_messages_are_the_same(
    messages: list[str], end: str, size: int
) -> None:
    text = "".join(f"id: {n}{end}data: {data}{end}{end}" for n, data in enumerate(messages))

    assert parse(text, size) == [("message", str(n), data, None) for n, data in enumerate(messages)]


def test_a_break_amid_a_message_is_raised_and_the_half_is_dropped() -> None:
    def chunks() -> Iterator[bytes]:
        yield b"id: 1\ndata: a\n\nid: 2\ndata: b\n"
        raise httpx.ReadError("gone")

    answer = httpx.Response(200, headers={"Content-Type": "text/event-stream"}, content=chunks())
    messages = EventSource(answer).iter_sse()
    assert next(messages).id == "1"
    with pytest.raises(httpx.ReadError):
        next(messages)
