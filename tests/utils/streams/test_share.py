"""A consumer's processes divide its partitions evenly, without a referee, whatever becomes of them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from uuid import UUID

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from utils.database import Database
from utils.streams.share import Membership, PartitionShare, partition_of

NAME = "consumer tests of kit"
PARTITIONS = 16

Join = Callable[..., Awaitable["Member"]]


class Member:
    """A process that shares, seen from outside."""

    def __init__(self, connection: asyncpg.Connection, share: PartitionShare) -> None:
        self.connection = connection
        self.share = share
        self.left: list[int] = []

    async def look(self) -> set[int]:
        """Balance once and give what was taken."""
        return await self.share.balance(self.stop_work)

    async def stop_work(self, numbers: Collection[int]) -> None:
        assert set(numbers) <= self.share.held, "the locks are given back after the work has ended"
        self.left.extend(numbers)


@pytest.fixture
async def join(fresh_database: Database) -> AsyncIterator[Join]:
    connections = []

    async def join_one(name: str = NAME, partitions: int = PARTITIONS) -> Member:
        connection = await fresh_database.open_connection()
        connections.append(connection)
        share = PartitionShare(connection, name, partitions)
        await share.join()
        return Member(connection, share)

    yield join_one
    for connection in connections:
        connection.terminate()


async def settle(*members: Member) -> list[int]:
    """Let every member look twice, as all do within two periods, and give how many partitions each has."""
    for _ in range(2):
        for member in members:
            await member.look()
    held = [number for member in members for number in member.share.held]
    assert len(held) == len(set(held)), "a partition is two members'"
    return [len(member.share.held) for member in members]


async def test_alone_a_process_has_everything_at_once(join: Join) -> None:
    member = await join()
    assert await member.look() == set(range(PARTITIONS))
    assert await member.look() == set()
    assert member.share.members == 1


async def test_each_that_joins_gets_its_part_and_nothing_more_moves_than_must(join: Join) -> None:
    members = [await join()]
    await settle(*members)
    for expected in ([8, 8], [5, 5, 6], [4, 4, 4, 4]):
        members.append(await join())
        assert sorted(await settle(*members)) == expected
    assert len(members[0].left) == 12
    for member in members:
        before = set(member.share.held)
        await member.look()
        assert member.share.held == before, "what is divided stays divided"


async def test_what_a_dead_member_held_goes_to_the_others(join: Join) -> None:
    members = [await join() for _ in range(3)]
    await settle(*members)
    dead = members.pop(0)
    await dead.connection.close()
    assert sorted(await settle(*members)) == [8, 8]


async def test_with_more_members_than_partitions_some_stand_by(join: Join) -> None:
    members = [await join(partitions=2) for _ in range(3)]
    assert sorted(await settle(*members)) == [0, 1, 1]
    standby = next(member for member in members if not member.share.held)
    gone = next(member for member in members if member.share.held)
    await gone.connection.close()
    await standby.look()
    assert len(standby.share.held) == 1


async def test_consumers_of_other_names_do_not_count(join: Join) -> None:
    await (await join("consumer others of kit")).look()
    member = await join()
    assert len(await member.look()) == PARTITIONS


async def test_a_member_without_its_session_is_told(join: Join) -> None:
    member = await join()
    await member.look()
    member.connection.terminate()
    with pytest.raises(asyncpg.InterfaceError):
        await member.look()


@given(st.integers(1, 300), st.integers(1, 1024))
def test_quotas_are_even_and_leave_nothing_over(members: int, partitions: int) -> None:
    quotas = [Membership(members, before).quota(partitions) for before in range(members)]
    assert sum(quotas) == partitions
    assert max(quotas) - min(quotas) <= 1


@given(st.uuids(), st.integers(1, 1024))
def test_a_factory_belongs_to_one_partition(factory_id: UUID, partitions: int) -> None:
    assert 0 <= partition_of(factory_id, partitions) < partitions


def test_a_factory_belongs_to_the_same_partition_in_every_release() -> None:
    known = {"0197c6a0-0000-7000-8000-000000000000": 18, "0197c6a0-0000-7000-8000-000000000001": 4}
    assert {one: partition_of(UUID(one), 64) for one in known} == known
