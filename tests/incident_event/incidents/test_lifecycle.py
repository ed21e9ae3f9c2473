"""Every move from every status, against the table of the design."""

import itertools

import pytest

from incident_event.incidents.lifecycle import (
    OF_MACHINES,
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
    legal = [one for one in Move if (status, one) in LEGAL and one != Move.RECOVER]
    assert refused.value.status == 409
    assert refused.value.extra["legal_moves"] == legal
    for one in legal:
        assert str(one) in refused.value.detail


def test_no_person_is_offered_a_machines_move() -> None:
    assert {Move.RECOVER} == OF_MACHINES
    assert all(OF_MACHINES.isdisjoint(legal_moves(status)) for status in Status)


def test_nothing_leaves_voided() -> None:
    assert legal_moves(Status.VOIDED) == ()


def test_open_is_what_can_still_be_merged() -> None:
    assert {status for status in Status if Move.MERGE in legal_moves(status)} == set(OPEN)
