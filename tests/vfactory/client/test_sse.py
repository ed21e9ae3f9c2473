"""The stream parser: the standard's grammar, however the bytes are cut."""

from hypothesis import given, settings
from hypothesis import strategies as st

from vfactory.client.sse import Message, parse_messages


def parse(text: str, size: int = 7) -> list[Message]:
    data = text.encode()
    return list(parse_messages(data[i : i + size] for i in range(0, len(data), size)))


def test_a_message_has_an_id_a_type_and_data() -> None:
    assert parse('retry: 2000\nid: 12\nevent: incident.reported.v1\ndata: {"seq":12}\n\n') == [
        Message("incident.reported.v1", "12", '{"seq":12}', 2.0)
    ]


def test_heartbeats_and_unfinished_messages_are_dropped() -> None:
    assert parse(": heartbeat\n\n: heartbeat\n\nid: 1\ndata: a\n\nid: 2\ndata: b\n") == [
        Message(id="1", data="a")
    ]


def test_an_id_without_data_moves_the_position_only() -> None:
    assert parse(": head 41\nid: 41\n\n") == [Message(id="41", data=None)]


def test_several_data_lines_are_one_text() -> None:
    assert parse("data: a\ndata\ndata:  b\n\n") == [Message(data="a\n\n b")]


def test_text_that_python_takes_for_line_ends_stays_whole() -> None:
    text = "가\u2028나\x85다\x0b라\x1c마"

    assert parse(f"data: {text}\n\n") == [Message(data=text)]


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

    # What ends in a lone CR is only complete when the next byte shows that no LF follows.
    assert parse(text + ":\n", size) == [Message(id=str(n), data=data) for n, data in enumerate(messages)]
