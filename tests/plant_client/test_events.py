"""What a stream's messages come to, without a stream."""

import pytest
from httpx_sse import ServerSentEvent
from hypothesis import given
from hypothesis import strategies as st

from plant_client import Event, Reset, Subscription, UnreachableError


def message(seq: object = "", data: str = '{"payload": {}}', **fields: object) -> ServerSentEvent:
    return ServerSentEvent(id=str(seq), data=data, **fields)  # type: ignore[arg-type]


def taken(subscription: Subscription, *messages: ServerSentEvent) -> list[int]:
    items = [subscription.take(one) for one in messages]
    return [item.seq for item in items if isinstance(item, Event)]


@given(st.lists(st.integers(0, 30), max_size=60))
def test_whatever_comes_each_event_is_taken_once_and_in_order(numbers: list[int]) -> None:
    subscription = Subscription("f")
    seen = taken(subscription, *map(message, numbers))

    assert seen == sorted(set(seen))
    assert subscription.position == (max(numbers) if numbers else None)
    assert len(seen) + subscription.repeated == len(numbers)


def test_a_position_moves_without_an_event_and_is_no_repetition() -> None:
    subscription = Subscription("f")

    assert taken(subscription, message(41, ""), message(41, ""), message(42), message(42, "")) == [42]
    assert (subscription.position, subscription.repeated) == (42, 0)


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "²", "٣", "9" * 20, "9" * 19, str(2**63)])
def test_an_id_that_is_no_seq_moves_nothing(text: str) -> None:
    subscription = Subscription("f", after=3)

    assert subscription.take(message(text)) is None
    assert subscription.position == 3


def test_a_reset_may_lead_back_and_what_follows_is_new() -> None:
    subscription = Subscription("f", after=900)

    assert subscription.take(message(5, event="reset")) == Reset(after=900, head=5)
    assert taken(subscription, message(6)) == [6]


def test_a_reset_without_a_position_moves_nothing() -> None:
    subscription = Subscription("f", after=9)

    assert subscription.take(message("", "", event="reset")) == Reset(after=9, head=None)
    assert subscription.position == 9


@pytest.mark.parametrize(
    "data", ["[", "[]", "1", '"text"', pytest.param('{"a":' * 200_000 + "1" + "}" * 200_000, id="nested")]
)
def test_an_event_that_is_no_object_leaves_the_position_before_it(data: str) -> None:
    subscription = Subscription("f", after=1)

    with pytest.raises(UnreachableError, match="event 2 of incident-event cannot be read"):
        subscription.take(message(2, data))
    assert subscription.position == 1


def test_connected_is_told_once_and_only_when_nothing_can_be_missed() -> None:
    positions: list[int | None] = []
    live = Subscription("f", on_connect=lambda: positions.append(live.position))
    live.note_connection()
    assert positions == []
    live.take(message(0, ""))
    live.take(message(1))
    live.note_connection()
    assert positions == [0]

    resumed = Subscription("f", after=7, on_connect=lambda: positions.append(resumed.position))
    resumed.note_connection()
    assert positions == [0, 7]


def test_pauses_grow_from_what_the_plant_asks_for_and_a_message_ends_the_row() -> None:
    subscription = Subscription("f")
    subscription.note_connection()
    subscription.take(message(retry=3000))

    assert [subscription.note_break() for _ in range(4)] == [3, 6, 10, 10]
    subscription.take(message(1, ""))
    assert subscription.note_break() == 3


@pytest.mark.parametrize(("retry", "pause"), [(-5, 1), (0, 1), (999, 1), (10**400, 10)])
def test_a_pause_that_makes_no_sense_is_bounded(retry: int, pause: float) -> None:
    subscription = Subscription("f")
    subscription.take(message(retry=retry))

    assert subscription.note_break() == pause


def test_a_first_connection_that_fails_is_not_tried_again() -> None:
    with pytest.raises(UnreachableError, match="away"):
        Subscription("f").note_break(UnreachableError("away"))


def test_pauses_grow_while_connections_bring_no_event() -> None:
    subscription = Subscription("f", after=7)
    pauses = []
    for _ in range(4):
        subscription.note_connection()
        subscription.take(message(7, "", retry=0))
        subscription.take(message(7))
        with pytest.raises(UnreachableError):
            subscription.take(message(8, "["))
        pauses.append(subscription.note_break())

    assert pauses == [1, 2, 4, 8]
    subscription.take(message(8))
    assert subscription.note_break() == 1


def test_the_last_number_of_a_database_is_a_position() -> None:
    assert taken(Subscription("f"), message(2**63 - 1)) == [2**63 - 1]


def test_a_loss_without_a_position_is_told_without_a_number() -> None:
    sentence = "events after the beginning are no longer kept; going on from the next event"
    assert str(Reset(after=None, head=None)) == sentence
