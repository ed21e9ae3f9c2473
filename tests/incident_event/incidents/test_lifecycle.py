"""Every move from every status, against the table of the design."""

import itertools

import pytest

from contracts.access import ACCESS
from incident_event.incidents.lifecycle import (
    OFFERED,
    OPEN,
    Move,
    Status,
    TransitionNotAllowedError,
    check_transition,
    legal_moves,
)

TABLE = """
    acknowledge  reported                                     acknowledged
    respond      reported,acknowledged                        in_response
    contain      in_response                                  contained
    resolve      acknowledged,in_response,contained           resolved
    close        resolved                                     closed
    dismiss      reported,acknowledged,in_response            false_alarm
    reopen       resolved,closed,false_alarm                  acknowledged
    merge        reported,acknowledged,in_response,contained  merged
    void         reported,acknowledged,in_response,contained,resolved,closed,false_alarm,merged  voided
    recover      reported,acknowledged,in_response,contained  resolved
"""
LEGAL = {
    (Status(source), Move(move)): Status(target)
    for move, sources, target in (line.split() for line in TABLE.strip().splitlines())
    for source in sources.split(",")
}


@pytest.mark.parametrize(("status", "move"), list(itertools.product(Status, Move)))
def test_a_move_is_legal_where_the_table_says_so_and_nowhere_else(status: Status, move: Move) -> None:
    if (status, move) in LEGAL:
        assert check_transition(status, move) is LEGAL[status, move]
        return
    with pytest.raises(TransitionNotAllowedError) as refused:
        check_transition(status, move)
    legal = [one for one in OFFERED if (status, one) in LEGAL]
    assert refused.value.status == 409
    assert refused.value.extra["legal_moves"] == legal
    for one in legal:
        assert str(one) in refused.value.detail


def test_a_move_is_offered_where_there_is_a_route_for_it() -> None:
    routes = {path.rpartition("/")[2] for _, path in ACCESS["incident-event"] if "{incident_id}/" in path}
    assert {str(move) for move in OFFERED} == routes


def test_nothing_leaves_voided() -> None:
    assert legal_moves(Status.VOIDED) == ()


def test_open_is_what_can_still_be_merged() -> None:
    assert {source for source, move in LEGAL if move is Move.MERGE} == set(OPEN)
