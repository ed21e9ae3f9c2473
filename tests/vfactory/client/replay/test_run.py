"""A replay against a plant that answers by a script: outages, refusals, interruptions."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from plant_client import PlantClient, RefusedError, UnreachableError
from support.servers.scripted import Answer, ScriptedServer, connect
from vfactory.client.replay.position import PositionFile
from vfactory.client.replay.progress import Lines
from vfactory.client.replay.reading import Choices, Recording, RecordingError
from vfactory.client.replay.report import Zones, describe
from vfactory.client.replay.run import Options, Replay

FIRST = datetime(2020, 2, 8, 13, 30, 47, tzinfo=UTC)
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ROWS = 2000
FULL = Options(None, as_new=False, restart=False, patience_seconds=30)
IMPATIENT = Options(None, as_new=False, restart=False, patience_seconds=0)
AWAY = (503, "application/problem+json", b'{"title": "Temporarily unavailable"}')


def accepted(count: int) -> Answer:
    answer = {"batch_id": "b", "accepted": count, "duplicates": 0, "rejected": []}
    return 200, "application/json", json.dumps(answer).encode()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "recording.csv"
    rows = [f"{FIRST + timedelta(seconds=s):%Y-%m-%d %H:%M:%S};{s};{s};{s};{s}" for s in range(ROWS)]
    path.write_text("\n".join(["time;a;b;c;d", *rows]))
    return path


def make_replay(client: PlantClient, file: Path) -> tuple[Replay, Recording]:
    recording = Recording(file, Choices(), UTC)
    replay = Replay(
        client,
        factory_id="f",
        source="pump-1",
        recording=recording,
        position_file=PositionFile(file.parent / "state", file, ()),
        now=lambda: NOW,
    )
    return replay, recording


def view() -> Lines:
    return Lines(Console(stderr=True))


def sent(server: ScriptedServer) -> list[dict[str, object]]:
    return [reading for request in server.requests for reading in json.loads(request.body)["readings"]]


def test_an_outage_is_waited_for_and_the_batch_sent_again_to_the_letter(file: Path) -> None:
    with connect(accepted(5000), AWAY, AWAY, accepted(3000)) as (server, client):
        replay, recording = make_replay(client, file)
        replay.run(FULL, view())

    bodies = [request.body for request in server.requests]
    assert len(bodies) == 4
    assert bodies[1] == bodies[2] == bodies[3] != bodies[0]
    assert (replay.tally.rows, replay.tally.readings, replay.tally.accepted) == (ROWS, 8000, 8000)
    assert replay.tally.retries == 2
    assert any("retries     2" in line for line in describe(recording, replay.tally, Zones()))


def test_a_replay_that_gave_up_goes_on_where_it_stopped(file: Path) -> None:
    with connect(accepted(5000), AWAY) as (server, client), pytest.raises(UnreachableError):
        make_replay(client, file)[0].run(IMPATIENT, view())
    with connect(accepted(3000)) as (again, client):
        replay, _ = make_replay(client, file)
        replay.run(FULL, view())

    assert (replay.tally.rows_before, replay.tally.rows) == (1250, 750)
    assert len(server.requests) == 2
    assert sent(again)[0] == {
        "source": "pump-1",
        "metric": "a",
        "at": "2020-02-08T13:51:37Z",
        "value": 1250.0,
    }
    with connect(accepted(1)) as (third, client):
        make_replay(client, file)[0].run(FULL, view())
    assert len(sent(third)) == 8000


def test_the_rest_of_a_recording_moved_to_now_joins_on_to_its_beginning(file: Path) -> None:
    as_new = Options(None, as_new=True, restart=False, patience_seconds=0)
    with connect(accepted(5000), AWAY) as (server, client), pytest.raises(UnreachableError):
        make_replay(client, file)[0].run(as_new, view())
    with connect(accepted(3000)) as (again, client):
        replay, _ = make_replay(client, file)
        replay._now = lambda: NOW + timedelta(hours=3)
        replay.run(as_new, view())

    times = [datetime.fromisoformat(str(r["at"])) for r in sent(server)[:5000] + sent(again)]
    assert times[-1] == NOW
    assert times[0] == NOW - timedelta(seconds=ROWS - 1)
    assert len(set(times)) == ROWS


def test_after_a_kill_the_batch_under_way_is_sent_again_to_the_letter(
    file: Path,
) -> None:
    with connect(AWAY) as (killed, client), pytest.raises(UnreachableError):
        make_replay(client, file)[0].run(IMPATIENT, view())
    with connect(accepted(4000)) as (resumed, client):
        make_replay(client, file)[0].run(FULL, view())
    with connect(accepted(4000)) as (another, client):
        make_replay(client, file)[0].run(FULL, view())

    assert killed.requests[0].body == resumed.requests[0].body
    assert sent(resumed) == sent(another)
    assert resumed.requests[0].body != another.requests[0].body


def test_restart_begins_again(file: Path) -> None:
    with connect(accepted(5000), AWAY) as (_server, client), pytest.raises(UnreachableError):
        make_replay(client, file)[0].run(IMPATIENT, view())
    with connect(accepted(4000)) as (_again, client):
        replay, _ = make_replay(client, file)
        replay.run(Options(None, as_new=False, restart=True, patience_seconds=0), view())

    assert (replay.tally.rows_before, replay.tally.rows) == (0, ROWS)


def test_readings_the_plant_refuses_are_told_with_the_lines_they_come_from(file: Path) -> None:
    rejected = [
        {"index": index, "field": "source", "code": "unknown_source", "detail": "no such equipment"}
        for index in range(0, 80, 2)
    ]
    answer = {"batch_id": "b", "accepted": 4960, "duplicates": 0, "rejected": rejected}
    with connect((200, "application/json", json.dumps(answer).encode()), accepted(3000)) as (_server, client):
        replay, recording = make_replay(client, file)
        replay.run(FULL, view())

    assert replay.tally.rejected_readings == 40
    lines = list(describe(recording, replay.tally, Zones()))
    assert "  rejected    40 unknown_source: no such equipment (lines 2, 2, 3, 3, 4, …)" in lines


def test_a_batch_refused_as_a_whole_ends_the_replay_with_the_reason(file: Path) -> None:
    refusal = (422, "application/problem+json", b'{"title": "Invalid request", "detail": "batch_id: is odd"}')
    with connect(refusal) as (server, client):
        replay, _ = make_replay(client, file)
        with pytest.raises(RefusedError, match="batch_id: is odd"):
            replay.run(FULL, view())

    assert len(server.requests) == 1


def test_a_file_without_a_single_usable_row_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.write_text("time;a\n2020-02-08 13:30:47;NaN\nnever;1\nnever;2\n")
    with connect(accepted(0)) as (server, client):
        recording = Recording(path, Choices(time_columns=("time",)), UTC)
        position = PositionFile(tmp_path, path, ())
        replay = Replay(
            client, factory_id="f", source="p", recording=recording, position_file=position, now=lambda: NOW
        )
        with pytest.raises(RecordingError, match="no row"):
            replay.run(FULL, view())

    assert server.requests == []


def test_where_the_position_cannot_be_kept_it_is_told_once_and_everything_is_sent(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (file.parent / "state").write_text("no folder")
    with connect(accepted(5000), accepted(3000)) as (_, client):
        replay, _ = make_replay(client, file)
        replay.run(FULL, view())

    assert replay.tally.accepted == 8000
    said = " ".join(capsys.readouterr().err.split())
    assert said.count("cannot keep in") == 1
    assert "File exists" in said or "Not a directory" in said
